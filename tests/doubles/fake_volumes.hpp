/// Data directories and trash in memory: a journal of every call, and faults
/// that the next calls of a method run into.
#pragma once

#include "jobs/ports.hpp"

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace alula::jobs {

/// Any thread may call any method; the public members are for the test, before
/// and after, or under `mutex`.
class fake_volumes final : public volumes {
public:
  struct tree {
    std::int64_t files = 0;
    std::int64_t bytes = 0;
  };

  std::mutex mutex;
  std::map<server_id, tree> live;
  std::map<std::string, tree, std::less<>> trash;
  /// "detach 0199… 0199…", "purge 0199…", in the order of the calls.
  std::vector<std::string> journal;
  /// By the method's name; each call of it uses up one.
  std::map<std::string, std::deque<fault>, std::less<>> faults;
  /// Called by purge before each batch of 4,096 entries, outside the mutex: a
  /// test may hold it there.
  std::function<void()> before_batch;

  void fail_next(const std::string& method, fault why, int times = 1) {
    const std::lock_guard guard{mutex};
    for (int i = 0; i < times; ++i)
      faults[method].push_back(why);
  }

  void put(const server_id& server, tree files) {
    const std::lock_guard guard{mutex};
    live[server] = files;
  }

  std::vector<std::string> calls() {
    const std::lock_guard guard{mutex};
    return journal;
  }

  result<bool> create(const server_id& server) override {
    const std::lock_guard guard{mutex};
    if (auto planned = note("create", server.view()); !planned)
      return std::move(planned).error();
    return live.try_emplace(server).second;
  }

  status remove_if_empty(const server_id& server) override {
    const std::lock_guard guard{mutex};
    if (auto planned = note("remove_if_empty", server.view()); !planned)
      return planned;
    if (const auto at = live.find(server);
        at != live.end() && at->second.files == 0)
      live.erase(at);
    return {};
  }

  result<bool> exists(const server_id& server) override {
    const std::lock_guard guard{mutex};
    if (auto planned = note("exists", server.view()); !planned)
      return std::move(planned).error();
    return live.contains(server);
  }

  result<bool> detach(const server_id& server,
                      std::string_view entry) override {
    const std::lock_guard guard{mutex};
    if (auto planned = note("detach", server.view(), entry); !planned)
      return std::move(planned).error();
    const bool lies_there = trash.contains(entry);
    const auto at = live.find(server);
    if (at == live.end())
      return lies_there;
    if (lies_there && at->second.files > 0)
      return fault{.code = fault_code::io_error,
                   .what = "another volume took its place"};
    if (!lies_there)
      trash.emplace(entry, at->second);
    live.erase(at);
    return true;
  }

  status reattach(std::string_view entry, const server_id& server) override {
    const std::lock_guard guard{mutex};
    if (auto planned = note("reattach", entry, server.view()); !planned)
      return planned;
    const auto at = trash.find(entry);
    const bool is_back = live.contains(server);
    if (at == trash.end())
      return is_back ? status{}
                     : fault{.code = fault_code::trash_not_found,
                             .what = "neither in the trash nor in its place"};
    if (is_back)
      return fault{.code = fault_code::server_exists,
                   .what = "a volume is in the way"};
    live.emplace(server, at->second);
    trash.erase(at);
    return {};
  }

  result<purge_progress>
  purge(std::string_view entry, std::stop_token stop,
        const std::function<void(const purge_progress&)>& tell) override {
    purge_progress done;
    {
      const std::lock_guard guard{mutex};
      if (auto planned = note("purge", entry); !planned)
        return std::move(planned).error();
      if (!trash.contains(entry))
        return done;
    }
    for (;;) {
      if (before_batch)
        before_batch();
      if (stop.stop_requested())
        return fault{.code = fault_code::interrupted, .what = "asked to stop"};
      if (remove_batch(entry, done))
        break;
      if (tell)
        tell(done);
    }
    if (tell)
      tell(done);
    return done;
  }

  result<std::vector<std::string>> trash_entries() override {
    const std::lock_guard guard{mutex};
    if (auto planned = note("trash_entries"); !planned)
      return std::move(planned).error();
    std::vector<std::string> names;
    for (const auto& [name, files] : trash)
      names.push_back(name);
    return names;
  }

private:
  template<class... Words>
  status note(const std::string& method, const Words&... words) {
    std::string line = method;
    ((line += ' ', line += words), ...);
    journal.push_back(std::move(line));
    auto& waiting = faults[method];
    if (waiting.empty())
      return {};
    auto why = std::move(waiting.front());
    waiting.pop_front();
    return why;
  }

  /// True when nothing is left; the directory itself counts as an entry.
  bool remove_batch(std::string_view entry, purge_progress& done) {
    const std::lock_guard guard{mutex};
    const auto at = trash.find(entry);
    if (at == trash.end())
      return true;
    auto& [files, bytes] = at->second;
    const auto batch = std::min<std::int64_t>(files, 4096);
    const auto freed = files > 0 ? bytes / files * batch : bytes;
    files -= batch;
    bytes -= freed;
    done.entries += batch;
    done.bytes += freed;
    if (files > 0)
      return false;
    trash.erase(at);
    ++done.entries;
    return true;
  }
};

} // namespace alula::jobs
