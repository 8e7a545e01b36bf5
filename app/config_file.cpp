#include "app/config_file.hpp"

#include "app/config.hpp"

#include <nlohmann/json.hpp>
#include <yaml-cpp/yaml.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace alula::app {

namespace {

using jobs::fault;
using jobs::fault_code;
using nlohmann::json;

enum class kind { flag, number, text };

struct settable {
  std::string_view pointer; ///< of the JSON; also the path of the YAML
  kind is;
};

constexpr std::array<settable, 10> from_outside{
    {{"/debug", kind::flag},
     {"/app_name", kind::text},
     {"/uuid", kind::text},
     {"/token_id", kind::text},
     {"/token", kind::text},
     {"/remote", kind::text},
     {"/api/host", kind::text},
     {"/api/port", kind::number},
     {"/api/upload_limit", kind::number},
     {"/system/sftp/bind_port", kind::number}}};

fault malformed(std::string what) {
  return {.code = fault_code::malformed, .what = std::move(what)};
}

bool has_type(const json& value, kind is) {
  switch (is) {
  case kind::flag:
    return value.is_boolean();
  case kind::number:
    return value.is_number_integer();
  case kind::text:
    return value.is_string();
  }
  return false;
}

YAML::Node yaml_of(const json& value);

YAML::Node yaml_list(const json& value) {
  YAML::Node list{YAML::NodeType::Sequence};
  for (const auto& one : value)
    list.push_back(yaml_of(one));
  return list;
}

YAML::Node yaml_of(const json& value) {
  switch (value.type()) {
  case json::value_t::object: {
    YAML::Node map{YAML::NodeType::Map};
    for (const auto& [name, member] : value.items())
      map[name] = yaml_of(member);
    return map;
  }
  case json::value_t::array:
    return yaml_list(value);
  case json::value_t::string:
    return YAML::Node{value.get<std::string>()};
  case json::value_t::null:
    return YAML::Node{YAML::NodeType::Null};
  default:
    return YAML::Node{value.dump()};
  }
}

/// Sets the value at a path of names, making maps on the way.
void put(YAML::Node root, std::string_view pointer, const json& value) {
  const auto slash = pointer.find('/', 1);
  const std::string name{pointer.substr(1, slash - 1)};
  if (slash == std::string_view::npos) {
    root[name] = yaml_of(value);
    return;
  }
  if (!root[name].IsMap())
    root[name] = YAML::Node{YAML::NodeType::Map};
  put(root[name], pointer.substr(slash), value);
}

std::string text_of(const YAML::Node& root) {
  YAML::Emitter out;
  out << root;
  return std::string{out.c_str()} + "\n";
}

/// What could not be started with is not written.
jobs::result<std::string> checked(std::string text) {
  const auto report = parse_config(text);
  for (const auto& problem : report.problems)
    // A certificate may come later; the start asks for it.
    if (problem.grade == config_problem::severity::error
        && !problem.key.starts_with("api.ssl."))
      return malformed(problem.key + ": " + problem.what);
  return text;
}

jobs::result<json> object_of(const std::string& body) {
  auto read = json::parse(body, nullptr, false);
  if (!read.is_object())
    return malformed("the body is not a JSON object");
  return read;
}

jobs::status write_all(int fd, std::string_view text,
                       const std::filesystem::path& file) {
  while (!text.empty()) {
    const auto n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return jobs::system_fault(errno, "write", file.string());
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  if (fsync(fd) != 0)
    return jobs::system_fault(errno, "fsync", file.string());
  return {};
}

jobs::status sync_directory(const std::filesystem::path& directory) {
  const int fd = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0)
    return jobs::system_fault(errno, "open", directory.string());
  const bool synced = fsync(fd) == 0;
  const int why = errno;
  close(fd);
  return synced ? jobs::status{}
                : jobs::status{
                    jobs::system_fault(why, "fsync", directory.string())};
}

/// The new text under a name of its own, on disk.
jobs::result<std::string> write_aside(const std::filesystem::path& file,
                                      const std::string& text) {
  auto name = file.string() + ".XXXXXX";
  const int fd = mkostemp(name.data(), O_CLOEXEC); // mode 0600
  if (fd < 0)
    return jobs::system_fault(errno, "open", name);
  struct stat before {};
  jobs::status done;
  if (stat(file.c_str(), &before) == 0
      && fchown(fd, before.st_uid, before.st_gid) != 0 && errno != EPERM)
    done = jobs::system_fault(errno, "chown", name);
  if (done)
    done = write_all(fd, text, name);
  close(fd);
  if (done)
    return name;
  unlink(name.c_str());
  return std::move(done).error();
}

} // namespace

jobs::result<std::string> read_config(const std::filesystem::path& file) {
  constexpr std::size_t most = 1'048'576; // as load_config
  const int fd = open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return jobs::system_fault(errno, "open", file.string());
  std::string text;
  std::array<char, 4'096> piece{};
  ssize_t got = 0;
  do {
    got = ::read(fd, piece.data(), piece.size());
    if (got > 0)
      text.append(piece.data(), static_cast<std::size_t>(got));
  } while ((got > 0 && text.size() <= most) || (got < 0 && errno == EINTR));
  const int why = errno;
  close(fd);
  if (got < 0)
    return jobs::system_fault(why, "read", file.string());
  if (text.size() > most)
    return fault{.code = fault_code::io_error,
                 .what = file.string() + " is larger than 1 MiB"};
  return text;
}

jobs::result<std::string> merge_update(const std::string& yaml,
                                       const std::string& body) {
  const auto update = object_of(body);
  if (!update)
    return update.error();
  try {
    auto root = YAML::Load(yaml);
    if (!root.IsMap())
      root = YAML::Node{YAML::NodeType::Map};
    for (const auto& [pointer, is] : from_outside) {
      const json::json_pointer at{std::string{pointer}};
      if (!update->contains(at) || update->at(at).is_null())
        continue;
      const auto& value = update->at(at);
      if (!has_type(value, is))
        return malformed(std::string{pointer} + " is of the wrong type");
      put(root, pointer, value);
    }
    return checked(text_of(root));
  } catch (const YAML::Exception& wrong) {
    return malformed(std::string{"the file cannot be changed: "}
                     + wrong.what());
  }
}

jobs::result<std::string> new_config(const std::string& body) {
  const auto given = object_of(body);
  if (!given)
    return given.error();
  for (const auto* needed : {"token_id", "token", "remote"})
    if (!given->contains(needed) || !given->at(needed).is_string()
        || given->at(needed).get_ref<const std::string&>().empty())
      return malformed(std::string{"the answer has no "} + needed);
  return checked(text_of(yaml_of(*given)));
}

jobs::status write_config(const std::filesystem::path& file,
                          const std::string& text) {
  std::error_code error;
  auto target = std::filesystem::weakly_canonical(file, error);
  if (error)
    return jobs::system_fault(error.value(), "realpath", file.string());
  const auto directory = target.parent_path();
  std::filesystem::create_directories(directory, error);
  if (error)
    return jobs::system_fault(error.value(), "mkdir", directory.string());
  auto aside = write_aside(target, text);
  if (!aside)
    return std::move(aside).error();
  if (rename(aside->c_str(), target.c_str()) != 0) {
    const int why = errno;
    unlink(aside->c_str());
    return jobs::system_fault(why, "rename", target.string());
  }
  return sync_directory(directory);
}

} // namespace alula::app
