/// A text as lines that keep their ends.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace alula::storage {

struct text_line {
  std::string body;
  std::string end; ///< "\n", "\r\n", or nothing in the last one
};

std::vector<text_line> split_lines(std::string_view text);

std::string join_lines(const std::vector<text_line>& lines);

/// How the lines of the text end: as its first one, "\n" when it has none.
std::string line_end_of(std::string_view text);

/// Adds a line at `at`, after a line that may have no end yet.
void insert_line(std::vector<text_line>& lines, std::size_t at,
                 std::string body, const std::string& end);

} // namespace alula::storage
