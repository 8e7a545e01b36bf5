#include "backup/manifest_header.hpp"

#include "backup/digest.hpp"
#include "backup/file_io.hpp"

#include <nlohmann/json.hpp>

#include <array>
#include <cstddef>

namespace alula::backup {

namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 3> level_words{"none", "best_speed",
                                                      "best_compression"};
constexpr std::array<std::string_view, 3> ignore_words{"none", "request",
                                                       ".pteroignore"};
constexpr const char* version_key = "alula_manifest";

template<class Words>
std::size_t place_of(const Words& words, const std::string& word) {
  for (std::size_t i = 0; i < words.size(); ++i)
    if (words[i] == word)
      return i;
  throw std::out_of_range{"unknown word"};
}

std::int64_t count_of(const json& from, const char* key) {
  const auto value = from.at(key).get<std::int64_t>();
  if (!from.at(key).is_number_integer() || value < 0)
    throw std::out_of_range{key};
  return value;
}

template<class Id>
Id id_of(const json& from, const char* key) {
  const auto text = from.at(key).get<std::string>();
  if (text.empty())
    return {};
  const auto id = Id::parse(text);
  if (!id)
    throw std::out_of_range{key};
  return *id;
}

std::string digits_of(const json& from, const char* key, std::size_t width) {
  auto text = from.at(key).get<std::string>();
  if (text.size() != width
      || text.find_first_not_of("0123456789abcdef") != std::string::npos)
    throw std::out_of_range{key};
  return text;
}

manifest_header header_of(const json& from) {
  manifest_header out;
  auto& facts = out.facts;
  facts.backup = id_of<jobs::backup_id>(from, "backup");
  facts.server = id_of<jobs::server_id>(from, "server");
  facts.job = id_of<jobs::job_id>(from, "job");
  facts.created_at = count_of(from, "created_at");
  const auto& archive = from.at("archive");
  facts.archive = {.size = count_of(archive, "size"),
                   .sha1 = digits_of(archive, "sha1", 40),
                   .sha256 = digits_of(archive, "sha256", 64),
                   .content_bytes = count_of(archive, "content_bytes"),
                   .files = count_of(archive, "files")};
  facts.noted = count_of(from, "notes");
  facts.entries = count_of(from, "entries");
  facts.level = static_cast<compression>(
      place_of(level_words, from.at("compression_level").get<std::string>()));
  facts.ignored_by = static_cast<ignore_source>(
      place_of(ignore_words, from.at("ignored_by").get<std::string>()));
  const auto& layout = from.at("layout");
  out.layout.index_length =
      static_cast<std::uint64_t>(count_of(layout, "index_length"));
  out.layout.index_sha256 = digits_of(layout, "index_sha256", 64);
  out.layout.blocks_length =
      static_cast<std::uint64_t>(count_of(layout, "blocks_length"));
  return out;
}

} // namespace

jobs::fault damaged_manifest(std::string_view why) {
  return {.code = jobs::fault_code::backup_damaged,
          .what = "the manifest cannot be used: " + std::string{why}};
}

std::string sha256_of(byte_view data) {
  digest hash{sums::sha256};
  hash.update(data);
  return hash.finish().sha256;
}

std::string header_text(const manifest_facts& facts,
                        const manifest_layout& layout) {
  nlohmann::ordered_json out;
  out[version_key] = manifest_version;
  out["program"] = "alula";
  out["backup"] = facts.backup.view();
  out["server"] = facts.server.view();
  out["job"] = facts.job.view();
  out["created_at"] = facts.created_at;
  out["archive"] = {{"size", facts.archive.size},
                    {"sha1", facts.archive.sha1},
                    {"sha256", facts.archive.sha256},
                    {"content_bytes", facts.archive.content_bytes},
                    {"files", facts.archive.files}};
  out["entries"] = facts.entries;
  out["notes"] = facts.noted;
  out["compression_level"] = level_words[static_cast<std::size_t>(facts.level)];
  out["ignored_by"] = ignore_words[static_cast<std::size_t>(facts.ignored_by)];
  out["layout"] = {{"index_length", layout.index_length},
                   {"index_sha256", layout.index_sha256},
                   {"blocks_length", layout.blocks_length}};
  const auto line = out.dump();
  return line + "\n{\"sha256\":\"" + sha256_of(view_of(line)) + "\"}\n";
}

jobs::result<manifest_header> header_from(std::string_view text) {
  const auto end = text.find('\n');
  if (end == std::string_view::npos)
    return damaged_manifest("its header has no end");
  const auto line = text.substr(0, end);
  try {
    const auto seal = json::parse(text.substr(end + 1));
    if (seal.at("sha256").get<std::string>() != sha256_of(view_of(line)))
      return damaged_manifest("its header has another checksum");
    const auto from = json::parse(line);
    if (from.at(version_key).get<int>() != manifest_version)
      return damaged_manifest("its format is of another version");
    return header_of(from);
  } catch (const std::exception& error) {
    return damaged_manifest(std::string{"its header does not read ("}
                            + error.what() + ")");
  }
}

} // namespace alula::backup
