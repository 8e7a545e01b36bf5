#include "backup/late_entries.hpp"

#include "backup/entry_checks.hpp"

#include <cstddef>
#include <utility>

namespace alula::backup {

namespace {

/// Enough for a million directories.
constexpr std::uint64_t most_for_directories = std::size_t{128} * 1024 * 1024;

} // namespace

jobs::status late_entries::keep(late_link it) {
  for_links_ += cost_in_memory(it.path) + it.target.size();
  if (for_links_ > static_cast<std::uint64_t>(most_for_links_))
    return jobs::fault{
        .code = jobs::fault_code::archive_refused,
        .what = "the archive is refused: its links are over the limit of "
                + std::to_string(most_for_links_) + " bytes"};
  links_.push_back(std::move(it));
  return {};
}

jobs::status late_entries::keep(known_directory it) {
  for_directories_ += cost_in_memory(it.path);
  if (for_directories_ <= most_for_directories) {
    directories_.push_back(std::move(it));
    return {};
  }
  if (!std::exchange(is_past_directories_, true))
    account_.note(it.path,
                  "comes after so many directories that it and those after it "
                  "do not get their modes and times back");
  return tree_.make_directory(it.path);
}

jobs::status late_entries::make() {
  for (const bool hard : {false, true})
    for (const auto& link : links_)
      if (link.is_hard == hard)
        if (auto made = make_link(link); !made)
          return made;
  for (const auto& it : directories_) {
    if (auto asked = account_.look_at_stop(); !asked)
      return asked;
    if (auto set = tree_.set_traits(it.path, {it.mode, it.mtime_ns}); !set)
      return set;
  }
  return {};
}

jobs::status late_entries::make_link(const late_link& link) {
  using outcome = tree_writer::outcome;
  if (auto asked = account_.look_at_stop(); !asked)
    return asked;
  auto made = link.is_hard
                  ? tree_.make_hard_link(link.path, link.target)
                  : tree_.make_link(link.path, link.target, link.mtime_ns);
  if (!made)
    return std::move(made).error();
  if (*made == outcome::in_the_way)
    account_.note(link.path,
                  "something else has its name; the link is left out");
  if (*made == outcome::no_target)
    account_.note(link.path, "a hard link to " + link.target
                                 + ", which is not there; left out");
  if (link.is_hard && *made == outcome::made)
    account_.count_file();
  return {};
}

} // namespace alula::backup
