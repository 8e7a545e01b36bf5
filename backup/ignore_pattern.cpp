#include "backup/ignore_pattern.hpp"

#include <array>
#include <bit>

namespace alula::backup {

namespace {

/// Stands for a star that is already part of the expression.
constexpr char kept_star = '\x01';

// What stands for the wildcards of a line without other signs.
constexpr char mark_between = '\x01'; // "/**/"
constexpr char mark_above = '\x02';   // "**/"
constexpr char mark_below = '\x03';   // "/**"
constexpr char mark_star = '\x04';    // "*"

constexpr std::size_t longest_line = 512;
constexpr std::size_t most_states = longest_line + 8;

void replace_all(std::string& text, std::string_view what,
                 std::string_view with) {
  for (auto at = text.find(what); at != std::string::npos;
       at = text.find(what, at + with.size()))
    text.replace(at, what.size(), with);
}

/// A directory and, later, "*.": such a line is anchored at the root.
bool names_files_of_a_directory(std::string_view line) {
  for (std::size_t i = 1; i < line.size(); ++i)
    if (line[i] == '/' && line[i - 1] != '/' && line[i - 1] != '+')
      return line.find("*.", i + 1) != std::string_view::npos;
  return false;
}

std::string anchored(std::string_view line) {
  std::string text{line};
  if (names_files_of_a_directory(text) && !text.starts_with('/'))
    text.insert(0, "/");
  return text;
}

} // namespace

std::string expression_of(std::string_view line) {
  auto text = anchored(line);
  replace_all(text, ".", "\\.");
  if (text.starts_with("/**/"))
    text.erase(0, 1);
  replace_all(text, "/**/", "(/|/.\x01/)");
  replace_all(text, "**/", "(|.\x01/)");
  replace_all(text, "/**", "(|/.\x01)");
  replace_all(text, "\\*", "\\\x01");
  replace_all(text, "*", "([^/]\x01)");
  replace_all(text, "?", "\\?");
  for (auto& c : text)
    if (c == kept_star)
      c = '*';
  text += text.ends_with('/') ? "(|.*)$" : "(|/.*)$";
  if (text.starts_with('/'))
    return "^(|/)" + text.substr(1);
  return "^(|.*/)" + text;
}

// -- without an expression ----------------------------------------------------

class ignore_pattern::state_set {
public:
  bool has(std::size_t at) const {
    return (words_[at / 64] >> (at % 64) & 1U) != 0;
  }
  void add(std::size_t at) { words_[at / 64] |= std::uint64_t{1} << (at % 64); }

  template<class Visit>
  std::size_t for_each(Visit visit) const {
    std::size_t count = 0;
    for (std::size_t i = 0; i < words_.size(); ++i)
      for (auto word = words_[i]; word != 0; word &= word - 1, ++count)
        visit(i * 64 + static_cast<std::size_t>(std::countr_zero(word)));
    return count;
  }

private:
  std::array<std::uint64_t, most_states / 64 + 1> words_{};
};

std::optional<ignore_pattern> ignore_pattern::of(std::string_view line) {
  for (const char c : line)
    if (static_cast<unsigned char>(c) < 0x20
        || std::string_view{"[](){}+^$|\\"}.find(c) != std::string_view::npos)
      return std::nullopt;
  auto text = anchored(line);
  if (text.size() > longest_line)
    return std::nullopt;
  if (text.starts_with("/**/"))
    text.erase(0, 1);
  replace_all(text, "/**/", {&mark_between, 1});
  replace_all(text, "**/", {&mark_above, 1});
  replace_all(text, "/**", {&mark_below, 1});
  replace_all(text, "*", {&mark_star, 1});

  ignore_pattern out;
  std::string_view marked{text};
  const bool ends_open = marked.ends_with('/');
  if (marked.starts_with('/')) {
    out.states_.push_back({kind::slash});
    marked.remove_prefix(1);
  } else {
    out.states_.insert(out.states_.end(),
                       {{kind::directories}, {kind::to_slash}});
  }
  out.add_letters(marked);
  if (!ends_open)
    out.states_.push_back({kind::below});
  out.states_.push_back({kind::any});
  out.find_literal();
  return out;
}

void ignore_pattern::add_letters(std::string_view marked) {
  for (const char c : marked)
    switch (c) {
    case mark_between:
      states_.insert(
          states_.end(),
          {{kind::letter, '/'}, {kind::directories}, {kind::to_slash}});
      break;
    case mark_above:
      states_.insert(states_.end(), {{kind::directories}, {kind::to_slash}});
      break;
    case mark_below:
      states_.insert(states_.end(), {{kind::below}, {kind::any}});
      break;
    case mark_star:
      states_.push_back({kind::star});
      break;
    default:
      states_.push_back({kind::letter, c});
    }
}

/// The longest row of letters.
void ignore_pattern::find_literal() {
  std::string row;
  for (const auto& each : states_) {
    if (each.is == kind::letter)
      row += each.letter;
    else
      row.clear();
    if (row.size() > literal_.size())
      literal_ = row;
  }
}

/// Adds a state and those that are reached from it without a byte, which are
/// always later ones.
void ignore_pattern::enter(state_set& set, std::size_t at) const {
  for (;;) {
    if (set.has(at))
      return;
    set.add(at);
    if (at == states_.size())
      return;
    switch (states_[at].is) {
    case kind::star:
    case kind::any:
    case kind::slash:
      ++at;
      break;
    case kind::directories:
      set.add(at + 1);
      at += 2;
      break;
    case kind::below:
      at += 2;
      break;
    case kind::letter:
    case kind::to_slash:
      return;
    }
  }
}

void ignore_pattern::step(std::size_t at, char byte, state_set& into) const {
  if (at == states_.size())
    return;
  switch (states_[at].is) {
  case kind::letter:
    if (byte == states_[at].letter)
      enter(into, at + 1);
    break;
  case kind::star:
    if (byte != '/')
      enter(into, at);
    break;
  case kind::any:
    if (byte != '\n')
      enter(into, at);
    break;
  case kind::to_slash:
    if (byte != '\n')
      into.add(at);
    [[fallthrough]];
  case kind::below:
  case kind::slash:
    if (byte == '/')
      enter(into, at + 1);
    break;
  case kind::directories:
    break;
  }
}

bool ignore_pattern::matches(std::string_view path,
                             std::uint64_t& steps) const {
  steps += 1 + path.size() / 16;
  if (path.find(literal_) == std::string_view::npos)
    return false;
  state_set now;
  enter(now, 0);
  for (const char byte : path) {
    state_set after;
    const auto count =
        now.for_each([&](std::size_t at) { step(at, byte, after); });
    steps += count;
    if (count == 0)
      return false;
    now = after;
  }
  return now.has(states_.size());
}

} // namespace alula::backup
