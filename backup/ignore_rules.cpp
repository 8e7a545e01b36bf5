#include "backup/ignore_rules.hpp"

#include "backup/ignore_pattern.hpp"
#include "jobs/ascii.hpp"

#include <optional>
#include <re2/re2.h>

namespace alula::backup {

namespace {

/// A second or so per 50,000 paths.
constexpr std::uint64_t steps_per_path = 20'000;
constexpr int most_instructions = 500;
constexpr std::int64_t expression_memory = std::int64_t{128} * 1024;

/// Bytes, not characters: file names need not be UTF-8.
re2::RE2::Options options() {
  re2::RE2::Options chosen{re2::RE2::Latin1};
  chosen.set_log_errors(false);
  chosen.set_max_mem(expression_memory);
  return chosen;
}

} // namespace

struct ignore_rules::rule {
  bool negated = false;
  std::optional<ignore_pattern> pattern;
  std::unique_ptr<re2::RE2> expression; ///< when there is no pattern

  /// False: it cannot be, or is too much.
  bool compile(std::string_view line, std::size_t& expressions) {
    pattern = ignore_pattern::of(line);
    if (pattern)
      return true;
    if (expressions >= max_expressions)
      return false;
    expression = std::make_unique<re2::RE2>(expression_of(line), options());
    const bool is_good =
        expression->ok() && expression->ProgramSize() <= most_instructions;
    expressions += is_good ? 1 : 0;
    return is_good;
  }

  bool matches(std::string_view path, std::uint64_t& steps) const {
    if (pattern)
      return pattern->matches(path, steps);
    const auto size = static_cast<std::uint64_t>(expression->ProgramSize());
    steps += path.size() * (1 + size / 64);
    return re2::RE2::PartialMatch(re2::StringPiece{path.data(), path.size()},
                                  *expression);
  }
};

ignore_rules::ignore_rules() = default;
ignore_rules::~ignore_rules() = default;
ignore_rules::ignore_rules(ignore_rules&&) noexcept = default;
ignore_rules& ignore_rules::operator=(ignore_rules&&) noexcept = default;

ignore_rules::ignore_rules(std::string_view text) {
  add(text);
}

void ignore_rules::add(std::string_view text) {
  const auto most = rules_.size() + max_rules;
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
    line = jobs::trimmed(line, " ");
    if (line.empty())
      continue;
    rule next;
    if (line.starts_with('!')) {
      next.negated = true;
      line.remove_prefix(1);
    }
    if (line.starts_with('#') || line.starts_with('!'))
      line.remove_prefix(1);
    const bool is_bounded = line.size() <= max_pattern && rules_.size() < most;
    if (!is_bounded || !next.compile(line, expressions_)) {
      dropped_.emplace_back(whole);
      continue;
    }
    rules_.push_back(std::move(next));
  }
}

bool ignore_rules::is_ignored(std::string_view path) const {
  steps_allowed_ += steps_per_path;
  bool ignored = false;
  for (const auto& each : rules_)
    if (ignored == each.negated && each.matches(path, steps_))
      ignored = !each.negated;
  return ignored;
}

} // namespace alula::backup
