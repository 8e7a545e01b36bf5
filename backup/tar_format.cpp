#include "backup/tar_format.hpp"

#include "backup/path_text.hpp"
#include "backup/tar_header.hpp"

#include <algorithm>
#include <optional>

namespace alula::backup {

namespace {

constexpr std::size_t name_size = 100;
constexpr std::size_t prefix_size = 155;
constexpr std::uint64_t most_in_octal = 077777777777; // 11 digits
constexpr char pax_flag = 'x';
constexpr char file_flag = '0';
constexpr char hard_link_flag = '1';
constexpr char link_flag = '2';
constexpr char directory_flag = '5';

char flag_of(const archive_entry& entry) {
  switch (entry.type) {
  case entry_type::link:
    return link_flag;
  case entry_type::directory:
    return directory_flag;
  case entry_type::hard_link:
    return entry.is_reference ? hard_link_flag : file_flag;
  case entry_type::file:
    break;
  }
  return file_flag;
}

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(
      text, [](char it) { return static_cast<unsigned char>(it) < 0x80; });
}

struct fields {
  std::string_view name;
  std::string_view prefix = {};
  char flag = '0';
  std::uint32_t mode = 0;
  std::uint64_t size = 0;
  std::uint64_t mtime = 0;
  std::string_view target = {};
};

/// Right-aligned octal of `width` digits.
void put_octal(std::string& out, std::size_t at, std::size_t width,
               std::uint64_t number) {
  for (auto i = width; i-- > 0; number >>= 3)
    out[at + i] = static_cast<char>('0' + (number & 7));
}

void put_text(std::string& out, std::size_t at, std::size_t most,
              std::string_view text) {
  std::ranges::copy(text.substr(0, most),
                    out.begin() + static_cast<std::ptrdiff_t>(at));
}

/// POSIX.1-1988, "ustar Interchange Format".
std::string ustar_block(const fields& f) {
  std::string out(tar_block, '\0');
  put_text(out, 0, name_size, f.name);
  put_octal(out, 100, 7, f.mode);
  put_octal(out, 108, 7, 0); // uid
  put_octal(out, 116, 7, 0); // gid
  put_octal(out, 124, 11, f.size);
  put_octal(out, 136, 11, f.mtime);
  out[156] = f.flag;
  put_text(out, 157, name_size, f.target);
  put_text(out, 257, 8, std::string_view{"ustar\00000", 8});
  put_octal(out, 329, 7, 0); // device
  put_octal(out, 337, 7, 0);
  put_text(out, 345, prefix_size, f.prefix);
  put_text(out, checksum_at, 8, "        ");
  std::uint64_t sum = 0;
  for (const auto it : out)
    sum += static_cast<unsigned char>(it);
  put_octal(out, checksum_at, 6, sum);
  out[checksum_at + 6] = '\0';
  return out;
}

/// "<size> <key>=<value>\n", where the size counts itself.
void append_record(std::string& out, std::string_view key,
                   std::string_view value) {
  const auto rest = key.size() + value.size() + 3;
  auto size = rest + 1;
  while (std::to_string(size).size() + rest != size)
    size = std::to_string(size).size() + rest;
  out += std::to_string(size);
  out += ' ';
  out += key;
  out += '=';
  out += value;
  out += '\n';
}

/// Where the name begins when what is before it fits the prefix.
std::optional<std::size_t> split_of(std::string_view path) {
  if (path.size() > prefix_size + 1 + name_size)
    return std::nullopt;
  const auto from = path.size() - std::min(path.size(), name_size + 1);
  const auto slash = path.find('/', from);
  if (slash == std::string_view::npos || slash == 0 || slash > prefix_size
      || slash + 1 == path.size())
    return std::nullopt;
  return slash + 1;
}

/// Moves what the block cannot say into records.
void extend(fields& f, std::string& records, std::int64_t seconds) {
  if (f.size > most_in_octal) {
    append_record(records, "size", std::to_string(f.size));
    f.size = 0;
  }
  if (seconds < 0 || f.mtime > most_in_octal) {
    append_record(records, "mtime", std::to_string(seconds));
    f.mtime = 0;
  }
}

std::string with_records(const std::string& records, fields f) {
  if (records.empty())
    return ustar_block(f);
  std::string out = ustar_block({.name = "PaxHeaders/entry",
                                 .flag = pax_flag,
                                 .mode = 0644,
                                 .size = records.size()});
  out += records;
  out.append(tar_padding(records.size()), '\0');
  // A reader without pax shall not take the first half of a path for a name.
  while (f.name.ends_with('/'))
    f.name.remove_suffix(1);
  return out + ustar_block(f);
}

std::string map_text(const data_map& map, std::uint64_t size) {
  const auto& extents = map.extents;
  // The end of a hole at the end is told by an empty piece.
  const bool ends_in_hole =
      extents.empty() || extents.back().at + extents.back().size < size;
  std::string out =
      std::to_string(extents.size() + (ends_in_hole ? 1 : 0)) + '\n';
  for (const auto& each : extents)
    out += std::to_string(each.at) + '\n' + std::to_string(each.size) + '\n';
  if (ends_in_hole)
    out += std::to_string(size) + "\n0\n";
  out.append(tar_padding(out.size()), '\0');
  return out;
}

} // namespace

