#include "storage/tree_aside.hpp"

#include "storage/directory_look.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace alula::storage {

using jobs::fault;
using jobs::fault_code;
using jobs::result;
using jobs::status;
using jobs::system_fault;

namespace {

constexpr int directory_flags = O_RDONLY | O_DIRECTORY | O_NONBLOCK;
constexpr int most_namesakes = 99;
constexpr std::size_t longest_name = 255;
constexpr std::size_t longest_path = 4096;
constexpr std::uint64_t most_of_list = std::uint64_t{64} << 20;
constexpr std::size_t read_at_once = 64 * 1024;

/// Somebody renames in the tree while it is walked: the entry was a directory
/// a moment ago.
bool is_changed(int error) {
  return error == ENOENT || error == ENOTDIR || error == ELOOP;
}

std::pair<std::string, std::string> split(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos)
    return {"", path};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

class taking_out {
public:
  taking_out(const directory& volume, const tree_place& aside)
    : volume_(volume), aside_(aside) {}

  status take(const std::string& path) {
    const auto [above, name] = split(path);
    if (!is_plain_name(name))
      return {}; // no list of ours says so
    if (!parent_ || above != above_)
      if (auto entered = enter(above); !entered)
        return entered;
    if (!parent_)
      return {};
    auto taken = is_taken(*parent_, name);
    if (!taken)
      return std::move(taken).error();
    if (!*taken)
      return {};
    if (!kept_)
      if (auto made = make_kept(); !made)
        return made;
    return move_aside(*parent_, name, *kept_);
  }

private:
  status enter(const std::string& above) {
    kept_.reset();
    above_ = above;
    auto opened = open_below(volume_, above);
    if (!opened)
      return std::move(opened).error();
    parent_ = std::move(*opened);
    return {};
  }

  /// The directories down to the parent, as those of the volume look.
  status make_kept() {
    auto made = make_like(aside_.parent, aside_.name, "");
    for (std::size_t from = 0; made && from < above_.size();) {
      const auto slash = std::min(above_.find('/', from), above_.size());
      made = make_like(*made, above_.substr(from, slash - from),
                       above_.substr(0, slash));
      from = slash + 1;
    }
    if (!made)
      return std::move(made).error();
    kept_ = std::move(*made);
    return {};
  }

  result<directory> make_like(const directory& parent, const std::string& name,
                              const std::string& model) {
    auto like = open_below(volume_, model);
    if (!like)
      return std::move(like).error();
    struct stat look {};
    const bool is_known = *like && ::fstat((*like)->fd.get(), &look) == 0;
    return make_aside(parent, name, is_known ? &look : nullptr);
  }

  const directory& volume_;
  const tree_place& aside_;
  std::string above_;
  std::optional<directory> parent_;
  std::optional<directory> kept_;
};

/// Each name that ends in `text`; what is left of it is the begin of the next.
status take_names(std::string& text, taking_out& out,
                  const std::stop_token& stop) {
  std::size_t from = 0;
  for (auto end = text.find('\0'); end != std::string::npos;
       end = text.find('\0', from)) {
    if (stop.stop_requested())
      return fault{fault_code::interrupted,
                   "The undo was asked to stop; it goes on where it was."};
    if (auto taken = out.take(text.substr(from, end - from)); !taken)
      return taken;
    from = end + 1;
  }
  text.erase(0, from);
  if (text.size() > longest_path)
    text.clear(); // no list of ours has such a name
  return {};
}

} // namespace

result<std::optional<directory>> open_below(const directory& root,
                                            const std::string& path) {
  auto shown = path.empty() ? root.path : root.path / path;
  const int fd = open_beneath(root.fd.get(), path.empty() ? "." : path.c_str(),
                              directory_flags);
  if (fd >= 0)
    return std::optional{directory{file_descriptor{fd}, {}, std::move(shown)}};
  if (is_changed(-fd))
    return std::optional<directory>{};
  if (fd == -EXDEV)
    return fault{fault_code::io_error,
                 "Something is mounted inside the server's files; it is not "
                 "followed. Unmount it.",
                 shown.string()};
  return system_fault(-fd, "open", shown.string());
}

