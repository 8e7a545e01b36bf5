#include "backup/ignore_rules.hpp"

#include <re2/re2.h>

namespace alula::backup {

namespace {

/// Stands for a star that is already part of the expression.
constexpr char kept_star = '\x01';

std::string_view trimmed(std::string_view line) {
  constexpr std::string_view blanks = " ";
  const auto first = line.find_first_not_of(blanks);
  if (first == std::string_view::npos)
    return {};
  return line.substr(first, line.find_last_not_of(blanks) - first + 1);
}

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

std::string expression_of(std::string_view line) {
  std::string text{line};
  if (names_files_of_a_directory(text) && !text.starts_with('/'))
    text.insert(0, "/");
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

/// Bytes, not characters: file names need not be UTF-8.
re2::RE2::Options options() {
  re2::RE2::Options chosen{re2::RE2::Latin1};
  chosen.set_log_errors(false);
  chosen.set_max_mem(std::int64_t{1} << 20);
  return chosen;
}

} // namespace

struct ignore_rules::rule {
  bool negated = false;
  std::unique_ptr<re2::RE2> expression;
};

ignore_rules::ignore_rules() = default;
ignore_rules::~ignore_rules() = default;
ignore_rules::ignore_rules(ignore_rules&&) noexcept = default;
ignore_rules& ignore_rules::operator=(ignore_rules&&) noexcept = default;

ignore_rules::ignore_rules(std::string_view text) {
  if (text.size() > max_text)
    text = text.substr(0, text.rfind('\n', max_text));
  while (!text.empty()) {
    const auto end = text.find('\n');
    auto line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    const auto whole = line;
    if (line.ends_with('\r'))
      line.remove_suffix(1);
    if (line.starts_with('#'))
      continue;
    line = trimmed(line);
    if (line.empty())
      continue;
    rule next;
    if (line.starts_with('!')) {
      next.negated = true;
      line.remove_prefix(1);
    }
    if (line.starts_with('#') || line.starts_with('!'))
      line.remove_prefix(1);
    const bool is_bounded =
        line.size() <= max_pattern && rules_.size() < max_rules;
    if (is_bounded)
      next.expression =
          std::make_unique<re2::RE2>(expression_of(line), options());
    if (!is_bounded || !next.expression->ok()) {
      dropped_.emplace_back(whole);
      continue;
    }
    rules_.push_back(std::move(next));
  }
}

bool ignore_rules::is_ignored(std::string_view path) const {
  const re2::StringPiece text{path.data(), path.size()};
  bool ignored = false;
  for (const auto& each : rules_)
    if (ignored == each.negated
        && re2::RE2::PartialMatch(text, *each.expression))
      ignored = !each.negated;
  return ignored;
}

} // namespace alula::backup
