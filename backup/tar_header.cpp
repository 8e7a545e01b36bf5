#include "backup/tar_header.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

namespace alula::backup {

namespace {

constexpr std::size_t checksum_size = 8;
constexpr std::int64_t ns_per_second = 1'000'000'000;
/// Times beyond this have no nanoseconds in 64 bits; some 292 years.
constexpr std::int64_t latest =
    std::numeric_limits<std::int64_t>::max() / ns_per_second;

std::string text_of(byte_view block, std::size_t at, std::size_t size) {
  const auto* first = reinterpret_cast<const char*>(block.data()) + at;
  return {first, std::find(first, first + size, '\0')};
}

bool has_right_checksum(byte_view block) {
  std::int64_t plain = 0;
  std::int64_t with_sign = 0; // as some old programs summed
  for (std::size_t i = 0; i < block.size(); ++i) {
    const bool is_field = i >= checksum_at && i < checksum_at + checksum_size;
    const auto byte = is_field ? std::byte{' '} : block[i];
    plain += std::to_integer<std::uint8_t>(byte);
    with_sign += static_cast<signed char>(byte);
  }
  const auto told = parse_number(block.subspan(checksum_at, checksum_size));
  return told && (*told == plain || *told == with_sign);
}

/// "-12.5" as nanoseconds; what is out of reach becomes the nearest that is.
std::optional<std::int64_t> parse_time(std::string_view text) {
  const bool is_negative = text.starts_with('-');
  if (is_negative)
    text.remove_prefix(1);
  const auto dot = text.find('.');
  const auto whole = parse_decimal(text.substr(0, dot));
  if (!whole)
    return std::nullopt;
  if (*whole >= static_cast<std::uint64_t>(latest))
    return is_negative ? -latest * ns_per_second : latest * ns_per_second;
  std::int64_t fraction = 0;
  if (dot != std::string_view::npos) {
    auto digits = std::string{text.substr(dot + 1)};
    digits.resize(9, '0');
    const auto parsed = parse_decimal(digits);
    if (!parsed)
      return std::nullopt;
    fraction = static_cast<std::int64_t>(*parsed);
  }
  const auto out = static_cast<std::int64_t>(*whole) * ns_per_second + fraction;
  return is_negative ? -out : out;
}

/// Format 0.1: "offset,size,offset,size".
bool parse_map(std::string_view text, std::vector<sparse_extent>& into) {
  std::vector<std::uint64_t> numbers;
  while (!text.empty()) {
    const auto comma = std::min(text.find(','), text.size());
    const auto number = parse_decimal(text.substr(0, comma));
    if (!number)
      return false;
    numbers.push_back(*number);
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  if (numbers.size() % 2 != 0)
    return false;
  for (std::size_t i = 0; i < numbers.size(); i += 2)
    into.push_back({numbers[i], numbers[i + 1]});
  return true;
}

/// False when the value is not what such a record holds.
bool take_sparse(std::string_view key, std::string_view value,
                 pax_values& into) {
  into.is_sparse = true;
  const auto number = parse_decimal(value);
  if (key == "name")
    into.sparse_name = std::string{value};
  else if (key == "map")
    return parse_map(value, into.map);
  else if (key == "major")
    into.has_map_in_content = number && *number == 1;
  else if (key == "size" || key == "realsize")
    into.real_size = number;
  else if (key == "offset" && number)
    into.map.push_back({*number, 0});
  else if (key == "numbytes" && number && !into.map.empty())
    into.map.back().size = *number;
  else if (key == "offset" || key == "numbytes")
    return false;
  return number || key == "name";
}

bool take_record(std::string_view key, std::string_view value,
                 pax_values& into) {
  constexpr std::string_view sparse = "GNU.sparse.";
  if (key == "path")
    into.path = std::string{value};
  else if (key == "linkpath")
    into.target = std::string{value};
  else if (key == "size") {
    into.size = parse_decimal(value);
    return into.size.has_value();
  } else if (key == "mtime") {
    into.mtime_ns = parse_time(value);
    return into.mtime_ns.has_value();
  } else if (key.starts_with(sparse))
    return take_sparse(key.substr(sparse.size()), value, into);
  return true;
}

} // namespace

bool is_zero_block(byte_view block) {
  return std::ranges::all_of(block, [](auto it) { return it == std::byte{0}; });
}

std::optional<std::int64_t> parse_number(byte_view field) {
  const auto first = std::to_integer<std::uint8_t>(field.front());
  if ((first & 0x80U) != 0) {
    // Base 256: two's complement in the bits after the first.
    const bool is_negative = (first & 0x40U) != 0;
    std::uint64_t out = is_negative ? ~std::uint64_t{0} : 0;
    out = (out << 6) | (first & 0x3FU);
    for (const auto byte : field.subspan(1)) {
      const auto lost = out >> 55;
      if (lost != 0 && lost != 0x1FF)
        return std::nullopt;
      out = (out << 8) | std::to_integer<std::uint64_t>(byte);
    }
    const auto value = static_cast<std::int64_t>(out);
    return (value < 0) == is_negative ? std::optional{value} : std::nullopt;
  }
  std::string_view text{reinterpret_cast<const char*>(field.data()),
                        field.size()};
  while (text.starts_with(' '))
    text.remove_prefix(1);
  text = text.substr(0, text.find_first_of(std::string_view{" \0", 2}));
  std::uint64_t out = 0;
  for (const auto digit : text) {
    if (digit < '0' || digit > '7' || (out >> 60) != 0)
      return std::nullopt;
    out = out * 8 + static_cast<std::uint64_t>(digit - '0');
  }
  return static_cast<std::int64_t>(out);
}

std::optional<std::uint64_t> parse_decimal(std::string_view text) {
  std::uint64_t out = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc{} || end != text.data() + text.size()
      || out > std::numeric_limits<std::int64_t>::max())
    return std::nullopt;
  return out;
}

std::optional<std::string> parse_header(byte_view block, tar_header& into) {
  if (!has_right_checksum(block))
    return "a header with a wrong checksum";
  const auto mode = parse_number(block.subspan(100, 8));
  const auto size = parse_number(block.subspan(124, 12));
  const auto mtime = parse_number(block.subspan(136, 12));
  if (!mode || !size || !mtime)
    return "a header whose numbers are none";
  if (*size < 0)
    return "a header with a negative size";
  into.path = text_of(block, 0, 100);
  into.target = text_of(block, 157, 100);
  into.flag = static_cast<char>(block[156]);
  into.mode = static_cast<std::uint32_t>(*mode & 07777);
  into.size = static_cast<std::uint64_t>(*size);
  into.mtime = std::clamp(*mtime, -latest, latest);
  const std::string_view magic{
      reinterpret_cast<const char*>(block.data()) + 257, 6};
  if (magic == std::string_view{"ustar\0", 6}) {
    // GNU's magic ends in blanks, and it has other things in this field.
    const auto prefix = text_of(block, 345, 155);
    if (!prefix.empty())
      into.path = prefix + '/' + into.path;
  }
  return std::nullopt;
}

std::optional<std::string> parse_pax(std::string_view text, pax_values& into) {
  while (!text.empty()) {
    const auto blank = text.find(' ');
    const auto size = blank == std::string_view::npos
                          ? std::nullopt
                          : parse_decimal(text.substr(0, blank));
    if (!size || *size > text.size() || *size < blank + 3
        || text[static_cast<std::size_t>(*size) - 1] != '\n')
      return "an extended header that is not made of records";
    const auto whole = static_cast<std::size_t>(*size);
    const auto record = text.substr(blank + 1, whole - blank - 2);
    const auto equals = record.find('=');
    if (equals == std::string_view::npos || equals == 0)
      return "an extended header with a record without a name";
    if (!take_record(record.substr(0, equals), record.substr(equals + 1), into))
      return "an extended header whose "
             + shown(record.substr(0, std::min<std::size_t>(equals, 40)))
             + " cannot be";
    into.is_there = true;
    text.remove_prefix(whole);
  }
  return std::nullopt;
}

std::optional<std::string> parse_old_extents(byte_view fields,
                                             std::vector<sparse_extent>& into) {
  for (; fields.size() >= 24; fields = fields.subspan(24)) {
    if (fields[0] == std::byte{0} || fields[12] == std::byte{0})
      break;
    const auto at = parse_number(fields.subspan(0, 12));
    const auto size = parse_number(fields.subspan(12, 12));
    if (!at || !size || *at < 0 || *size < 0)
      return "a sparse map whose numbers are none";
    into.push_back(
        {static_cast<std::uint64_t>(*at), static_cast<std::uint64_t>(*size)});
  }
  return std::nullopt;
}

bool is_sound(const std::vector<sparse_extent>& map, std::uint64_t real_size,
              std::uint64_t stored) {
  std::uint64_t end = 0;
  std::uint64_t total = 0;
  for (const auto& it : map) {
    if (it.at < end || it.at > real_size || it.size > real_size - it.at)
      return false;
    end = it.at + it.size;
    total += it.size;
  }
  return total == stored;
}

std::string shown(std::string_view name) {
  constexpr std::size_t most = 200;
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (const auto letter : name) {
    if (out.size() >= most)
      return out + "...";
    const auto byte = static_cast<unsigned char>(letter);
    if (byte >= 0x20 && byte < 0x7F && letter != '\\')
      out += letter;
    else
      (((out += "\\x") += digits[byte >> 4]) += digits[byte & 0x0F]);
  }
  return out;
}

} // namespace alula::backup
