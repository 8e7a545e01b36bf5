#include "storage/merge_account.hpp"

#include "storage/tree_aside.hpp"
#include "storage/tree_visit.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace alula::storage {

using jobs::result;
using jobs::status;
using jobs::system_fault;
using account = jobs::volumes::merge_account;

namespace {

constexpr std::size_t most_paths = 100;
constexpr std::int64_t looks_between_signs = 256;
constexpr std::size_t list_piece = std::size_t{64} * 1024;

/// The kernel's name of an open directory.
std::string name_of(int fd) {
  std::error_code ignored;
  return std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd),
                                       ignored)
      .string();
}

/// `at` is the root or below it.
std::string path_below(const std::string& root, int at, const char* name) {
  auto place = name_of(at);
  if (!place.starts_with(root))
    return name;
  place.erase(0, std::min(place.size(), root.size() + 1));
  return place.empty() ? name : place + '/' + name;
}

using account_sink = std::function<void(const account&)>;

status count_replaced(const directory& kept, const std::stop_token& stop,
                      const account_sink& tell, account& into) {
  const auto root = name_of(kept.fd.get());
  std::int64_t looked = 0;
  return visit_tree(kept, stop, [&](const tree_entry& entry) -> status {
    if (++looked % looks_between_signs == 0 && tell)
      tell(into);
    if (S_ISDIR(entry.found.st_mode))
      return {};
    ++into.replaced;
    into.bytes += entry.found.st_size;
    if (into.paths.size() < most_paths)
      into.paths.push_back(path_below(root, entry.at, entry.name));
    return {};
  });
}

status count_added(const directory& trash, const std::string& list,
                   account& into) {
  const file_descriptor file{::openat(trash.fd.get(), list.c_str(),
                                      O_RDONLY | O_NOFOLLOW | O_CLOEXEC)};
  if (!file.is_open())
    return errno == ENOENT ? status{}
                           : system_fault(errno, "open", trash.path_of(list));
  std::vector<char> batch(list_piece);
  for (;;) {
    const auto got = ::read(file.get(), batch.data(), batch.size());
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return system_fault(errno, "read", trash.path_of(list));
    if (got == 0)
      return {};
    into.added += std::count(batch.begin(), batch.begin() + got, '\0');
  }
}

} // namespace

result<account> read_merge_account(const directory& trash,
                                   const std::string& entry,
                                   const std::stop_token& stop,
                                   const account_sink& tell) {
  account out;
  auto kept = open_below(trash, entry);
  if (!kept)
    return std::move(kept).error();
  if (*kept)
    if (auto counted = count_replaced(**kept, stop, tell, out); !counted)
      return std::move(counted).error();
  if (auto counted = count_added(trash, list_beside(entry), out); !counted)
    return std::move(counted).error();
  return out;
}

} // namespace alula::storage
