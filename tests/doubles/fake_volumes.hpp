/// Data directories and trash in memory: a journal of every call, and faults
/// that the next calls of a method run into.
#pragma once

#include "jobs/ports.hpp"
#include "tests/doubles/call_script.hpp"
#include "tests/doubles/fake_promises.hpp"

#include <algorithm>
#include <fcntl.h>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace alula::jobs {

/// Its journal: "detach 0199… 0199…", "purge 0199…". Any thread may call any
/// method; the public members are for the test, before and after, or under
/// `mutex`.
class fake_volumes final : public volumes, public call_script {
public:
  ~fake_volumes() override; ///< in fakes.cpp, as is all that is virtual
  struct tree {
    std::int64_t files = 0;
    std::int64_t bytes = 0;
    std::int64_t added = 0; ///< files that a merge made; on its list
    std::int64_t gone = 0;  ///< entries that purges have removed
    std::int64_t freed = 0; ///< their bytes
  };

  std::map<server_id, tree> live;
  std::map<std::string, tree, std::less<>> trash;
  std::map<std::string, tree, std::less<>> staging;
  std::int64_t free_space = std::int64_t{1} << 40;
  std::int64_t kept_free = 0; ///< of it, never promised
  fake_promises reserved;
  std::uint64_t device = 0;         ///< of the disk
  std::int64_t taken_by_others = 0; ///< of the disk, from the next stage() on
  std::map<server_id, std::string> obstacles; ///< at the place of a volume
  std::int64_t overlapping = 0; ///< bytes that every merge replaces
  std::int64_t unpacked = 0;    ///< bytes that every staged tree takes
  std::int64_t free_inodes = std::int64_t{1} << 40;
  /// Called by purge before each batch of 4,096 entries, outside the mutex: a
  /// test may hold it there.
  std::function<void()> before_batch;

  void put(const server_id& server, tree files) {
    const std::lock_guard guard{mutex};
    live[server] = files;
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
      const auto at = trash.find(entry);
      if (at == trash.end())
        return done;
      done.entries = done.before = at->second.gone;
      done.bytes = at->second.freed;
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

  result<bool> is_in_trash(std::string_view entry) override {
    const std::lock_guard guard{mutex};
    if (auto planned = note("is_in_trash", entry); !planned)
      return std::move(planned).error();
    return trash.contains(entry);
  }

  result<descriptor> open(const server_id& server) override {
    const std::lock_guard guard{mutex};
    if (auto planned = note("open", server.view()); !planned)
      return std::move(planned).error();
    if (!live.contains(server))
      return fault{.code = fault_code::volume_obstructed,
                   .what = "no such volume"};
    return descriptor{::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC)};
  }

