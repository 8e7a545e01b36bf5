#include "jobs/pool_pause.hpp"

#include "jobs/clock.hpp"

namespace alula::jobs {

namespace {

constexpr std::string_view before_pool = "the pool \"";
constexpr std::string_view behind_pool = "\" is paused since ";

} // namespace

std::string words_of(const pool_pause& pause) {
  std::string out{before_pool};
  out += pause.pool;
  out += behind_pool;
  out += to_rfc3339(pause.since);
  if (!pause.reason.empty())
    out += " (" + pause.reason + ")";
  return out;
}

std::string_view paused_pool_in(std::string_view words) {
  const auto end = words.find(behind_pool);
  if (!words.starts_with(before_pool) || end == std::string_view::npos)
    return {};
  return words.substr(before_pool.size(), end - before_pool.size());
}

} // namespace alula::jobs
