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

} // namespace alula::storage
