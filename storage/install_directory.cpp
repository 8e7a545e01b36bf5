#include "storage/install_directory.hpp"

#include "storage/file_system.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace alula::storage {

using jobs::fault;
using jobs::fault_code;
using jobs::result;
using jobs::server_id;
using jobs::status;
using jobs::system_fault;

namespace {

const char* const script_name = "install.sh";

ownership ours(mode_t mode) {
  return {::geteuid(), ::getegid(), mode};
}

/// In a directory that others can write, what is run as root could be theirs.
status check_private(const directory& opened) {
  struct stat found {};
  const auto path = opened.path.string();
  if (::fstat(opened.fd.get(), &found) != 0)
    return system_fault(errno, "fstat", path);
  const bool of_others = found.st_uid != ::geteuid() && found.st_uid != 0;
  if (of_others || (found.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return fault{.code = fault_code::io_error,
                 .what = path
                         + " belongs to others or can be written by them, so "
                           "no install script is put there",
                 .where = path};
  return {};
}

/// Whole and durable, or as it was.
status replace_file(const directory& in, const std::string& name,
                    std::string_view text, mode_t mode) {
  const auto fresh = name + ".new";
  const auto path = in.path_of(name);
  if (::unlinkat(in.fd.get(), fresh.c_str(), 0) != 0 && errno != ENOENT)
    return system_fault(errno, "unlink", in.path_of(fresh));
  const file_descriptor file{
      ::openat(in.fd.get(), fresh.c_str(),
               O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode)};
  if (!file.is_open())
    return system_fault(errno, "open", path);
  if (::fchmod(file.get(), mode) != 0)
    return system_fault(errno, "fchmod", path);
  if (auto written = write_all(file.get(), text, path); !written)
    return written;
  if (::fsync(file.get()) != 0)
    return system_fault(errno, "fsync", path);
  if (::renameat(in.fd.get(), fresh.c_str(), in.fd.get(), name.c_str()) != 0)
    return system_fault(errno, "rename", path);
  return sync_directory(in);
}

/// A name that is gone already may have gone a moment before a crash, without
/// the fsync that was to follow.
status remove_name(const directory& in, const std::string& name, int flags) {
  if (::unlinkat(in.fd.get(), name.c_str(), flags) != 0 && errno != ENOENT)
    return system_fault(errno, "unlink", in.path_of(name));
  return sync_directory(in);
}

constexpr int directory_flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

std::string log_name(const server_id& server) {
  return server.to_string() + ".log";
}

bool is_missing(const std::filesystem::path& path) {
  std::error_code ignored;
  return !std::filesystem::exists(path, ignored);
}

} // namespace

install_directory::install_directory(std::filesystem::path scripts,
                                     std::filesystem::path logs)
  : scripts_(std::move(scripts)), logs_(std::move(logs)) {}

result<std::string> install_directory::put_script(const server_id& server,
                                                  std::string_view script) {
  const auto root = open_root(scripts_, ours(0700));
  if (!root)
    return root.error();
  if (auto safe = check_private(*root); !safe)
    return std::move(safe).error();
  const auto name = server.to_string();
  // The installer may be any user; nobody else comes past the directory above.
  if (auto made = make_directory(*root, name, ours(0755)); !made)
    return std::move(made).error();
  directory own{
      file_descriptor{::openat(root->fd.get(), name.c_str(), directory_flags)},
      {},
      root->path / name};
  if (!own.fd.is_open())
    return system_fault(errno, "open", own.path.string());
  if (auto put = replace_file(own, script_name, script, 0644); !put)
    return std::move(put).error();
  return own.path.string();
}

status install_directory::remove_script(const server_id& server) {
  if (is_missing(scripts_))
    return {};
  const auto root = open_root(scripts_, ours(0700));
  if (!root)
    return root.error();
  const auto name = server.to_string();
  const directory own{
      file_descriptor{::openat(root->fd.get(), name.c_str(), directory_flags)},
      {},
      root->path / name};
  if (!own.fd.is_open())
    return errno == ENOENT ? sync_directory(*root)
                           : system_fault(errno, "open", own.path.string());
  if (auto safe = check_private(*root); !safe)
    return safe;
  // The script may have left files beside itself: /mnt/install is writable.
  std::error_code failed;
  for (const auto& left : std::filesystem::directory_iterator{own.path, failed})
    std::filesystem::remove_all(left.path(), failed);
  if (failed)
    return system_fault(failed.value(), "remove", own.path.string());
  return remove_name(*root, name, AT_REMOVEDIR);
}

status install_directory::put_log(const server_id& server,
                                  std::string_view text) {
  const auto root = open_root(logs_, ours(0700));
  if (!root)
    return root.error();
  return replace_file(*root, log_name(server), text, 0600);
}

result<std::string> install_directory::read_log(const server_id& server,
                                                std::size_t most) {
  const auto path = logs_ / log_name(server);
  const file_descriptor file{
      ::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC)};
  if (!file.is_open())
    return errno == ENOENT ? result<std::string>{std::string{}}
                           : system_fault(errno, "open", path.string());
  const auto size = ::lseek(file.get(), 0, SEEK_END);
  if (size < 0)
    return system_fault(errno, "lseek", path.string());
  const auto wanted = std::min(static_cast<std::size_t>(size), most);
  std::string out(wanted, '\0');
  const auto from = size - static_cast<off_t>(wanted);
  std::size_t got = 0;
  while (got < wanted) {
    const auto read = ::pread(file.get(), out.data() + got, wanted - got,
                              from + static_cast<off_t>(got));
    if (read < 0 && errno == EINTR)
      continue;
    if (read < 0)
      return system_fault(errno, "read", path.string());
    if (read == 0)
      break;
    got += static_cast<std::size_t>(read);
  }
  out.resize(got);
  return out;
}

status install_directory::remove_log(const server_id& server) {
  if (is_missing(logs_))
    return {};
  const auto root = open_root(logs_, ours(0700));
  if (!root)
    return root.error();
  return remove_name(*root, log_name(server), 0);
}

} // namespace alula::storage
