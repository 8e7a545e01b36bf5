#include "app/config.hpp"

#include "app/yaml_reader.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <set>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace alula::app {

namespace {

constexpr std::size_t max_file_bytes = 1'048'576;

using severity = config_problem::severity;

void complain(config_report& into, std::string key, std::string what,
              severity grade = severity::error) {
  const auto line = into.lines.find(key);
  into.problems.push_back({grade, line == into.lines.end() ? 0 : line->second,
                           std::move(key), std::move(what)});
}

/// The Panel has no call by which a node could say that a backup is gone.
void check_rotation(config_report& into) {
  const auto& value = into.value;
  const auto& asked = value.system.backups.rotation;
  const bool is_on = value.system.backups.rotate_hours > 0
                     && (asked.keep_last > 0 || asked.keep_daily > 0
                         || asked.keep_weekly > 0 || asked.keep_monthly > 0);
  if (is_on && !value.remote.empty())
    complain(into, "system.backups.rotate_hours",
             "the Panel (remote) is not told what a rotation removes: its list "
             "keeps these backups, they count against the limit of the server, "
             "and restoring one fails",
             severity::warning);
}

void require_readable(config_report& into, const std::string& file,
                      std::string key) {
  if (file.empty())
    complain(into, std::move(key), "is needed: api.ssl.enabled is true");
  else if (access(file.c_str(), R_OK) != 0)
    complain(into, std::move(key),
             "cannot read " + file + ": " + std::strerror(errno));
}

/// A name that stands in URLs and in the ledger.
bool is_store_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 && name != "local"
         && name != "panel"
         && name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_")
                == std::string_view::npos;
}

void check_store(config_report& into, const std::string& name) {
  const auto& stores = into.value.stores;
  const auto key = "stores." + name;
  const auto has = [&](const auto& field) {
    const auto found = field.find(name);
    return found != field.end() && !found->second.empty();
  };
  if (!is_store_name(name))
    complain(into, key,
             "a store is named with a to z, 0 to 9, - and _, and is neither "
             "\"local\" nor \"panel\"");
  if (!has(stores.endpoint))
    complain(into, key, "needs an endpoint");
  else if (const auto& url = stores.endpoint.at(name);
           !url.starts_with("http://") && !url.starts_with("https://"))
    complain(into, key + ".endpoint", "must be an http or https URL");
  if (!has(stores.bucket))
    complain(into, key, "needs a bucket");
  if (has(stores.addressing) && stores.addressing.at(name) != "path"
      && stores.addressing.at(name) != "virtual")
    complain(into, key + ".addressing", "must be path or virtual");
}

/// What no single key can say.
void check_together(config_report& into) {
  const auto& value = into.value;
  const bool is_refused =
      std::ranges::find(into.problems, "token_file", &config_problem::key)
      != into.problems.end();
  if (value.token.empty() && value.token_file.empty() && !is_refused)
    complain(into, "token",
             "is missing, and so is token_file; it is the bearer of the API "
             "and the key of all "
             "signed tokens");
  std::set<std::string> stores;
  for (const auto& [key, line] : into.lines)
    if (key.starts_with("stores."))
      stores.insert(key.substr(7, key.find('.', 7) - 7));
  for (const auto& name : stores)
    check_store(into, name);
  if (const auto& to = value.system.backups.copy_to;
      !to.empty() && !stores.contains(to))
    complain(into, "system.backups.copy_to",
             "names no store of this configuration");
  check_rotation(into);
  if (value.api.ssl.enabled) {
    require_readable(into, value.api.ssl.cert, "api.ssl.cert");
    require_readable(into, value.api.ssl.key, "api.ssl.key");
  }
}

std::string octal(mode_t mode) {
  std::array<char, 8> out{};
  std::snprintf(out.data(), out.size(), "%04o", mode & 07777U);
  return out.data();
}

} // namespace

bool config_report::is_usable() const {
  return std::none_of(problems.begin(), problems.end(), [](const auto& p) {
    return p.grade == config_problem::severity::error;
  });
}

config_report parse_config(const std::string& yaml) {
  config_report out;
  read_yaml(yaml, out);
  // A file that could not be read as a whole says nothing about single keys.
  if (out.is_usable() || out.problems.front().key != "")
    check_together(out);
  std::stable_sort(
      out.problems.begin(), out.problems.end(),
      [](const auto& a, const auto& b) { return a.line < b.line; });
  return out;
}

config_report load_config(const std::filesystem::path& file) {
  const auto fail = [](std::string what) {
    config_report out;
    out.problems.push_back({severity::error, 0, "", std::move(what)});
    return out;
  };
  errno = 0;
  std::ifstream in{file, std::ios::binary};
  if (!in)
    return fail(std::string{"cannot be read: "} + std::strerror(errno));
  std::string text(max_file_bytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad() || (in.fail() && !in.eof()))
    return fail("cannot be read; is it a file?");
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > max_file_bytes)
    return fail("is larger than 1 MiB");
  return parse_config(text);
}

std::optional<config_problem> problem_of_token_file(const config_report& of) {
  const auto& file = of.value.token_file;
  if (!of.value.token.empty() || file.empty())
    return std::nullopt;
  const auto line = of.lines.find("token_file");
  const auto problem = [&](severity grade, std::string what) {
    return config_problem{grade, line == of.lines.end() ? 0 : line->second,
                          "token_file", std::move(what)};
  };
  struct stat about {};
  const bool is_seen = stat(file.c_str(), &about) == 0;
  if (!is_seen && errno == ENOENT)
    return std::nullopt;
  // One that is no file is not opened: it might wait for a writer.
  if (is_seen && !S_ISREG(about.st_mode))
    return problem(severity::error, file.string() + " is not a file");
  errno = 0;
  std::ifstream in{file};
  if (!in)
    return problem(severity::error, "cannot read " + file.string() + ": "
                                        + std::strerror(errno));
  std::string token;
  if (!(in >> token))
    return problem(severity::error, file.string() + " holds no token");
  if ((about.st_mode & 066U) != 0)
    return problem(severity::warning,
                   file.string()
                       + " can be read or written by others than its owner: "
                         "its mode is "
                       + octal(about.st_mode) + ", and should be 0600");
  return std::nullopt;
}

std::string describe(const std::filesystem::path& file,
                     const config_problem& problem) {
  std::string out = file.string();
  if (problem.line > 0)
    out += ":" + std::to_string(problem.line);
  out += problem.grade == severity::error ? ": error: " : ": warning: ";
  if (!problem.key.empty())
    out += problem.key + ": ";
  return out + problem.what;
}

} // namespace alula::app
