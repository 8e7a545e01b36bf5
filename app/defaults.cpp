#include "app/defaults.hpp"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <string>
#include <string_view>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

namespace alula::app {

namespace {

namespace fs = std::filesystem;
using jobs::result;
using jobs::status;
using jobs::system_fault;

class descriptor {
public:
  explicit descriptor(int fd) : fd_(fd) {}
  ~descriptor() {
    if (fd_ >= 0)
      close(fd_);
  }
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  int get() const { return fd_; }

private:
  int fd_;
};

fs::path from_environment(const char* name) {
  // An empty or relative path is to be ignored (XDG base directories 0.8).
  const char* value = std::getenv(name);
  const fs::path path = value ? value : "";
  return path.is_absolute() ? path : fs::path{};
}

result<std::string> make_token() {
  std::array<unsigned char, 32> bytes{};
  if (getrandom(bytes.data(), bytes.size(), 0)
      != static_cast<ssize_t>(bytes.size()))
    return system_fault(errno, "getrandom", "the token");
  std::string token;
  for (const unsigned char b : bytes) {
    token += "0123456789abcdef"[b >> 4];
    token += "0123456789abcdef"[b & 15];
  }
  return token;
}

result<std::string> read_token(const fs::path& file) {
  errno = 0;
  std::ifstream in{file};
  if (!in)
    return system_fault(errno, "open", file.string());
  std::string token;
  in >> token;
  if (token.empty())
    return jobs::fault{jobs::fault_code::io_error,
                       "The token file " + file.string()
                           + " holds no token. Remove it to get a new one.",
                       "read token"};
  return token;
}

status write_durably(const fs::path& file, std::string_view text) {
  const descriptor fd{
      open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
  if (fd.get() < 0)
    return system_fault(errno, "open", file.string());
  if (write(fd.get(), text.data(), text.size())
      != static_cast<ssize_t>(text.size()))
    return system_fault(errno, "write", file.string());
  if (fsync(fd.get()) != 0)
    return system_fault(errno, "fsync", file.string());
  return {};
}

/// link() either gives the finished file its name or finds another start's.
result<bool> publish_token(const fs::path& file) {
  const auto data = file.parent_path();
  auto token = make_token();
  if (!token)
    return token.error();
  const fs::path draft = data / (".token." + std::to_string(getpid()));
  if (auto written = write_durably(draft, *token + "\n"); !written)
    return written.error();
  const bool mine = link(draft.c_str(), file.c_str()) == 0;
  const int why = errno;
  unlink(draft.c_str());
  if (!mine && why != EEXIST)
    return system_fault(why, "link", file.string());
  const descriptor directory{
      open(data.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (directory.get() < 0 || fsync(directory.get()) != 0)
    return system_fault(errno, "fsync", data.string());
  return mine;
}

status make_directory(const fs::path& data) {
  std::error_code error;
  fs::create_directories(data.parent_path(), error);
  if (error)
    return system_fault(error.value(), "mkdir", data.parent_path().string());
  if (mkdir(data.c_str(), 0700) != 0 && errno != EEXIST)
    return system_fault(errno, "mkdir", data.string());
  return {};
}

} // namespace

fs::path default_data_directory() {
  if (geteuid() == 0)
    return "/var/lib/alula";
  if (const auto state = from_environment("XDG_STATE_HOME"); !state.empty())
    return state / "alula";
  if (const auto home = from_environment("HOME"); !home.empty())
    return home / ".local/state/alula";
  return {};
}

result<kept_token> token_in(const fs::path& given) {
  kept_token out;
  std::error_code error;
  const auto file = fs::absolute(given, error);
  if (error)
    return system_fault(error.value(), "getcwd", given.string());
  if (!fs::exists(file, error)) {
    if (auto made = make_directory(file.parent_path()); !made)
      return made.error();
    auto published = publish_token(file);
    if (!published)
      return published.error();
    out.is_new = *published;
  }
  auto token = read_token(file);
  if (!token)
    return token.error();
  out.token = std::move(*token);
  return out;
}

result<embedded_start> embedded_defaults(const fs::path& given) {
  std::error_code error;
  const fs::path data = fs::absolute(given, error).lexically_normal();
  if (error)
    return system_fault(error.value(), "getcwd", given.string());
  if (auto made = make_directory(data); !made)
    return made.error();

  embedded_start out;
  out.token_file = data / "token";
  auto kept = token_in(out.token_file);
  if (!kept)
    return kept.error();
  out.token_is_new = kept->is_new;
  out.value.token = std::move(kept->token);
  out.value.api.host = "127.0.0.1";
  // No Panel whose origin could be asked for; a socket still needs a token.
  out.value.allowed_origins = {"*"};
  out.value.system.root_directory = data;
  out.value.system.log_directory = data / "logs";
  out.value.system.tmp_directory = data / "tmp";
  out.value.system.data = data / "volumes";
  return out;
}

} // namespace alula::app
