/// What is done with every input of the ignore rules' fuzzer.
#pragma once

#include "backup/file_io.hpp"
#include "backup/gzip_member.hpp"
#include "backup/ignore_pattern.hpp"
#include "backup/ignore_rules.hpp"

#include <algorithm>
#include <cstdlib>
#include <re2/re2.h>
#include <string>

namespace alula::backup {

inline bool matches_expression(const std::string& expression,
                               std::string_view path) {
  re2::RE2::Options options{re2::RE2::Latin1};
  options.set_log_errors(false);
  const re2::RE2 compiled{expression, options};
  return compiled.ok()
         && re2::RE2::PartialMatch(re2::StringPiece{path.data(), path.size()},
                                   compiled);
}

/// Ends the program when a pattern does not mean what its expression does.
inline void compare_with_expression(std::string_view line,
                                    std::string_view path) {
  const auto pattern = ignore_pattern::of(line);
  if (!pattern)
    return;
  std::uint64_t steps = 0;
  if (pattern->matches(path, steps)
      != matches_expression(expression_of(line), path))
    std::abort();
  if (steps > (line.size() + 8) * (path.size() + 1) + path.size() + 1)
    std::abort();
}

/// A list, a NUL, and a path.
inline void read_as_ignore_rules(byte_view input) {
  const auto text = text_of(input);
  const auto cut = std::min(text.find('\0'), text.size());
  const auto list = text.substr(0, cut);
  const auto path = text.substr(std::min(cut + 1, text.size()));
  ignore_rules rules{list};
  (void)rules.is_ignored(path);
  rules.add(path);
  (void)rules.is_ignored(list);
  compare_with_expression(list.substr(0, ignore_rules::max_pattern),
                          path.substr(0, 4'096));
}

} // namespace alula::backup