std::int64_t whole_seconds(std::int64_t ns) {
  constexpr std::int64_t second = 1'000'000'000;
  return ns / second - (ns % second < 0 ? 1 : 0);
}

std::string tar_headers(const archive_entry& entry) {
  const auto flag = flag_of(entry);
  const auto named = entry.path + (flag == directory_flag ? "/" : "");
  const std::string_view path{named};
  const bool is_link = flag == link_flag || flag == hard_link_flag;
  const auto seconds = whole_seconds(entry.mtime_ns);
  fields f{
      .name = path.substr(0, name_size),
      .flag = flag,
      .mode = entry.mode,
      .size = flag == file_flag ? entry.size : 0,
      .mtime = static_cast<std::uint64_t>(std::max<std::int64_t>(0, seconds)),
      .target = is_link ? std::string_view{entry.target} : std::string_view{}};
  std::string records;
  if (!is_utf8(path) || !is_utf8(f.target))
    append_record(records, "hdrcharset", "BINARY");
  const auto split = split_of(path);
  if (!is_ascii(path) || (path.size() > name_size && !split)) {
    append_record(records, "path", path);
  } else if (path.size() > name_size) {
    f.prefix = path.substr(0, *split - 1);
    f.name = path.substr(*split);
  }
  if (f.target.size() > name_size || !is_ascii(f.target))
    append_record(records, "linkpath", f.target);
  extend(f, records, seconds);
  return with_records(records, f);
}

std::string sparse_tar_headers(const archive_entry& entry,
                               const data_map& map) {
  const std::string_view path{entry.path};
  const auto seconds = whole_seconds(entry.mtime_ns);
  const auto text = map_text(map, entry.size);
  // What readers that do not know the format make of it.
  const auto name = "GNUSparseFile.0/" + entry.path.substr(path.rfind('/') + 1);
  fields f{.name = std::string_view{name}.substr(0, name_size),
           .mode = entry.mode,
           .size = text.size() + map.data,
           .mtime =
               static_cast<std::uint64_t>(std::max<std::int64_t>(0, seconds))};
  std::string records;
  if (!is_utf8(path))
    append_record(records, "hdrcharset", "BINARY");
  append_record(records, "GNU.sparse.major", "1");
  append_record(records, "GNU.sparse.minor", "0");
  append_record(records, "GNU.sparse.name", path);
  append_record(records, "GNU.sparse.realsize", std::to_string(entry.size));
  extend(f, records, seconds);
  return with_records(records, f) + text;
}

} // namespace alula::backup