result<directory> make_aside(const directory& parent, const std::string& name,
                             const struct stat* look) {
  auto shown = parent.path / name;
  if (::mkdirat(parent.fd.get(), name.c_str(), 0700) != 0 && errno != EEXIST)
    return system_fault(errno, "mkdir", shown.string());
  const int fd = open_beneath(parent.fd.get(), name.c_str(), directory_flags);
  if (fd < 0)
    return system_fault(-fd, "open", shown.string());
  directory made{file_descriptor{fd}, {}, std::move(shown)};
  if (look)
    if (auto dressed = dress(fd, *look, made.path.string()); !dressed)
      return std::move(dressed).error();
  return made;
}

status move_aside(const directory& volume, const std::string& name,
                  const directory& aside) {
  auto as = name;
  for (int namesake = 1; namesake <= most_namesakes; ++namesake) {
    auto moved = rename_new(volume, name, aside, as);
    if (!moved)
      return std::move(moved).error();
    if (*moved != rename_outcome::target_exists)
      return {};
    const auto suffix = '.' + std::to_string(namesake);
    as = name.substr(0, longest_name - suffix.size()) + suffix;
  }
  return fault{fault_code::io_error,
               "What is in the way of a restored file cannot be kept: too "
               "many of its name are kept already.",
               aside.path_of(name)};
}

std::string list_beside(const std::string& entry) {
  return entry + ".new";
}

status new_names::open() {
  const auto name = list_beside(kept_.name);
  const auto shown = kept_.parent.path_of(name);
  file_descriptor list{
      ::openat(kept_.parent.fd.get(), name.c_str(),
               O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600)};
  if (!list.is_open())
    return system_fault(errno, "open", shown);
  struct stat found {};
  if (::fstat(list.get(), &found) != 0)
    return system_fault(errno, "fstat", shown);
  // A run that died while it wrote has made nothing of the names it was at;
  // the next one behind the torn name would be read as a part of it.
  std::vector<char> tail(static_cast<std::size_t>(
      std::min<off_t>(found.st_size, longest_path + 1)));
  const auto from = found.st_size - static_cast<off_t>(tail.size());
  const auto got = ::pread(list.get(), tail.data(), tail.size(), from);
  if (got != static_cast<ssize_t>(tail.size()))
    return system_fault(got < 0 ? errno : EIO, "read", shown);
  while (!tail.empty() && tail.back() != '\0')
    tail.pop_back();
  const auto whole = from + static_cast<off_t>(tail.size());
  if (whole != found.st_size && ::ftruncate(list.get(), whole) != 0)
    return system_fault(errno, "ftruncate", shown);
  if (auto synced = sync_directory(kept_.parent); !synced)
    return synced;
  size_ = static_cast<std::uint64_t>(whole);
  file_ = std::move(list);
  return {};
}

status new_names::add(const std::string& names) {
  const auto shown = kept_.parent.path_of(list_beside(kept_.name));
  if (!file_.is_open())
    if (auto opened = open(); !opened)
      return opened;
  if (size_ + names.size() > most_of_list)
    return {};
  for (std::size_t done = 0; done < names.size();) {
    const auto put =
        ::write(file_.get(), names.data() + done, names.size() - done);
    if (put < 0 && errno == EINTR)
      continue;
    if (put < 0)
      return system_fault(errno, "write", shown);
    done += static_cast<std::size_t>(put);
  }
  size_ += names.size();
  if (::fdatasync(file_.get()) != 0)
    return system_fault(errno, "fdatasync", shown);
  return {};
}

status take_out_new(const tree_place& from, const directory& out_of,
                    const tree_place& aside, const std::stop_token& stop) {
  const auto name = list_beside(from.name);
  const auto shown = from.parent.path_of(name);
  const file_descriptor list{::openat(from.parent.fd.get(), name.c_str(),
                                      O_RDONLY | O_NOFOLLOW | O_CLOEXEC)};
  if (!list.is_open())
    return errno == ENOENT ? status{} : system_fault(errno, "open", shown);
  taking_out out{out_of, aside};
  std::vector<char> batch(read_at_once);
  for (std::string text;;) {
    const auto got = ::read(list.get(), batch.data(), batch.size());
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return system_fault(errno, "read", shown);
    if (got == 0)
      break;
    text.append(batch.data(), static_cast<std::size_t>(got));
    if (auto taken = take_names(text, out, stop); !taken)
      return taken;
  }
  // The list goes when what it says is done for good.
  if (::syncfs(from.parent.fd.get()) != 0)
    return system_fault(errno, "syncfs", shown);
  if (::unlinkat(from.parent.fd.get(), name.c_str(), 0) != 0 && errno != ENOENT)
    return system_fault(errno, "unlink", shown);
  return sync_directory(from.parent);
}

} // namespace alula::storage
