#include "backup/manifest_reader.hpp"

#include "backup/entry_line.hpp"
#include "backup/file_io.hpp"
#include "backup/manifest_blocks.hpp"
#include "backup/path_text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace alula::backup {

namespace {

using nlohmann::json;

constexpr int most_hops = 8;
constexpr std::size_t most_members = 64'000'000;

/// The first path after everything below `directory`.
std::string past_subtree(std::string directory) {
  directory += static_cast<char>('/' + 1);
  return directory;
}

std::optional<std::vector<std::uint64_t>> numbers_at(const json& line,
                                                     const char* key) {
  if (!line.is_object())
    return std::nullopt;
  const auto at = line.find(key);
  if (at == line.end() || !at->is_array())
    return std::nullopt;
  std::vector<std::uint64_t> out;
  for (const auto& each : *at) {
    if (!each.is_number_unsigned())
      return std::nullopt;
    out.push_back(each.get<std::uint64_t>());
  }
  return out;
}

std::string text_of_key(const json& line, const char* key, const char* key64) {
  if (const auto at = line.find(key); at != line.end() && at->is_string())
    return at->get<std::string>();
  if (const auto at = line.find(key64); at != line.end() && at->is_string())
    return from_base64(at->get_ref<const std::string&>()).value_or("");
  return {};
}

jobs::browse_item item_of(const archive_entry& entry, std::string name) {
  using type = jobs::browse_item::type;
  jobs::browse_item item;
  item.name = std::move(name);
  item.is = entry.type == entry_type::directory ? type::directory
            : entry.type == entry_type::link    ? type::link
                                                : type::file;
  item.size = item.is == type::file ? static_cast<std::int64_t>(entry.size) : 0;
  item.mode = entry.mode;
  item.modified_at = entry.mtime_ns / 1'000'000;
  if (item.is == type::link)
    item.target = entry.target;
  return item;
}

jobs::fault no_directory(std::string_view path) {
  return {.code = jobs::fault_code::path_not_found,
          .what = "the backup has no directory " + std::string{path}};
}

} // namespace

struct manifest_reader::state {
  file_descriptor file;
  opened_manifest opened;
  manifest_index index;

  // Where the walk through the entries is.
  std::size_t block = 0; ///< of `lines`; past the last one: at the end
  bytes text;
  std::vector<std::string_view> lines;
  std::size_t line = 0;
  bool is_loaded = false;
  std::string scratch;

  jobs::status load(std::size_t which) {
    is_loaded = false;
    block = which;
    line = 0;
    lines.clear();
    if (which >= index.entries.size())
      return {};
    auto read = read_lines(file.get(), index.entries[which]);
    if (!read)
      return std::move(read).error();
    text = std::move(read->text);
    lines = std::move(read->lines);
    is_loaded = true;
    return {};
  }

  /// Goes to the first entry whose path is not before `path`.
  jobs::status seek(std::string_view path) {
    const auto key = path.substr(0, manifest_limits::key);
    const auto after =
        std::ranges::lower_bound(index.entries, key, {}, &indexed_block::key);
    auto which = static_cast<std::size_t>(after - index.entries.begin());
    which -= which > 0 ? 1 : 0;
    // Keys are cut, so that several blocks may have the same one.
    for (;; ++which) {
      if (!is_loaded || block != which)
        if (auto loaded = load(which); !loaded)
          return loaded;
      const auto at =
          std::ranges::partition_point(lines, [&](std::string_view one) {
            return path_of_line(one, scratch) < path;
          });
      line = static_cast<std::size_t>(at - lines.begin());
      if (line < lines.size() || which >= index.entries.size())
        return {};
    }
  }

  /// The line the walk stands at; nothing at the end.
  jobs::result<std::optional<std::string_view>> current() {
    while (line >= lines.size()) {
      if (block >= index.entries.size())
        return std::optional<std::string_view>{};
      if (auto loaded = load(is_loaded ? block + 1 : block); !loaded)
        return std::move(loaded).error();
    }
    return std::optional{lines[line]};
  }

  jobs::result<std::optional<archive_entry>> find(std::string_view path) {
    if (auto found = seek(path); !found)
      return std::move(found).error();
    auto at = current();
    if (!at)
      return std::move(at).error();
    if (!*at || path_of_line(**at, scratch) != path)
      return std::optional<archive_entry>{};
    auto entry = entry_from_line(**at);
    if (!entry)
      return std::move(entry).error();
    return std::optional{std::move(*entry)};
  }

  jobs::result<std::optional<archive_entry>>
  find_content(std::string_view path) {
    std::string wanted{path};
    for (int hop = 0; hop < most_hops; ++hop) {
      auto found = find(wanted);
      if (!found || !*found || !(*found)->is_reference)
        return found;
      wanted = (*found)->target;
    }
    return std::optional<archive_entry>{};
  }

