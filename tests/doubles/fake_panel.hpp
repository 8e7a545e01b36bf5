/// A Panel in memory: what it has is what a test puts in, and every call is
/// written down. Blocks only where a test holds it.
#pragma once

#include "jobs/panel.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <new>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace alula::jobs {

/// Any thread may call any method.
class fake_panel final : public panel {
public:
  ~fake_panel() override; ///< in fakes.cpp, as is all that is virtual
  // -- the world, set up by the test ------------------------------------------

  bool configured = true; ///< before anything runs

  void put(const server_id& server, std::string config = {}) {
    const std::scoped_lock lock{mutex_};
    servers_[server] = config.empty() ? plain_config(server) : config;
  }
  void drop(const server_id& server) {
    const std::scoped_lock lock{mutex_};
    servers_.erase(server);
  }
  void put_script(const server_id& server, install_script script) {
    const std::scoped_lock lock{mutex_};
    scripts_[server] = std::move(script);
  }
  static std::string plain_config(const server_id& server,
                                  bool suspended = false) {
    return R"({"settings":{"uuid":")" + server.to_string() + R"(","suspended":)"
           + (suspended ? "true" : "false")
           + R"(},"process_configuration":{}})";
  }

  /// It was deleted there; the Panel has every other one.
  void forget(const backup_id& backup, bool forgotten = true) {
    const std::scoped_lock lock{mutex_};
    forgotten ? void(forgotten_.insert(backup))
              : void(forgotten_.erase(backup));
  }
  /// Every call fails with this until it is taken back.
  void fail(std::optional<fault> why) {
    const std::scoped_lock lock{mutex_};
    away_ = std::move(why);
  }
  /// What the next deliveries come to, one after the other; then `delivered`.
  void answer_next(delivery::verdict is, int times = 1, int http_status = 503) {
    const std::scoped_lock lock{mutex_};
    for (int i = 0; i < times; ++i)
      answers_.push_back({is, http_status,
                          is == delivery::verdict::delivered ? "" : "because"});
  }
  /// The next deliveries throw, as when there is no memory.
  void throw_next(int times = 1) {
    const std::scoped_lock lock{mutex_};
    throws_ = times;
  }
  void forget_answers() {
    const std::scoped_lock lock{mutex_};
    answers_.clear();
  }
  void fail_resets(int times) {
    const std::scoped_lock lock{mutex_};
    bad_resets_ = times;
  }
  /// Deliveries wait until let_go() or until they are asked to stop.
  void hold() {
    const std::scoped_lock lock{mutex_};
    held_ = true;
  }
  void let_go() {
    const std::scoped_lock lock{mutex_};
    held_ = false;
    changed_.notify_all();
  }
  std::size_t per_page = 50;
  /// What upload plans are; empty: one part.
  std::function<result<upload_plan>(const backup_id&, std::int64_t size)> plan;

  // -- what was called --------------------------------------------------------

  /// "list 1", "find 3f1d…" (after "at once", if it was so), "script …", "plan
  /// …", "knows …", "reset", "POST /path body".
  std::vector<std::string> calls() const {
    const std::scoped_lock lock{mutex_};
    return journal_;
  }
  std::size_t count(const std::string& prefix) const {
    const std::scoped_lock lock{mutex_};
    return count_inside(prefix);
  }
  /// False when it was not called so often within half a minute.
  bool wait_for(const std::string& prefix, std::size_t times = 1) const {
    std::unique_lock lock{mutex_};
    return changed_.wait_for(lock, std::chrono::seconds{30},
                             [&] { return count_inside(prefix) >= times; });
  }
  /// How many deliveries were under way at once, at most.
  std::size_t most_at_once() const {
    const std::scoped_lock lock{mutex_};
    return most_at_once_;
  }

  // -- the port ---------------------------------------------------------------

  bool is_configured() const override { return configured; }

