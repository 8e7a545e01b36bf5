#include "backup/entry_checks.hpp"

#include "backup/tar_header.hpp"

#include <algorithm>
#include <climits>
#include <limits>

namespace alula::backup {

namespace {

constexpr std::size_t longest_target = 4'095; // PATH_MAX less its end
constexpr std::uint32_t plain_bits = 0777;
/// Up to here no ratio is looked at: small archives of zeros are innocent.
constexpr std::uint64_t free_of_ratio = std::size_t{64} * 1024 * 1024;
constexpr auto most_countable =
    static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());

jobs::fault refused(std::string what) {
  return {.code = jobs::fault_code::archive_refused,
          .what = "the archive is refused: " + std::move(what)};
}

std::string limit_text(const char* what, std::uint64_t limit) {
  return std::string{" is over the limit of "} + std::to_string(limit) + what;
}

std::uint64_t most_by_ratio(std::uint64_t archive_size, std::int64_t ratio) {
  const auto factor =
      static_cast<std::uint64_t>(std::max<std::int64_t>(1, ratio));
  const auto product = archive_size > most_countable / factor
                           ? most_countable
                           : archive_size * factor;
  return std::max(product, free_of_ratio);
}

/// Calls `take` for every part between slashes that is not empty or ".".
template<class Take>
jobs::status each_part(std::string_view path, Take take) {
  while (!path.empty()) {
    const auto slash = std::min(path.find('/'), path.size());
    const auto part = path.substr(0, slash);
    path.remove_prefix(std::min(slash + 1, path.size()));
    if (part.empty() || part == ".")
      continue;
    if (auto taken = take(part); !taken)
      return taken;
  }
  return {};
}

} // namespace

jobs::result<std::string> plain_path(std::string_view path,
                                     const jobs::extraction_limits& limits) {
  if (path.find('\0') != std::string_view::npos)
    return refused("the name " + shown(path) + " has a NUL in it");
  if (path.size() > static_cast<std::size_t>(limits.path_length))
    return refused(
        "the path " + shown(path)
        + limit_text(" bytes", static_cast<std::uint64_t>(limits.path_length)));
  std::string out;
  int depth = 0;
  auto taken = each_part(path, [&](std::string_view part) -> jobs::status {
    if (part == "..")
      return refused("the path " + shown(path) + " climbs up with \"..\"");
    if (part.size() > std::size_t{NAME_MAX})
      return refused("a name in " + shown(path)
                     + limit_text(" bytes", std::size_t{NAME_MAX}));
    if (++depth > limits.depth)
      return refused("the depth of " + shown(path)
                     + limit_text(" directories",
                                  static_cast<std::uint64_t>(limits.depth)));
    if (!out.empty())
      out += '/';
    out += part;
    return {};
  });
  if (!taken)
    return std::move(taken).error();
  return out;
}

link_reach reach_of(std::string_view path, std::string_view target) {
  if (target.starts_with('/'))
    return link_reach::outside;
  auto depth = std::ranges::count(path, '/');
  bool is_out = false;
  (void)each_part(target, [&](std::string_view part) -> jobs::status {
    depth += part == ".." ? -1 : 1;
    is_out = is_out || depth < 0;
    return {};
  });
  return is_out ? link_reach::outside : link_reach::inside;
}

entry_checks::entry_checks(const jobs::extraction_limits& limits,
                           const std::vector<std::string>& paths,
                           std::uint64_t archive_size)
  : limits_(limits), is_everything_(paths.empty()),
    most_by_ratio_(most_by_ratio(archive_size, limits.ratio)) {
  for (const auto& path : paths) {
    auto plain = plain_path(path, limits);
    if (!plain)
      continue; // no entry can have such a path
    is_everything_ = is_everything_ || plain->empty();
    paths_.insert(std::move(*plain));
  }
}

bool entry_checks::is_chosen(std::string_view path) const {
  if (is_everything_)
    return true;
  for (auto end = path.find('/'); end != std::string_view::npos;
       end = path.find('/', end + 1))
    if (paths_.contains(path.substr(0, end)))
      return true;
  return paths_.contains(path);
}

