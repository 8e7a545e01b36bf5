#include "actors/startup_match.hpp"

#include "jobs/log.hpp"

#include <algorithm>
#include <re2/re2.h>

namespace alula::actors {

namespace {

constexpr std::string_view regex_mark = "regex:";
constexpr std::int64_t pattern_memory = 1 << 20;

std::unique_ptr<re2::RE2> compiled(std::string_view pattern) {
  re2::RE2::Options how;
  how.set_log_errors(false);
  how.set_max_mem(pattern_memory);
  auto out = std::make_unique<re2::RE2>(
      re2::StringPiece{pattern.data(), pattern.size()}, how);
  if (out->ok())
    return out;
  jobs::log(jobs::log_level::warning, "startup-pattern-refused",
            {{"pattern", pattern}, {"why", out->error()}});
  return nullptr;
}

} // namespace

startup_match::startup_match() = default;
startup_match::~startup_match() = default;
startup_match::startup_match(startup_match&&) noexcept = default;
startup_match& startup_match::operator=(startup_match&&) noexcept = default;

startup_match::startup_match(const std::vector<std::string>& done,
                             bool strip_ansi)
  : strip_ansi_(strip_ansi) {
  for (const auto& each : done) {
    if (!each.starts_with(regex_mark)) {
      if (!each.empty())
        parts_.push_back(each);
    } else if (auto pattern =
                   compiled(std::string_view{each}.substr(regex_mark.size()))) {
      patterns_.push_back(std::move(pattern));
    }
  }
}

bool startup_match::matches(std::string_view line) const {
  std::string stripped;
  if (strip_ansi_) {
    stripped = without_ansi(line);
    line = stripped;
  }
  return std::ranges::any_of(parts_,
                             [&](const auto& part) {
                               return line.find(part) != std::string_view::npos;
                             })
         || std::ranges::any_of(patterns_, [&](const auto& pattern) {
              return re2::RE2::PartialMatch(
                  re2::StringPiece{line.data(), line.size()}, *pattern);
            });
}

std::string without_ansi(std::string_view line) {
  constexpr char escape = '\x1b';
  const auto within = [](char c, int first, int last) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= first && byte <= last;
  };
  std::string out;
  out.reserve(line.size());
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] != escape) {
      out += line[i];
      continue;
    }
    if (i + 1 >= line.size() || line[i + 1] != '[')
      continue; // the escape alone
    i += 2;
    while (i < line.size() && within(line[i], 0x20, 0x3f))
      ++i; // parameters; the final byte ends the sequence
  }
  return out;
}

} // namespace alula::actors
