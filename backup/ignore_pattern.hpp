/// One line of an ignore list, in the two ways it can be matched. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace alula::backup {

/// The regular expression Wings makes of a line, by the same replacements in
/// the same order (wings-protocol 7.4). `line` has no comment, no negation and
/// no blanks around it.
std::string expression_of(std::string_view line);

/// A line without signs that only mean something in a regular expression: names
/// and stars. Matches exactly what its expression does, in one pass over the
/// path and a few bytes of memory.
class ignore_pattern {
public:
  /// Nothing when the line needs a regular expression.
  static std::optional<ignore_pattern> of(std::string_view line);

  /// `steps` grows by what it cost: at most the line's length for every byte of
  /// the path.
  bool matches(std::string_view path, std::uint64_t& steps) const;

private:
  enum class kind : unsigned char {
    letter,      ///< itself
    star,        ///< any bytes but '/'
    any,         ///< any bytes but a newline
    directories, ///< nothing, or what `to_slash` takes
    to_slash,    ///< any bytes but a newline, the last one '/'
    below,       ///< nothing and past the next state, or '/'
    slash,       ///< nothing, or '/'
  };
  struct state {
    kind is = kind::letter;
    char letter = '\0';
  };
  class state_set;

  void add_letters(std::string_view marked);
  void find_literal();
  void enter(state_set& set, std::size_t at) const;
  void step(std::size_t at, char byte, state_set& into) const;

  std::vector<state> states_;
  std::string literal_; ///< every match has it somewhere
};

} // namespace alula::backup