  result<descriptor> stage(std::string_view name, std::stop_token) override {
    const std::lock_guard guard{mutex};
    if (auto planned = note("stage", name); !planned)
      return std::move(planned).error();
    staging[std::string{name}] = {};
    free_space -= std::exchange(taken_by_others, 0);
    return descriptor{::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC)};
  }

  status discard_staging(
      std::string_view name, std::stop_token,
      const std::function<void(const purge_progress&)>& tell = {}) override {
    const std::lock_guard guard{mutex};
    if (auto planned = note("discard_staging", name); !planned)
      return planned;
    if (const auto at = staging.find(name); at != staging.end()) {
      if (tell)
        tell({.entries = at->second.files, .bytes = at->second.bytes});
      free_space += at->second.bytes;
      staging.erase(at);
    }
    return {};
  }

  status sweep_staging(const is_live_job& is_live, std::stop_token) override {
    const std::lock_guard guard{mutex};
    if (auto planned = note("sweep_staging"); !planned)
      return planned;
    std::erase_if(staging, [&](const auto& each) {
      const auto job =
          job_id::parse(std::string_view{each.first}.substr(0, 36));
      return job && !is_live(*job);
    });
    return {};
  }

  status check_place(const server_id& server, placing) override {
    const std::lock_guard guard{mutex};
    if (auto planned = note("check_place", server.view()); !planned)
      return planned;
    const auto at = obstacles.find(server);
    return at == obstacles.end() ? status{}
                                 : fault{.code = fault_code::volume_obstructed,
                                         .what = at->second};
  }

  result<bool> replace(origin from, std::string_view name,
                       const server_id& server,
                       std::string_view entry) override {
    const std::lock_guard guard{mutex};
    if (auto planned = note("replace", name, server.view(), entry); !planned)
      return std::move(planned).error();
    auto& source = from == origin::staging ? staging : trash;
    const auto at = source.find(name);
    if (at == source.end()) {
      if (!live.contains(server))
        return fault{.code = fault_code::io_error, .what = "no tree to put"};
      return trash.contains(entry);
    }
    if (const auto old = live.find(server); old != live.end()) {
      if (trash.contains(entry) && old->second.files > 0)
        return fault{.code = fault_code::io_error,
                     .what = "another volume took its place"};
      trash.emplace(entry, old->second);
      live.erase(old);
    }
    live.emplace(server, at->second);
    source.erase(at);
    return trash.contains(entry);
  }

  result<std::int64_t>
  merge(origin from, std::string_view name, const server_id& server,
        std::string_view entry, std::stop_token,
        const std::function<void(std::int64_t)>& tell = {}) override {
    const std::lock_guard guard{mutex};
    if (auto planned = note("merge", name, server.view(), entry); !planned)
      return std::move(planned).error();
    auto& source = from == origin::staging ? staging : trash;
    const auto at = source.find(name);
    if (at == source.end())
      return std::int64_t{0};
    const auto moved = at->second;
    live[server].files += moved.files - moved.added;
    live[server].bytes += moved.bytes;
    source.erase(at);
    if (moved.files + moved.added > 0)
      trash.emplace(entry, tree{moved.added, 0, moved.files});
    if (tell)
      tell(moved.files);
    return moved.files;
  }

  result<merge_account> account_of_merge(
      std::string_view entry, std::stop_token,
      const std::function<void(const merge_account&)>& = {}) override {
    const std::lock_guard guard{mutex};
    if (auto planned = note("account_of_merge", entry); !planned)
      return std::move(planned).error();
    const auto at = trash.find(entry);
    if (at == trash.end())
      return merge_account{};
    return merge_account{.replaced = at->second.files,
                         .bytes = at->second.bytes,
                         .added = at->second.added,
                         .paths = {}};
  }

  result<std::int64_t> used(const server_id& server, std::stop_token,
                            const walk_tell& tell = {}) override {
    const std::lock_guard guard{mutex};
    if (auto planned = note("used", server.view()); !planned)
      return std::move(planned).error();
    if (tell)
      tell(1);
    const auto at = live.find(server);
    return at == live.end() ? std::int64_t{0} : at->second.bytes;
  }

  result<std::int64_t> used_in_trash(std::string_view entry, std::stop_token,
                                     const walk_tell& tell = {}) override {
    const std::lock_guard guard{mutex};
    if (auto planned = note("used_in_trash", entry); !planned)
      return std::move(planned).error();
    if (tell)
      tell(1);
    const auto at = trash.find(entry);
    return at == trash.end() ? std::int64_t{0} : at->second.bytes;
  }

  result<std::int64_t> used_in_staging(std::string_view name, std::stop_token,
                                       const walk_tell& tell = {}) override {
    const std::lock_guard guard{mutex};
    if (auto planned = note("used_in_staging", name); !planned)
      return std::move(planned).error();
    if (tell)
      tell(1);
    return staging.contains(name) ? unpacked : 0;
  }

  result<std::int64_t> overlap(std::string_view name, const server_id& server,
                               std::stop_token,
                               const walk_tell& tell = {}) override {
    const std::lock_guard guard{mutex};
    if (auto planned = note("overlap", name, server.view()); !planned)
      return std::move(planned).error();
    if (tell)
      tell(1);
    return live.contains(server) ? overlapping : 0;
  }

  result<std::int64_t> take_ownership(const server_id& server,
                                      std::stop_token) override {
    const std::lock_guard guard{mutex};
    if (auto planned = note("take_ownership", server.view()); !planned)
      return std::move(planned).error();
    return std::int64_t{0};
  }

  result<disk_space> space() override {
    const std::lock_guard guard{mutex};
    if (auto planned = note("space"); !planned)
      return std::move(planned).error();
    const auto kept = reserved.sum();
    return disk_space{
        .free = std::max<std::int64_t>(0, free_space - kept_free - kept),
        .total = free_space * 2,
        .reserved = kept,
        .unused = free_space,
        .device = device,
        .kept_free = kept_free};
  }

  status reserve(const job_id& job, const room_wanted& room) override {
    const std::lock_guard guard{mutex};
    if (auto planned = note("reserve", job.view()); !planned)
      return planned;
    return reserved.keep(job, room, free_space - kept_free, free_inodes);
  }

  void release(const job_id& job) override {
    const std::lock_guard guard{mutex};
    (void)note("release", job.view());
    reserved.erase(job);
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
  /// True when nothing is left; the directory itself counts as an entry.
  bool remove_batch(std::string_view entry, purge_progress& done) {
    const std::lock_guard guard{mutex};
    const auto at = trash.find(entry);
    if (at == trash.end())
      return true;
    auto& [files, bytes, added, gone, gone_bytes] = at->second;
    const auto batch = std::min<std::int64_t>(files, 4096);
    const auto freed = files > 0 ? bytes / files * batch : bytes;
    files -= batch;
    bytes -= freed;
    free_space += freed;
    done.entries += batch;
    done.bytes += freed;
    gone = done.entries;
    gone_bytes = done.bytes;
    if (files > 0)
      return false;
    trash.erase(at);
    ++done.entries;
    return true;
  }
};

} // namespace alula::jobs