  result<panel_page> list_servers(std::int64_t page, std::stop_token) override {
    const std::scoped_lock lock{mutex_};
    note("list " + std::to_string(page));
    if (away_)
      return *away_;
    panel_page out;
    out.page = std::max<std::int64_t>(page, 1);
    const auto count =
        static_cast<std::int64_t>((servers_.size() + per_page - 1) / per_page);
    out.last_page = std::max<std::int64_t>(count, 1);
    std::size_t index = 0;
    const auto first = static_cast<std::size_t>(out.page - 1) * per_page;
    for (const auto& [uuid, config] : servers_) {
      if (index >= first && index < first + per_page)
        out.servers.push_back({uuid, config});
      ++index;
    }
    return out;
  }
  result<panel_server> find_server(const server_id& server,
                                   std::stop_token) override {
    const std::scoped_lock lock{mutex_};
    note("find " + server.to_string());
    if (away_)
      return *away_;
    const auto found = servers_.find(server);
    if (found == servers_.end())
      return fault{.code = fault_code::server_not_found,
                   .what = "the Panel has no such server"};
    return panel_server{found->first, found->second};
  }
  result<panel_server> find_server_at_once(const server_id& server,
                                           std::stop_token stop) override {
    {
      const std::scoped_lock lock{mutex_};
      note("at once");
    }
    return find_server(server, std::move(stop));
  }
  result<install_script> find_install_script(const server_id& server,
                                             std::stop_token) override {
    const std::scoped_lock lock{mutex_};
    note("script " + server.to_string());
    if (away_)
      return *away_;
    const auto found = scripts_.find(server);
    if (found == scripts_.end())
      return fault{.code = fault_code::server_not_found,
                   .what = "the Panel has no such server"};
    return found->second;
  }
  result<upload_plan> plan_upload(const backup_id& backup, std::int64_t size,
                                  std::stop_token) override {
    const std::scoped_lock lock{mutex_};
    note("plan " + backup.to_string() + " " + std::to_string(size));
    if (away_)
      return *away_;
    if (plan)
      return plan(backup, size);
    return upload_plan{{"http://store/1"}, size};
  }
  result<bool> knows_backup(const backup_id& backup, std::stop_token) override {
    const std::scoped_lock lock{mutex_};
    note("knows " + backup.to_string());
    if (away_)
      return *away_;
    return !forgotten_.contains(backup);
  }
  status reset_servers(std::stop_token) override {
    const std::scoped_lock lock{mutex_};
    note("reset");
    if (bad_resets_ > 0 && !away_) {
      --bad_resets_;
      return fault{.code = fault_code::panel_unavailable, .what = "not now"};
    }
    return away_ ? status{*away_} : status{};
  }
  delivery deliver(std::string_view method, std::string_view path,
                   std::string_view body, std::stop_token stop) override {
    const std::stop_callback wake{stop, [this] {
                                    const std::scoped_lock lock{mutex_};
                                    changed_.notify_all();
                                  }};
    std::unique_lock lock{mutex_};
    note(std::string{method} + " " + std::string{path} + " "
         + std::string{body});
    most_at_once_ = std::max(most_at_once_, ++at_once_);
    changed_.wait(lock, [&] { return !held_ || stop.stop_requested(); });
    --at_once_;
    if (throws_ > 0) {
      --throws_;
      throw std::bad_alloc{};
    }
    if (held_)
      return {delivery::verdict::retry, 0, "asked to stop"};
    if (away_)
      return {delivery::verdict::retry, 0, away_->what};
    if (answers_.empty())
      return {delivery::verdict::delivered, 204, {}};
    auto answer = answers_.front();
    answers_.pop_front();
    return answer;
  }

private:
  void note(std::string what) {
    journal_.push_back(std::move(what));
    changed_.notify_all();
  }
  std::size_t count_inside(const std::string& prefix) const {
    return static_cast<std::size_t>(
        std::ranges::count_if(journal_, [&](const std::string& line) {
          return line.starts_with(prefix);
        }));
  }

  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::map<server_id, std::string> servers_;
  std::map<server_id, install_script> scripts_;
  std::set<backup_id> forgotten_;
  std::optional<fault> away_;
  std::deque<delivery> answers_;
  int bad_resets_ = 0;
  int throws_ = 0;
  bool held_ = false;
  std::size_t at_once_ = 0;
  std::size_t most_at_once_ = 0;
  std::vector<std::string> journal_;
};

} // namespace alula::jobs
