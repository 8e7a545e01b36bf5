/// The formats of configuration files: text in, text out. Each keeps of a file
/// what it was not told to change: comments, order, line ends, blanks.
#pragma once

#include "jobs/config_files.hpp"
#include "jobs/result.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace alula::storage {

struct config_text {
  std::string text;
  std::vector<std::string> notes; ///< about replacements that were not made
};

using config_replacements = std::vector<jobs::config_replacement>;

/// A file longer than this is left alone, and none becomes longer.
inline constexpr std::size_t max_config_bytes = 4 * 1024 * 1024;

/// Counts what is put into a file, which may be asked for in a million places.
class growth_limit {
public:
  /// False when the file would become too large.
  bool add(std::size_t bytes) {
    left_ = bytes < left_ ? left_ - bytes : 0;
    return left_ > 0;
  }

private:
  std::size_t left_ = max_config_bytes;
};

jobs::fault too_large();

/// By the parser's name. A text that says already what it should is returned as
/// it is, byte for byte. Fault malformed: an unknown parser, or a text that is
/// not of the format; the sentence says where.
jobs::result<config_text> edit_config(std::string_view parser,
                                      std::string_view text,
                                      const config_replacements& wanted);

/// "file": every line that begins with a match is replaced as a whole; of
/// several matches the longest counts.
jobs::result<config_text> edit_lines(std::string_view text,
                                     const config_replacements& wanted);

/// Java's. Values are written in ASCII, as Java reads them everywhere.
jobs::result<config_text> edit_properties(std::string_view text,
                                          const config_replacements& wanted);

/// Sections and keys; what is no line of "key = value" is left as it is.
jobs::result<config_text> edit_ini(std::string_view text,
                                   const config_replacements& wanted);

jobs::result<config_text> edit_json(std::string_view text,
                                    const config_replacements& wanted);

jobs::result<config_text> edit_yaml(std::string_view text,
                                    const config_replacements& wanted);

jobs::result<config_text> edit_xml(std::string_view text,
                                   const config_replacements& wanted);

} // namespace alula::storage
