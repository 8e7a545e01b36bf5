#include "storage/config_files/text_lines.hpp"

#include <utility>

namespace alula::storage {

std::vector<text_line> split_lines(std::string_view text) {
  std::vector<text_line> lines;
  while (!text.empty()) {
    const auto at = text.find('\n');
    const auto size = at == text.npos ? text.size() : at + 1;
    auto body = text.substr(0, size);
    std::string_view end;
    if (at != text.npos) {
      const auto end_size = body.ends_with("\r\n") ? 2U : 1U;
      end = body.substr(body.size() - end_size);
      body.remove_suffix(end_size);
    }
    lines.push_back({std::string{body}, std::string{end}});
    text.remove_prefix(size);
  }
  return lines;
}

std::string join_lines(const std::vector<text_line>& lines) {
  std::string text;
  for (const auto& line : lines) {
    text += line.body;
    text += line.end;
  }
  return text;
}

std::string line_end_of(std::string_view text) {
  const auto at = text.find('\n');
  return at != text.npos && at > 0 && text[at - 1] == '\r' ? "\r\n" : "\n";
}

void insert_line(std::vector<text_line>& lines, std::size_t at,
                 std::string body, const std::string& end) {
  if (at > 0 && lines[at - 1].end.empty())
    lines[at - 1].end = end;
  lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(at),
               {std::move(body), end});
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == text.npos)
    return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool is_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto first = static_cast<unsigned char>(text[at++]);
    if (first < 0x80)
      continue;
    const int more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : 1;
    if (first < 0xC2 || first > 0xF4)
      return false;
    unsigned code = first & (0x3FU >> more);
    for (int i = 0; i < more; ++i, ++at) {
      if (at == text.size() || (text[at] & 0xC0) != 0x80)
        return false;
      code = (code << 6) | (static_cast<unsigned char>(text[at]) & 0x3FU);
    }
    const bool is_short =
        (more == 2 && code < 0x800) || (more == 3 && code < 0x10000);
    if (is_short || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
      return false;
  }
  return true;
}

} // namespace alula::storage
