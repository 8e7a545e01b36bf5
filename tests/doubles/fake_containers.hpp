/// A container engine in memory: a journal of every call, and faults that the
/// next calls of a method run into.
#pragma once

#include "jobs/ports.hpp"
#include "tests/doubles/call_script.hpp"

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace alula::jobs {

/// Its journal: "inspect 3f1d…", "destroy 3f1d…", without what only asks for a
/// notice. Any thread may call any method; the public members are for the test,
/// before and after, or under `mutex`.
class fake_containers final : public containers, public call_script {
public:
  ~fake_containers() override; ///< in fakes.cpp, as is all that is virtual
  struct container {
    container_info info;
    std::vector<std::string> labels; ///< "key=value"
  };

  std::map<std::string, container, std::less<>> by_id;
  /// No signal but SIGKILL, sent by kill, ends a container.
  bool is_deaf = false;
  /// Called by destroy, outside the mutex: a test may hold it there.
  std::function<void(std::string_view)> before_destroy;
  /// The same of inspect, and of list, which may be waiting when it is stopped.
  std::function<void()> before_inspect;
  std::function<void(const std::stop_token&)> before_list;
  /// By name: those that dockerd does not answer for.
  std::map<std::string, container_silence, std::less<>> silences;
  /// How often a notice of an end was asked for, and how often one was given.
  std::atomic<int> notices_asked = 0, notices_given = 0;

  /// The run of a container is over, by itself.
  void exit(std::string_view name_or_id, int code, bool oom_killed = false) {
    const telling after{*this};
    const std::lock_guard guard{mutex};
    if (!set_running(name_or_id, false))
      return;
    auto& info = find(name_or_id)->second.info;
    info.exit_code = code;
    info.oom_killed = oom_killed;
  }

  void put(const std::string& id, const std::string& name, bool running = true,
           std::vector<std::string> labels = {}) {
    const std::lock_guard guard{mutex};
    by_id[id] = {{.id = id,
                  .name = name,
                  .status = running ? "running" : "exited",
                  .running = running},
                 std::move(labels)};
    auto& made = by_id[id];
    for (const auto& label : made.labels)
      made.info.labels.emplace(label.substr(0, label.find('=')),
                               label.substr(label.find('=') + 1));
  }

  bool has(std::string_view name_or_id) {
    const std::lock_guard guard{mutex};
    return find(name_or_id) != by_id.end();
  }

  result<std::optional<container_info>>
  inspect(std::string_view name_or_id) override {
    if (before_inspect)
      before_inspect();
    const std::lock_guard guard{mutex};
    if (auto planned = note("inspect", name_or_id); !planned)
      return std::move(planned).error();
    const auto at = find(name_or_id);
    if (at == by_id.end())
      return std::optional<container_info>{};
    return std::optional{at->second.info};
  }

  status destroy(std::string_view name_or_id, std::stop_token stop) override {
    if (before_destroy)
      before_destroy(name_or_id);
    const telling after{*this};
    const std::lock_guard guard{mutex};
    if (auto planned = note("destroy", name_or_id); !planned)
      return planned;
    if (stop.stop_requested())
      return fault{.code = fault_code::interrupted, .what = "asked to stop"};
    if (const auto at = find(name_or_id); at != by_id.end())
      by_id.erase(at);
    return {};
  }

  status stop(std::string_view name_or_id, std::string_view,
              std::chrono::milliseconds, std::stop_token asked) override {
    const telling after{*this};
    const std::lock_guard guard{mutex};
    if (auto planned = note("stop", name_or_id); !planned)
      return planned;
    if (asked.stop_requested())
      return fault{.code = fault_code::interrupted, .what = "asked to stop"};
    set_running(name_or_id, false);
    return {};
  }

  /// Journal: "kill NAME SIGNAL". Ends the container unless it is deaf.
  status kill(std::string_view name_or_id, std::string_view signal) override {
    const telling after{*this};
    const std::lock_guard guard{mutex};
    if (auto planned = note("kill", name_or_id, signal); !planned)
      return planned;
    if (!is_signal(signal))
      return fault{.code = fault_code::docker_refused,
                   .what = "Invalid signal: " + std::string{signal}};
    if (signal.ends_with("KILL") || !is_deaf)
      set_running(name_or_id, false);
    return {};
  }

  /// Nothing is ever told while it is down; a real one loses the connection.
  std::unique_ptr<end_notice> notice_end(std::string_view name_or_id,
                                         std::chrono::milliseconds,
                                         std::function<void()> told) override {
    ++notices_asked;
    auto asked = std::make_shared<asked_notice>();
    asked->name = name_or_id;
    asked->told = std::move(told);
    const telling after{*this};
    const std::lock_guard guard{mutex};
    asked->is_over = is_down;
    if (!is_down)
      asked_.push_back(asked);
    return std::make_unique<given_notice>(std::move(asked));
  }

  status start(std::string_view name_or_id) override {
    const std::lock_guard guard{mutex};
    if (auto planned = note("start", name_or_id); !planned)
      return planned;
    if (!set_running(name_or_id, true))
      return fault{.code = fault_code::docker_refused,
                   .what = "no such container"};
    return {};
  }

  result<std::vector<std::string>>
  find_by_label(std::string_view label, std::stop_token stop) override {
    const std::lock_guard guard{mutex};
    if (auto planned = note("find_by_label", label); !planned)
      return std::move(planned).error();
    if (stop.stop_requested())
      return fault{.code = fault_code::interrupted, .what = "asked to stop"};
    std::vector<std::string> ids;
    for (const auto& [id, each] : by_id)
      for (const auto& has_label : each.labels)
        if (has_label == label)
          ids.push_back(id);
    return ids;
  }

  result<std::vector<container_info>> list(std::stop_token stop) override {
    if (before_list)
      before_list(stop);
    const std::lock_guard guard{mutex};
    if (auto planned = note("list"); !planned)
      return std::move(planned).error();
    if (stop.stop_requested())
      return fault{.code = fault_code::interrupted, .what = "asked to stop"};
    std::vector<container_info> all;
    for (const auto& [id, each] : by_id)
      all.push_back(each.info);
    return all;
  }

  std::optional<container_silence>
  silence_of(std::string_view name) const override {
    const std::lock_guard guard{mutex};
    const auto at = silences.find(name);
    return at == silences.end() ? std::nullopt : std::optional{at->second};
  }

private:
  struct asked_notice {
    std::string name;
    std::mutex mutex; ///< held while it is told
    std::function<void()> told;
    std::atomic<bool> is_over = false;
  };
  class given_notice final : public end_notice {
  public:
    explicit given_notice(std::shared_ptr<asked_notice> of)
      : of_(std::move(of)) {}
    ~given_notice() override {
      const std::lock_guard guard{of_->mutex};
      of_->told = nullptr;
    }
    given_notice(const given_notice&) = delete;
    given_notice& operator=(const given_notice&) = delete;
    bool is_over() const override { return of_->is_over; }

  private:
    const std::shared_ptr<asked_notice> of_;
  };

  /// Tells of the ends of what is done meanwhile, under no lock of the fake's.
  class telling {
  public:
    explicit telling(fake_containers& of) : of_(of) {}
    ~telling() { of_.tell_ends(); }
    telling(const telling&) = delete;
    telling& operator=(const telling&) = delete;

  private:
    fake_containers& of_;
  };

  void tell_ends() {
    std::vector<std::shared_ptr<asked_notice>> ended;
    {
      const std::lock_guard guard{mutex};
      std::erase_if(asked_, [&](const auto& one) {
        const auto at = find(one->name);
        const bool runs = at != by_id.end() && at->second.info.running;
        if (!runs)
          ended.push_back(one);
        return !runs;
      });
    }
    for (const auto& one : ended) {
      const std::lock_guard guard{one->mutex};
      one->is_over = true;
      if (!one->told)
        continue;
      ++notices_given;
      one->told();
      one->told = nullptr;
    }
  }

  static bool is_signal(std::string_view name) {
    if (name.starts_with("SIG"))
      name.remove_prefix(3);
    for (const auto* known : {"HUP", "INT", "QUIT", "ABRT", "KILL", "USR1",
                              "USR2", "TERM", "CONT", "STOP"})
      if (name == known)
        return true;
    return false;
  }

  bool set_running(std::string_view name_or_id, bool running) {
    const auto at = find(name_or_id);
    if (at == by_id.end())
      return false;
    at->second.info.running = running;
    at->second.info.status = running ? "running" : "exited";
    return true;
  }

  std::map<std::string, container, std::less<>>::iterator
  find(std::string_view name_or_id) {
    for (auto at = by_id.begin(); at != by_id.end(); ++at)
      if (at->first == name_or_id || at->second.info.name == name_or_id)
        return at;
    return by_id.end();
  }

  std::vector<std::shared_ptr<asked_notice>> asked_;
};

} // namespace alula::jobs
