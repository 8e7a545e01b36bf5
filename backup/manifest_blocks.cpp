#include "backup/manifest_blocks.hpp"

#include "backup/file_io.hpp"
#include "backup/path_text.hpp"

#include <nlohmann/json.hpp>

#include <cerrno>
#include <optional>
#include <sys/stat.h>

namespace alula::backup {

namespace {

using nlohmann::json;

constexpr std::size_t most_blocks = 1'000'000;

std::optional<std::uint64_t> number_at(const json& line, const char* key) {
  const auto at = line.find(key);
  if (at == line.end() || !at->is_number_unsigned())
    return std::nullopt;
  return at->get<std::uint64_t>();
}

std::optional<std::string> key_of(const json& line) {
  if (const auto at = line.find("key"); at != line.end() && at->is_string())
    return at->get<std::string>();
  if (const auto at = line.find("key64"); at != line.end() && at->is_string())
    return from_base64(at->get_ref<const std::string&>());
  return std::nullopt;
}

/// Blocks follow each other, so that no index costs more than its file.
jobs::status add_block(std::string_view text, std::uint64_t start,
                       std::uint64_t room, std::uint64_t& next,
                       manifest_index& into) {
  const auto line = json::parse(text, nullptr, false);
  if (!line.is_object())
    return damaged_manifest("a line of its index does not read");
  const auto offset = number_at(line, "offset");
  const auto length = number_at(line, "length");
  const auto kind = line.find("kind");
  if (!offset || !length || *offset != next || *length == 0
      || *length > room - next || kind == line.end() || !kind->is_string())
    return damaged_manifest("a block of it lies outside of it");
  next += *length;
  indexed_block block{{}, start + *offset, *length};
  const auto& word = kind->get_ref<const std::string&>();
  if (word == "entries") {
    auto key = key_of(line);
    if (!key || (!into.entries.empty() && *key < into.entries.back().key))
      return damaged_manifest("its index is not in order");
    block.key = std::move(*key);
    into.entries.push_back(std::move(block));
  } else if (word == "members") {
    into.members.push_back(std::move(block));
  } else if (word == "notes") {
    into.notes.push_back(std::move(block));
  } // else: of a later minor version
  return {};
}

jobs::result<bytes> read_block(int manifest, const indexed_block& block) {
  if (block.length > manifest_limits::block_text)
    return damaged_manifest("a block of it is too long");
  bytes raw;
  if (auto read =
          read_at(manifest, block.offset,
                  static_cast<std::size_t>(block.length), raw, manifest_name);
      !read)
    return std::move(read).error();
  auto text = decode_member(raw, manifest_limits::block_text);
  if (!text || text->consumed != raw.size())
    return damaged_manifest("a block of it does not decode");
  return std::move(text->content);
}

jobs::result<std::vector<std::string_view>> lines_of(std::string_view text) {
  if (!text.empty() && !text.ends_with('\n'))
    return damaged_manifest("its last line has no end");
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const auto end = text.find('\n');
    out.push_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  return out;
}

} // namespace

jobs::result<opened_manifest> open_manifest(int manifest) {
  struct stat seen {};
  if (::fstat(manifest, &seen) != 0)
    return jobs::system_fault(errno, "fstat", manifest_name);
  bytes raw;
  if (auto read = read_at(manifest, 0, manifest_limits::header_text, raw,
                          manifest_name);
      !read)
    return std::move(read).error();
  return open_manifest_in(raw, static_cast<std::uint64_t>(seen.st_size));
}

jobs::result<opened_manifest> open_manifest_in(byte_view beginning,
                                               std::uint64_t size) {
  auto text = decode_member(beginning, manifest_limits::header_text);
  if (!text)
    return damaged_manifest("its header does not decode");
  auto header = header_from(text_of(text->content));
  if (!header)
    return std::move(header).error();
  const auto& layout = header->layout;
  const auto rest = size - text->consumed;
  if (size < text->consumed || layout.index_length > rest
      || layout.blocks_length != rest - layout.index_length)
    return damaged_manifest("it is not as long as its header says");
  return opened_manifest{std::move(*header), text->consumed};
}

jobs::result<manifest_index> read_index(int manifest,
                                        const opened_manifest& opened) {
  const auto& layout = opened.header.layout;
  if (layout.index_length > manifest_limits::index_text)
    return damaged_manifest("its index is too long");
  bytes raw;
  if (auto read = read_at(manifest, opened.index_offset,
                          static_cast<std::size_t>(layout.index_length), raw,
                          manifest_name);
      !read)
    return std::move(read).error();
  if (sha256_of(raw) != layout.index_sha256)
    return damaged_manifest("its index has another checksum");
  auto text = decode_member(raw, manifest_limits::index_text);
  if (!text)
    return damaged_manifest("its index does not decode");
  auto lines = lines_of(text_of(text->content));
  if (!lines)
    return std::move(lines).error();
  if (lines->size() > most_blocks)
    return damaged_manifest("its index has too many lines");
  manifest_index index;
  std::uint64_t next = 0;
  for (const auto& line : *lines)
    if (auto added = add_block(line, opened.index_offset + layout.index_length,
                               layout.blocks_length, next, index);
        !added)
      return std::move(added).error();
  return index;
}

jobs::result<block_lines> read_lines(int manifest, const indexed_block& block) {
  auto text = read_block(manifest, block);
  if (!text)
    return std::move(text).error();
  auto lines = lines_of(text_of(*text));
  if (!lines)
    return std::move(lines).error();
  return block_lines{std::move(*text), std::move(*lines)};
}

} // namespace alula::backup
