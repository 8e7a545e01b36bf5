#include "backup/entry_line.hpp"

#include "backup/path_text.hpp"

#include <nlohmann/json.hpp>

#include <array>
#include <charconv>
#include <limits>

namespace alula::backup {

namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 4> type_words{"file", "link",
                                                     "hard_link", "directory"};
constexpr std::string_view plain_start = "{\"path\":\"";

jobs::fault not_ours() {
  return {.code = jobs::fault_code::backup_damaged,
          .what = "the manifest is damaged: an entry cannot be read"};
}

std::optional<std::string> text_at(const json& line, const char* key,
                                   const char* key64) {
  if (const auto at = line.find(key); at != line.end() && at->is_string())
    return at->get<std::string>();
  if (const auto at = line.find(key64); at != line.end() && at->is_string())
    return from_base64(at->get_ref<const std::string&>());
  return std::nullopt;
}

std::optional<std::uint64_t> count_at(const json& line, const char* key) {
  const auto at = line.find(key);
  if (at == line.end() || !at->is_number_unsigned())
    return std::nullopt;
  const auto value = at->get<std::uint64_t>();
  if (value
      > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
    return std::nullopt;
  return value;
}

std::optional<entry_type> type_at(const json& line) {
  const auto at = line.find("type");
  if (at == line.end() || !at->is_string())
    return std::nullopt;
  for (std::size_t i = 0; i < type_words.size(); ++i)
    if (at->get_ref<const std::string&>() == type_words[i])
      return static_cast<entry_type>(i);
  return std::nullopt;
}

std::optional<std::uint32_t> mode_at(const json& line) {
  const auto at = line.find("mode");
  if (at == line.end() || !at->is_string())
    return std::nullopt;
  const auto& digits = at->get_ref<const std::string&>();
  if (digits.size() != 4
      || digits.find_first_not_of("01234567") != std::string::npos)
    return std::nullopt;
  return static_cast<std::uint32_t>(std::stoul(digits, nullptr, 8));
}

json parsed(std::string_view line) {
  return json::parse(line, nullptr, false);
}

void append_number(std::string& out, auto number) {
  std::array<char, 24> digits{};
  const auto end =
      std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}

// -- lines as they are written here -------------------------------------------

/// Reads what append_entry_line writes, which is nearly every line, some twenty
/// times faster than a library that reads all JSON. Whatever it does not know
/// is left to that.
class own_line {
public:
  explicit own_line(std::string_view line) : rest_(line) {}

  bool take(std::string_view text) {
    if (!rest_.starts_with(text))
      return false;
    rest_.remove_prefix(text.size());
    return true;
  }

  /// Text up to the next quote, if none of it is escaped.
  bool take_text(std::string& into) {
    bool is_ascii = true;
    for (std::size_t i = 0; i < rest_.size(); ++i) {
      const auto code = static_cast<unsigned char>(rest_[i]);
      if (code == '"') {
        into.assign(rest_, 0, i);
        rest_.remove_prefix(i + 1);
        return is_ascii || is_utf8(into);
      }
      if (code < 0x20 || code == '\\')
        return false;
      is_ascii = is_ascii && code < 0x80;
    }
    return false;
  }

  bool take_number(std::int64_t& into) {
    const auto* begin = rest_.data();
    const auto* end = begin + rest_.size();
    const auto read = std::from_chars(begin, end, into);
    const auto digits = rest_.substr(rest_.starts_with('-') ? 1 : 0);
    if (read.ec != std::errc{} || (digits.starts_with('0') && into != 0)
        || (into == 0 && read.ptr != begin + 1))
      return false;
    rest_.remove_prefix(static_cast<std::size_t>(read.ptr - begin));
    return true;
  }

  bool take_count(std::uint64_t& into) {
    std::int64_t number = 0;
    if (!take_number(number) || number < 0)
      return false;
    into = static_cast<std::uint64_t>(number);
    return true;
  }

  bool take_type(entry_type& into) {
    for (std::size_t i = 0; i < type_words.size(); ++i)
      if (rest_.starts_with(type_words[i])
          && rest_.substr(type_words[i].size()).starts_with('"')) {
        rest_.remove_prefix(type_words[i].size() + 1);
        into = static_cast<entry_type>(i);
        return true;
      }
    return false;
  }

  bool take_mode(std::uint32_t& into) {
    into = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      if (i >= rest_.size() || rest_[i] < '0' || rest_[i] > '7')
        return false;
      into = into * 8 + static_cast<std::uint32_t>(rest_[i] - '0');
    }
    rest_.remove_prefix(4);
    return true;
  }

  bool is_at_end() const { return rest_.empty() || rest_ == "\n"; }

private:
  std::string_view rest_;
};

bool take_rest(own_line& from, archive_entry& entry) {
  bool has_size = false;
  if (from.take(",\"size\":")) {
    if (!from.take_count(entry.size))
      return false;
    has_size = true;
  }
  if (!from.take(",\"offset\":") || !from.take_count(entry.offset))
    return false;
  entry.is_reference = entry.type == entry_type::hard_link && !has_size;
  const bool is_link =
      entry.type == entry_type::link || entry.type == entry_type::hard_link;
  if (is_link
      && (!from.take(",\"target\":\"") || !from.take_text(entry.target)))
    return false;
  entry.is_sparse = from.take(",\"sparse\":true");
  if (from.take(",\"packed_at\":")
      && !from.take_count(entry.packed_at.emplace()))
    return false;
  return (has_size || entry.type != entry_type::file) && from.take("}")
         && from.is_at_end();
}

/// False: not of the shape, whatever it is.
bool read_own_line(std::string_view line, archive_entry& entry) {
  own_line from{line};
  return from.take(plain_start) && from.take_text(entry.path)
         && !entry.path.empty() && from.take(",\"type\":\"")
         && from.take_type(entry.type) && from.take(",\"mode\":\"")
         && from.take_mode(entry.mode) && from.take("\",\"mtime_ns\":")
         && from.take_number(entry.mtime_ns) && take_rest(from, entry);
}

} // namespace

