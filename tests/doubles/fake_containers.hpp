/// A container engine in memory: a journal of every call, and faults that the
/// next calls of a method run into.
#pragma once

#include "jobs/ports.hpp"

#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace alula::jobs {

/// Any thread may call any method; the public members are for the test, before
/// and after, or under `mutex`.
class fake_containers final : public containers {
public:
  struct container {
    container_info info;
    std::vector<std::string> labels; ///< "key=value"
  };

  std::mutex mutex;
  std::map<std::string, container, std::less<>> by_id;
  /// "inspect 3f1d…", "destroy 3f1d…", in the order of the calls.
  std::vector<std::string> journal;
  /// By the method's name; each call of it uses up one.
  std::map<std::string, std::deque<fault>, std::less<>> faults;
  /// Every call fails with docker_unavailable while it is set.
  bool is_down = false;
  /// Called by destroy, outside the mutex: a test may hold it there.
  std::function<void(std::string_view)> before_destroy;

  void fail_next(const std::string& method, fault why, int times = 1) {
    const std::lock_guard guard{mutex};
    for (int i = 0; i < times; ++i)
      faults[method].push_back(why);
  }

  void set_down(bool down) {
    const std::lock_guard guard{mutex};
    is_down = down;
  }

  void put(const std::string& id, const std::string& name, bool running = true,
           std::vector<std::string> labels = {}) {
    const std::lock_guard guard{mutex};
    by_id[id] = {{.id = id,
                  .name = name,
                  .status = running ? "running" : "exited",
                  .running = running},
                 std::move(labels)};
  }

  std::vector<std::string> calls() {
    const std::lock_guard guard{mutex};
    return journal;
  }

  bool has(std::string_view name_or_id) {
    const std::lock_guard guard{mutex};
    return find(name_or_id) != by_id.end();
  }

  result<std::optional<container_info>>
  inspect(std::string_view name_or_id) override {
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
    const std::lock_guard guard{mutex};
    if (auto planned = note("destroy", name_or_id); !planned)
      return planned;
    if (stop.stop_requested())
      return fault{.code = fault_code::interrupted, .what = "asked to stop"};
    if (const auto at = find(name_or_id); at != by_id.end())
      by_id.erase(at);
    return {};
  }

  result<std::vector<std::string>>
  find_by_label(std::string_view label) override {
    const std::lock_guard guard{mutex};
    if (auto planned = note("find_by_label", label); !planned)
      return std::move(planned).error();
    std::vector<std::string> ids;
    for (const auto& [id, each] : by_id)
      for (const auto& has_label : each.labels)
        if (has_label == label)
          ids.push_back(id);
    return ids;
  }

  result<std::vector<container_info>> list() override {
    const std::lock_guard guard{mutex};
    if (auto planned = note("list", ""); !planned)
      return std::move(planned).error();
    std::vector<container_info> all;
    for (const auto& [id, each] : by_id)
      all.push_back(each.info);
    return all;
  }

private:
  std::map<std::string, container, std::less<>>::iterator
  find(std::string_view name_or_id) {
    for (auto at = by_id.begin(); at != by_id.end(); ++at)
      if (at->first == name_or_id || at->second.info.name == name_or_id)
        return at;
    return by_id.end();
  }

  status note(const std::string& method, std::string_view about) {
    journal.push_back(about.empty() ? method
                                    : method + ' ' + std::string{about});
    if (is_down)
      return fault{.code = fault_code::docker_unavailable,
                   .what = "no dockerd at fake.sock"};
    auto& waiting = faults[method];
    if (waiting.empty())
      return {};
    auto why = std::move(waiting.front());
    waiting.pop_front();
    return why;
  }
};

} // namespace alula::jobs
