/// Backups of systems in memory. Any thread.
#pragma once

#include "jobs/system_objects.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <sys/mman.h>
#include <unistd.h>

namespace alula::doubles {

class fake_system_objects final : public jobs::system_objects {
public:
  std::mutex mutex; ///< over what follows
  std::map<std::string, std::string, std::less<>> parts, published;
  std::map<jobs::job_id, std::int64_t> reserved;
  std::int64_t free = std::int64_t{1} << 40;
  /// Asked before every call, with its name; a fault is its outcome.
  std::function<jobs::status(std::string_view call)> before;

  jobs::result<written>
  write(std::string_view id, const piece_source& from,
        const std::function<void(std::int64_t)>& tell) override {
    if (auto bad = check("write", id); !bad)
      return bad.error();
    std::string all;
    std::array<char, 4'096> piece{};
    for (;;) {
      const auto got = from(piece);
      if (!got) {
        const std::scoped_lock lock{mutex};
        parts.erase(std::string{id});
        return got.error();
      }
      if (*got == 0)
        break;
      all.append(piece.data(), *got);
      tell(static_cast<std::int64_t>(all.size()));
    }
    const std::scoped_lock lock{mutex};
    const auto size = static_cast<std::int64_t>(all.size());
    parts[std::string{id}] = std::move(all);
    return written{size, sum(size)};
  }
  jobs::status publish(std::string_view id) override {
    if (auto bad = check("publish", id); !bad)
      return bad;
    const std::scoped_lock lock{mutex};
    const auto part = parts.find(id);
    if (part == parts.end())
      return published.contains(id)
                 ? jobs::status{}
                 : jobs::status{jobs::fault{.code = jobs::fault_code::io_error,
                                            .what = "there is no part of "
                                                    + std::string{id}}};
    published[std::string{id}] = part->second;
    parts.erase(part);
    return {};
  }
  jobs::status remove(std::string_view id) override {
    if (auto bad = check("remove", id); !bad)
      return bad;
    const std::scoped_lock lock{mutex};
    parts.erase(std::string{id});
    published.erase(std::string{id});
    return {};
  }
  jobs::result<swept> sweep(const is_known_id& is_known) override {
    if (auto bad = check("sweep", some_id); !bad)
      return bad.error();
    const std::scoped_lock lock{mutex};
    const auto is_unknown = [&](const auto& one) {
      return !is_known(one.first);
    };
    swept made;
    made.parts = static_cast<std::int64_t>(std::erase_if(parts, is_unknown));
    made.unknown = std::ranges::count_if(published, is_unknown);
    return made;
  }
  jobs::result<open_object> open(std::string_view id) override {
    if (auto bad = check("open", id); !bad)
      return bad.error();
    const std::scoped_lock lock{mutex};
    const auto found = published.find(id);
    if (found == published.end())
      return jobs::fault{.code = jobs::fault_code::backup_not_found,
                         .what = "there is no " + std::string{id}};
    jobs::descriptor file{::memfd_create("backup", MFD_CLOEXEC)};
    const auto size = static_cast<ssize_t>(found->second.size());
    if (::write(file.get(), found->second.data(), found->second.size()) != size)
      return jobs::fault{.what = "the double is broken"};
    return open_object{std::move(file), size, 1'000};
  }
  jobs::result<jobs::disk_space> space() override {
    if (auto bad = check("space", some_id); !bad)
      return bad.error();
    return jobs::disk_space{.free = free, .total = free, .reserved = 0};
  }
  jobs::status reserve(const jobs::job_id& job, std::int64_t bytes) override {
    const std::scoped_lock lock{mutex};
    if (bytes > free)
      return jobs::fault{.code = jobs::fault_code::insufficient_storage,
                         .what = "the disk has no room"};
    reserved[job] = bytes;
    return {};
  }
  void release(const jobs::job_id& job) override {
    const std::scoped_lock lock{mutex};
    reserved.erase(job);
  }

  bool is_empty() {
    const std::scoped_lock lock{mutex};
    return parts.empty() && published.empty();
  }

private:
  static constexpr std::string_view some_id =
      "00000000-0000-7000-8000-000000000000";

  jobs::status check(std::string_view call, std::string_view id) {
    if (jobs::canonical_system_backup_id(id) != id)
      return jobs::fault{.code = jobs::fault_code::validation,
                         .what = "no id of a backup"};
    return before ? before(call) : jobs::status{};
  }
  /// Not SHA-256: of its shape, and of another size another one.
  static std::string sum(std::int64_t size) {
    auto digits = std::to_string(size);
    return std::string(64 - digits.size(), 'a') + digits;
  }
};

} // namespace alula::doubles
