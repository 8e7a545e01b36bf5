#include "jobs/kinds/chosen_paths.hpp"

#include "jobs/engine.hpp"
#include "jobs/kinds/backup_requests.hpp"
#include "jobs/path_text.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>

namespace alula::jobs {

namespace {

using fields::json;

constexpr std::size_t most_paths = 1'000;
constexpr std::size_t most_path_bytes = 4'096; // PATH_MAX
constexpr std::size_t longest_name = 255;      // NAME_MAX

/// Behind this a listing goes on with `name`: no name that a file system takes
/// sorts in between.
std::string just_before(std::string name) {
  name.back() = static_cast<char>(static_cast<unsigned char>(name.back()) - 1);
  name.append(longest_name - name.size(), '\xff');
  return name;
}

/// Whether the manifest lists a file, directory or link of that path, spelt as
/// an extraction takes it: with `.` and slashes too many, and no `..`.
result<bool> has_path(archives& in, const backup_id& backup,
                      std::string_view path) {
  std::string directory;
  std::string name;
  while (!path.empty()) {
    const auto slash = std::min(path.find('/'), path.size());
    const auto part = path.substr(0, slash);
    path.remove_prefix(std::min(slash + 1, path.size()));
    if (part.empty() || part == ".")
      continue;
    if (part == ".." || part.size() > longest_name)
      return false;
    if (!name.empty())
      directory += (directory.empty() ? "" : "/") + name;
    name = part;
  }
  if (name.empty())
    return true; // all of it
  const auto page = in.browse(backup, directory, just_before(name), 1);
  if (!page && page.error().code == fault_code::path_not_found)
    return false;
  if (!page)
    return page.error();
  return !page->items.empty() && page->items.front().name == name;
}

/// A list of paths as a body spells them; `bytes_of` gives what is meant.
template<class BytesOf>
result<json> read_list(const json& body, const std::string& name,
                       const char* wanted, BytesOf bytes_of) {
  const auto found = body.find(name);
  if (found == body.end() || found->is_null())
    return json::array();
  // An empty list is more likely a mistake than the wish for everything; what
  // a job has on record is a body, and says null.
  if (!found->is_array() || found->empty() || found->size() > most_paths)
    return fields::wrong('/' + name, "must be a list of 1 to "
                                         + std::to_string(most_paths)
                                         + " paths, or left out");
  for (std::size_t i = 0; i < found->size(); ++i) {
    const auto& text = (*found)[i];
    const auto path = text.is_string()
                          ? bytes_of(text.get_ref<const std::string&>())
                          : std::optional<std::string>{};
    if (!path || path->empty() || path->size() > most_path_bytes
        || path->find('\0') != std::string::npos)
      return fields::wrong('/' + name + '/' + std::to_string(i), wanted);
  }
  return *found;
}

/// Faults are text.
std::string shown(const std::string& path) {
  return is_utf8(path) ? '"' + path + '"'
                       : "path of the bytes " + to_base64(path) + " (base64)";
}

bool is_without_manifest(fault_code why) {
  using enum fault_code;
  return why == no_manifest || why == backup_not_found || why == backup_damaged;
}

} // namespace

result<json> read_paths(const json& body) {
  return read_list(body, "paths", "must be a path inside the backup",
                   [](const std::string& text) { return std::optional{text}; });
}

result<json> read_paths64(const json& body) {
  return read_list(body, "paths64",
                   "must be the base64 of a path inside the backup",
                   [](const std::string& text) { return from_base64(text); });
}

std::vector<std::string> chosen_paths(const step_context& ctx) {
  const auto input = json::parse(ctx.job.input);
  const auto listed = [&](const char* name) {
    const auto found = input.find(name);
    return found == input.end() || found->is_null()
               ? std::vector<std::string>{}
               : found->get<std::vector<std::string>>();
  };
  auto paths = listed("paths");
  for (const auto& text : listed("paths64"))
    paths.push_back(from_base64(text).value()); // read_paths64 has seen it
  return paths;
}

result<bool> manifest_has_paths(step_context& ctx) {
  const auto backup = backup_of(ctx.job);
  for (const auto& path : chosen_paths(ctx)) {
    if (ctx.stop.stop_requested())
      return fault{.code = fault_code::interrupted, .what = "asked to stop"};
    const auto has = has_path(ctx.node.archives, backup, path);
    if (has && !*has)
      return fault{.code = fault_code::path_not_found,
                   .what = "the backup has no " + shown(path)};
    if (has)
      continue;
    // An archive says by itself what is in it, when it is read.
    if (is_without_manifest(has.error().code))
      return false;
    return has.error();
  }
  return true;
}

result<tree_size> size_of_chosen(step_context& ctx) {
  auto known = ctx.node.archives.chosen_size(backup_of(ctx.job),
                                             chosen_paths(ctx), ctx.stop);
  if (!known && is_without_manifest(known.error().code))
    return tree_size{};
  return known;
}

} // namespace alula::jobs