  jobs::result<jobs::browse_page>
  browse(const std::string& prefix, std::string_view after, std::size_t limit) {
    jobs::browse_page page;
    std::vector<std::size_t> references;
    std::string from = prefix + std::string{after};
    if (!after.empty())
      from += '\0';
    if (auto found = seek(from); !found)
      return std::move(found).error();
    for (std::string last;;) {
      auto at = current();
      if (!at)
        return std::move(at).error();
      const auto path = *at ? path_of_line(**at, scratch) : "";
      if (!*at || !path.starts_with(prefix))
        break;
      if (path < from || (!last.empty() && path <= last))
        return damaged_manifest("its entries are not in order");
      last = path;
      const auto name = path.substr(prefix.size());
      if (const auto slash = name.find('/'); slash != std::string_view::npos) {
        from = past_subtree(prefix + std::string{name.substr(0, slash)});
        if (auto found = seek(from); !found)
          return std::move(found).error();
        continue;
      }
      if (page.items.size() == limit) {
        page.next = page.items.empty() ? "" : page.items.back().name;
        break;
      }
      auto entry = entry_from_line(**at);
      if (!entry)
        return std::move(entry).error();
      if (entry->is_reference)
        references.push_back(page.items.size());
      page.items.push_back(item_of(*entry, std::string{name}));
      ++line;
    }
    for (const auto which : references) {
      auto& item = page.items[which];
      auto content = find_content(prefix + item.name);
      if (!content)
        return std::move(content).error();
      if (*content)
        item.size = static_cast<std::int64_t>((*content)->size);
    }
    return page;
  }
};

manifest_reader::manifest_reader(std::unique_ptr<state> held)
  : state_(std::move(held)) {}
manifest_reader::~manifest_reader() = default;
manifest_reader::manifest_reader(manifest_reader&&) noexcept = default;
manifest_reader&
manifest_reader::operator=(manifest_reader&&) noexcept = default;

jobs::result<manifest_facts> read_manifest_facts(int manifest) {
  auto opened = open_manifest(manifest);
  if (!opened)
    return std::move(opened).error();
  return std::move(opened->header.facts);
}

jobs::result<manifest_reader> manifest_reader::open(file_descriptor manifest) {
  auto held = std::make_unique<state>();
  auto opened = open_manifest(manifest.get());
  if (!opened)
    return std::move(opened).error();
  auto index = read_index(manifest.get(), *opened);
  if (!index)
    return std::move(index).error();
  held->file = std::move(manifest);
  held->opened = std::move(*opened);
  held->index = std::move(*index);
  return manifest_reader{std::move(held)};
}

const manifest_facts& manifest_reader::facts() const {
  return state_->opened.header.facts;
}

jobs::result<std::optional<archive_entry>>
manifest_reader::find(std::string_view path) {
  return state_->find(path);
}

jobs::result<std::optional<archive_entry>>
manifest_reader::find_content(std::string_view path) {
  return state_->find_content(path);
}

jobs::result<jobs::browse_page> manifest_reader::browse(std::string_view path,
                                                        std::string_view after,
                                                        std::size_t limit) {
  if (path.empty())
    return state_->browse("", after, limit);
  auto directory = state_->find(path);
  if (!directory)
    return std::move(directory).error();
  if (!*directory || (*directory)->type != entry_type::directory)
    return no_directory(path);
  return state_->browse(std::string{path} + '/', after, limit);
}

jobs::result<std::optional<std::string_view>> manifest_reader::next_line() {
  auto at = state_->current();
  if (!at)
    return std::move(at).error();
  if (!*at)
    return std::optional<std::string_view>{};
  ++state_->line;
  return std::optional<std::string_view>{**at};
}

jobs::result<std::optional<archive_entry>> manifest_reader::next() {
  auto line = next_line();
  if (!line)
    return std::move(line).error();
  if (!*line)
    return std::optional<archive_entry>{};
  auto entry = entry_from_line(**line);
  if (!entry)
    return std::move(entry).error();
  return std::optional{std::move(*entry)};
}

jobs::result<std::vector<member_position>> manifest_reader::members() {
  std::vector<member_position> out;
  for (const auto& block : state_->index.members) {
    const auto read = read_lines(state_->file.get(), block);
    if (!read)
      return read.error();
    member_position last;
    for (const auto& line : read->lines) {
      const auto from = json::parse(line, nullptr, false);
      const auto content = numbers_at(from, "content");
      const auto archive = numbers_at(from, "archive");
      if (!content || !archive || content->size() != archive->size()
          || out.size() + content->size() > most_members)
        return damaged_manifest("its member positions do not read");
      for (std::size_t i = 0; i < content->size(); ++i) {
        last.content += (*content)[i];
        last.archive += (*archive)[i];
        if (!out.empty()
            && (last.content < out.back().content
                || last.archive <= out.back().archive))
          return damaged_manifest("its member positions are not in order");
        out.push_back(last);
      }
    }
  }
  return out;
}

jobs::result<std::vector<jobs::file_note>> manifest_reader::notes() {
  std::vector<jobs::file_note> out;
  for (const auto& block : state_->index.notes) {
    const auto read = read_lines(state_->file.get(), block);
    if (!read)
      return read.error();
    for (const auto& line : read->lines) {
      const auto from = json::parse(line, nullptr, false);
      if (!from.is_object())
        return damaged_manifest("a note of it does not read");
      out.push_back({text_of_key(from, "path", "path64"),
                     text_of_key(from, "what", "what64")});
    }
  }
  return out;
}

} // namespace alula::backup
