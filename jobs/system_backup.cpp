#include "jobs/system_backup.hpp"

#include "jobs/ascii.hpp"
#include "jobs/clock.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <ctime>

namespace alula::jobs {

namespace {

constexpr std::array<std::string_view, 6> extensions{
    ".tar.gz", ".tar.xz", ".tar.bz2", ".tar.zst", ".gpg", ".bin"};
constexpr std::size_t uuid_size = 36;
constexpr std::size_t longest_name = 255;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_harmless(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
         || c == '.' || c == '_' || c == '-';
}

std::string_view without_blanks(std::string_view text) {
  return trimmed(text, " \t\r\n\v\f");
}

std::string_view behind_slashes(std::string_view name) {
  const auto slash = name.find_last_of("/\\");
  return slash == std::string_view::npos ? name : name.substr(slash + 1);
}

/// Bytes of the code point at the front; 1 for what is none.
std::size_t code_point_size(std::string_view text) {
  const auto first = static_cast<unsigned char>(text.front());
  const std::size_t size = first < 0xC2   ? 1
                           : first < 0xE0 ? 2
                           : first < 0xF0 ? 3
                           : first < 0xF5 ? 4
                                          : 1;
  if (size > text.size())
    return 1;
  for (std::size_t i = 1; i < size; ++i)
    if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80)
      return 1;
  return size;
}

/// dddd-dd-dd anywhere in it.
bool has_date(std::string_view text) {
  constexpr std::string_view shape = "dddd-dd-dd";
  for (std::size_t at = 0; at + shape.size() <= text.size(); ++at) {
    const auto here = text.substr(at, shape.size());
    if (std::ranges::equal(here, shape, [](char c, char wanted) {
          return wanted == '-' ? c == '-' : is_digit(c);
        }))
      return true;
  }
  return false;
}

std::string formatted(time_ms at, const char* pattern) {
  const auto seconds = static_cast<std::time_t>(at / 1'000);
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  std::array<char, 40> buffer{};
  const auto size = std::strftime(buffer.data(), buffer.size(), pattern, &utc);
  return {buffer.data(), size};
}

} // namespace

std::string_view to_string(system_backup_state s) {
  switch (s) {
  case system_backup_state::uploading:
    return "uploading";
  case system_backup_state::stored:
    return "stored";
  case system_backup_state::deleting:
    return "deleting";
  }
  return "uploading";
}

std::optional<system_backup_state>
parse_system_backup_state(std::string_view text) {
  using enum system_backup_state;
  for (const auto s : {uploading, stored, deleting})
    if (to_string(s) == text)
      return s;
  return std::nullopt;
}

// -- ids ----------------------------------------------------------------------

std::optional<std::string> canonical_system_backup_id(std::string_view text) {
  auto id = lowered(text);
  const auto uuid = std::string_view{id}.substr(0, uuid_size);
  if (!job_id::parse(uuid))
    return std::nullopt;
  constexpr std::size_t version_at = 14, variant_at = 19;
  const char variant = uuid[variant_at];
  if (uuid[version_at] != '7'
      || (variant != '8' && variant != '9' && variant != 'a' && variant != 'b'))
    return std::nullopt;
  const auto rest = std::string_view{id}.substr(uuid_size);
  if (!rest.empty() && std::ranges::find(extensions, rest) == extensions.end())
    return std::nullopt;
  return id;
}

std::string_view system_backup_extension(std::string_view filename) {
  const auto name = lowered(behind_slashes(without_blanks(filename)));
  for (const auto known : extensions)
    if (name.ends_with(known))
      return known;
  return ".bin";
}

std::string make_system_backup_id(time_ms now, std::string_view x_filename) {
  return make_job_id(now).to_string()
         + std::string{system_backup_extension(x_filename)};
}

// -- names --------------------------------------------------------------------

std::string display_name(std::string_view x_filename, std::string_view id) {
  const auto name = without_blanks(x_filename);
  if (name.empty())
    return "backup-" + std::string{id.substr(0, uuid_size)};
  return std::string{behind_slashes(name)};
}

std::string harmless_name(std::string_view name) {
  std::string out;
  while (!name.empty() && out.size() < longest_name) {
    out += is_harmless(name.front()) ? name.front() : '_';
    name.remove_prefix(code_point_size(name));
  }
  return out;
}

std::string download_name(const system_backup_record& of) {
  auto name = harmless_name(of.filename);
  if (name.empty())
    name = harmless_name(of.id);
  auto dot = name.find('.', 1);
  std::string extension;
  if (dot != std::string::npos)
    extension = name.substr(dot);
  else if (of.id.size() > uuid_size)
    extension = of.id.substr(uuid_size);
  const auto base = name.substr(0, std::min(dot, name.size()));
  const auto* pattern = has_date(base) ? "%H-%M-%S" : "%Y-%m-%d_%H-%M-%S";
  return base + "_" + formatted(of.uploaded_at, pattern) + extension;
}

// -- retention ----------------------------------------------------------------

std::vector<std::string>
choose_system_victims(std::vector<system_backup_record> stored,
                      std::string_view fresh, std::int64_t count,
                      std::int64_t bytes) {
  std::ranges::sort(stored, {}, &system_backup_record::id);
  auto left = static_cast<std::int64_t>(stored.size());
  std::int64_t used = 0;
  for (const auto& one : stored)
    used += one.size;
  std::vector<std::string> victims;
  for (std::size_t i = 0; i + 1 < stored.size(); ++i) {
    if (left <= count && used <= bytes)
      break;
    if (stored[i].id == fresh)
      continue;
    victims.push_back(stored[i].id);
    --left;
    used -= stored[i].size;
  }
  return victims;
}

// -- as it is told ------------------------------------------------------------

std::string to_json(const system_backup_record& backup) {
  nlohmann::ordered_json out;
  out["id"] = backup.id;
  out["filename"] = backup.filename;
  out["size"] = backup.size;
  out["sha256"] = backup.sha256;
  out["mimetype"] = backup.mimetype;
  out["uploaded_at"] = to_rfc3339(backup.uploaded_at);
  return out.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

} // namespace alula::jobs