jobs::result<checked_entry> entry_checks::check(const tar_entry& entry) {
  checked_entry out;
  if (++entries_ > static_cast<std::uint64_t>(limits_.entries))
    return refused(
        "the number of its entries, at " + shown(entry.path) + ","
        + limit_text("", static_cast<std::uint64_t>(limits_.entries)));
  auto path = plain_path(entry.path, limits_);
  if (!path)
    return std::move(path).error();
  out.path = std::move(*path);
  out.mode = entry.mode & plain_bits;
  if (auto judged = judge(entry, out); !judged)
    return std::move(judged).error();
  out.is_wanted = out.is_restorable && is_chosen(out.path);
  if (auto counted = count(entry, out.is_wanted); !counted)
    return std::move(counted).error();
  return out;
}

jobs::status entry_checks::judge(const tar_entry& entry,
                                 checked_entry& out) const {
  if (out.path.empty()) {
    if (entry.path.empty() || entry.type != tar_type::directory)
      return refused("the entry \"" + shown(entry.path) + "\" has no name");
    return {}; // the server's directory itself
  }
  const bool is_marked = (entry.mode & ~plain_bits) != 0;
  switch (entry.type) {
  case tar_type::file:
    if (entry.path.ends_with('/'))
      return refused("the file " + shown(entry.path)
                     + " has the name of a directory");
    break;
  case tar_type::directory:
    break;
  case tar_type::link:
  case tar_type::hard_link:
    return judge_links(entry, out);
  case tar_type::device:
    out.note = "a device; left out";
    return {};
  case tar_type::fifo:
    out.note = "a fifo; left out";
    return {};
  case tar_type::other:
    out.note =
        "of the unknown kind '" + shown({&entry.flag, 1}) + "'; left out";
    return {};
  }
  out.is_restorable = true;
  if (is_marked)
    out.note = "its set-id and sticky bits are taken off";
  return {};
}

jobs::status entry_checks::judge_links(const tar_entry& entry,
                                       checked_entry& out) const {
  if (entry.target.empty() || entry.target.find('\0') != std::string::npos
      || entry.target.size() > longest_target)
    return refused("the link " + shown(entry.path)
                   + " has a target that cannot be");
  out.is_restorable = true;
  if (entry.type == tar_type::link) {
    out.target = entry.target;
    if (reach_of(out.path, out.target) == link_reach::outside)
      out.note = "leads out of the server's files, to " + shown(out.target);
    return {};
  }
  auto target = plain_path(entry.target, limits_);
  if (!target)
    return refused("the hard link " + shown(entry.path)
                   + " leads to a path that cannot be, " + shown(entry.target));
  out.target = std::move(*target);
  if (out.target.empty() || out.target == out.path) {
    out.is_restorable = false;
    out.note = "a hard link to no file; left out";
  }
  return {};
}

jobs::status entry_checks::count(const tar_entry& entry, bool is_wanted) {
  if (entry.is_sparse
      && entry.size > static_cast<std::uint64_t>(limits_.file_size))
    return refused(
        "the size of " + shown(entry.path)
        + limit_text(" bytes", static_cast<std::uint64_t>(limits_.file_size)));
  // Holes cost nothing.
  const auto size = entry.stored;
  if (size > most_countable - total_)
    return refused("the size of " + shown(entry.path) + " is absurd");
  total_ += size;
  if (total_ > most_by_ratio_)
    return refused("the content up to " + shown(entry.path) + " is "
                   + std::to_string(total_) + " bytes, more than "
                   + std::to_string(limits_.ratio)
                   + " times the archive (the ratio limit)");
  if (!is_wanted || entry.type == tar_type::directory)
    return {};
  ++files_;
  if (entry.type != tar_type::file)
    return {};
  bytes_ += size;
  if (limits_.bytes > 0 && bytes_ > static_cast<std::uint64_t>(limits_.bytes))
    return refused(
        "the content up to " + shown(entry.path)
        + limit_text(" bytes", static_cast<std::uint64_t>(limits_.bytes)));
  return {};
}

jobs::status entry_checks::check_position(std::uint64_t position) const {
  if (position <= most_by_ratio_)
    return {};
  return refused("its tar is longer than " + std::to_string(limits_.ratio)
                 + " times the archive (the ratio limit)");
}

} // namespace alula::backup
