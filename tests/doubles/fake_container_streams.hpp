/// Consoles in memory: a journal of every call, faults that the next calls of a
/// method run into, and a test that says what the containers say.
#pragma once

#include "jobs/container_streams.hpp"
#include "tests/doubles/call_script.hpp"

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace alula::jobs {

/// Its journal: "attach NAME", "detach NAME", "write NAME TEXT", "log_tail
/// NAME", "watch", "stop_watching". Any thread may call any method; the public
/// members are for the test, before and after, or under `mutex`. Listeners are
/// called on the test's thread, outside the mutex.
class fake_container_streams final : public container_streams,
                                     public call_script {
public:
  ~fake_container_streams()
      override; ///< in fakes.cpp, as is all that is virtual
  /// Containers that cannot be attached to because there are none.
  std::set<std::string, std::less<>> missing;
  std::map<std::string, std::vector<std::string>, std::less<>> logs;
  /// What was written to each container, one after the other.
  std::map<std::string, std::string, std::less<>> written;
  /// Called by write, outside the mutex: a container that answers.
  std::function<void(std::string_view name, std::string_view text)> on_write;
  /// Called by attach once it listens, outside the mutex.
  std::function<void(std::string_view name)> on_attach;

  std::string written_to(std::string_view name) {
    const std::lock_guard guard{mutex};
    const auto at = written.find(name);
    return at == written.end() ? std::string{} : at->second;
  }

  // -- what containers and dockerd do ----------------------------------------
  // Each returns false when nobody listens.

  bool say(std::string_view name, std::string_view line) {
    {
      const std::lock_guard guard{mutex};
      logs[std::string{name}].emplace_back(line);
    }
    const auto to = listener_of(name);
    if (to)
      to->line(line);
    return to != nullptr;
  }

  bool sample(std::string_view name, const resource_sample& what) {
    const auto to = listener_of(name);
    if (to)
      to->sample(what);
    return to != nullptr;
  }

  bool end(std::string_view name) {
    const auto to = take(name);
    if (to)
      to->ended();
    return to != nullptr;
  }

  bool event(std::string_view name, std::string_view id,
             std::string_view what) {
    const auto to = watcher();
    if (to)
      to->changed(name, id, what);
    return to != nullptr;
  }

  bool miss() {
    const auto to = watcher();
    if (to)
      to->missed();
    return to != nullptr;
  }

  bool go_away(const fault& why) {
    const auto to = watcher();
    if (to)
      to->away(why);
    return to != nullptr;
  }

  // -- the port --------------------------------------------------------------

  status attach(std::string_view name_or_id,
                std::shared_ptr<container_listener> listener) override {
    std::shared_ptr<container_listener> before;
    {
      const std::lock_guard guard{mutex};
      if (auto planned = note("attach", name_or_id); !planned)
        return planned;
      if (missing.contains(name_or_id))
        return fault{.code = fault_code::docker_refused,
                     .what =
                         "there is no container " + std::string{name_or_id}};
      before = std::exchange(attached_[std::string{name_or_id}],
                             std::move(listener));
    }
    if (before)
      before->ended();
    if (on_attach)
      on_attach(name_or_id);
    return {};
  }

  void detach(std::string_view name_or_id) override {
    const std::lock_guard guard{mutex};
    write_down("detach", name_or_id);
    attached_.erase(std::string{name_or_id});
  }

  bool is_attached(std::string_view name_or_id) const override {
    return listener_of(name_or_id) != nullptr;
  }

  status write(std::string_view name_or_id, std::string_view text) override {
    {
      const std::lock_guard guard{mutex};
      const auto name = std::string{name_or_id};
      if (auto planned = note("write", name, text); !planned)
        return planned;
      if (!attached_.contains(name))
        return fault{.code = fault_code::docker_refused,
                     .what = "container " + name + " is not attached"};
      written[name] += text;
    }
    if (on_write)
      on_write(name_or_id, text);
    return {};
  }

  result<std::vector<std::string>> log_tail(std::string_view name_or_id,
                                            std::size_t lines) override {
    const std::lock_guard guard{mutex};
    if (auto planned = note("log_tail", name_or_id); !planned)
      return std::move(planned).error();
    const auto at = logs.find(name_or_id);
    if (at == logs.end())
      return std::vector<std::string>{};
    const auto& all = at->second;
    const auto skipped = all.size() > lines ? all.size() - lines : 0;
    return std::vector<std::string>(
        all.begin() + static_cast<std::ptrdiff_t>(skipped), all.end());
  }

  /// Unlike dockerd, says nothing by itself: see `miss`.
  void watch(std::shared_ptr<container_event_listener> listener) override {
    const std::lock_guard guard{mutex};
    write_down("watch");
    watcher_ = std::move(listener);
  }

  void stop_watching() override {
    const std::lock_guard guard{mutex};
    write_down("stop_watching");
    watcher_.reset();
  }

private:
  std::shared_ptr<container_listener> listener_of(std::string_view name) const {
    const std::lock_guard guard{mutex};
    const auto at = attached_.find(name);
    return at == attached_.end() ? nullptr : at->second;
  }

  std::shared_ptr<container_listener> take(std::string_view name) {
    const std::lock_guard guard{mutex};
    const auto at = attached_.find(name);
    if (at == attached_.end())
      return nullptr;
    auto listener = std::move(at->second);
    attached_.erase(at);
    return listener;
  }

  std::shared_ptr<container_event_listener> watcher() {
    const std::lock_guard guard{mutex};
    return watcher_;
  }

  std::map<std::string, std::shared_ptr<container_listener>, std::less<>>
      attached_;
  std::shared_ptr<container_event_listener> watcher_;
};

} // namespace alula::jobs