void append_entry_line(std::string& out, const archive_entry& entry) {
  out += '{';
  append_member(out, "path", entry.path);
  out += ",\"type\":\"";
  out += type_words[static_cast<std::size_t>(entry.type)];
  out += "\",\"mode\":\"";
  for (const unsigned shift : {9U, 6U, 3U, 0U})
    out += static_cast<char>('0' + (entry.mode >> shift & 7U));
  out += "\",\"mtime_ns\":";
  append_number(out, entry.mtime_ns);
  const bool is_file =
      entry.type == entry_type::file || entry.type == entry_type::hard_link;
  if (is_file && !entry.is_reference) {
    out += ",\"size\":";
    append_number(out, entry.size);
  }
  out += ",\"offset\":";
  append_number(out, entry.offset);
  if (entry.type == entry_type::link || entry.type == entry_type::hard_link) {
    out += ',';
    append_member(out, "target", entry.target);
  }
  if (entry.is_sparse)
    out += ",\"sparse\":true";
  if (entry.packed_at)
    out += ",\"packed_at\":" + std::to_string(*entry.packed_at);
  out += "}\n";
}

jobs::result<archive_entry> entry_from_line(std::string_view line) {
  archive_entry entry;
  if (read_own_line(line, entry))
    return entry;
  entry = {};
  const auto from = parsed(line);
  if (!from.is_object())
    return not_ours();
  auto path = text_at(from, "path", "path64");
  const auto type = type_at(from);
  const auto mode = mode_at(from);
  const auto mtime = from.find("mtime_ns");
  if (!path || path->empty() || !type || !mode || mtime == from.end()
      || !mtime->is_number_integer())
    return not_ours();
  entry.path = std::move(*path);
  entry.type = *type;
  entry.mode = *mode;
  entry.mtime_ns = mtime->get<std::int64_t>();
  const auto size = count_at(from, "size");
  const auto offset = count_at(from, "offset");
  entry.size = size.value_or(0);
  entry.offset = offset.value_or(0);
  entry.is_reference = entry.type == entry_type::hard_link && !size;
  auto target = text_at(from, "target", "target64");
  if (!offset || (entry.type == entry_type::file && !size)
      || ((entry.type == entry_type::link
           || entry.type == entry_type::hard_link)
          && !target))
    return not_ours();
  if (target)
    entry.target = std::move(*target);
  const auto sparse = from.find("sparse");
  entry.is_sparse =
      sparse != from.end() && sparse->is_boolean() && sparse->get<bool>();
  entry.packed_at = count_at(from, "packed_at");
  return entry;
}

std::string_view path_of_line(std::string_view line, std::string& scratch) {
  if (line.starts_with(plain_start)) {
    const auto rest = line.substr(plain_start.size());
    const auto end = rest.find_first_of("\"\\");
    if (end != std::string_view::npos && rest[end] == '"')
      return rest.substr(0, end);
  }
  const auto from = parsed(line);
  auto path = from.is_object() ? text_at(from, "path", "path64") : std::nullopt;
  scratch = path ? std::move(*path) : std::string{};
  return scratch;
}

} // namespace alula::backup
