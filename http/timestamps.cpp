#include "http/timestamps.hpp"

#include <charconv>
#include <chrono>

namespace alula::http {

namespace {

/// Exactly `count` digits at `at`; -1 for anything else.
int digits(std::string_view text, std::size_t at, std::size_t count) {
  if (text.size() < at + count)
    return -1;
  int value = 0;
  for (std::size_t i = at; i < at + count; ++i) {
    if (text[i] < '0' || text[i] > '9')
      return -1;
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

bool has(std::string_view text, std::size_t at, char a, char b) {
  return at < text.size() && (text[at] == a || text[at] == b);
}

/// The milliseconds of ".25"; moves `at` behind the digits. Finer digits are
/// cut off.
std::optional<int> read_fraction(std::string_view text, std::size_t& at) {
  if (!has(text, at, '.', '.'))
    return 0;
  int millis = 0;
  int places = 0;
  for (++at; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at)
    if (places++ < 3)
      millis = millis * 10 + (text[at] - '0');
  if (places == 0)
    return std::nullopt;
  for (; places < 3; ++places)
    millis *= 10;
  return millis;
}

/// "Z" or "+hh:mm" up to the end of the text, in minutes.
std::optional<int> read_offset(std::string_view text, std::size_t at) {
  if (has(text, at, 'Z', 'z'))
    return at + 1 == text.size() ? std::optional{0} : std::nullopt;
  // An unencoded "+" of a query arrives as a space.
  const bool plus = has(text, at, '+', ' ');
  if ((!plus && !has(text, at, '-', '-')) || text.size() != at + 6
      || text[at + 3] != ':')
    return std::nullopt;
  const int hours = digits(text, at + 1, 2);
  const int minutes = digits(text, at + 4, 2);
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59)
    return std::nullopt;
  return (plus ? 1 : -1) * (hours * 60 + minutes);
}

std::optional<jobs::time_ms> parse_millis(std::string_view text) {
  jobs::time_ms value = 0;
  const auto end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stop != end || value < 0)
    return std::nullopt;
  return value;
}

} // namespace

std::optional<jobs::time_ms> parse_time(std::string_view text) {
  using namespace std::chrono;
  if (text.find('-') == std::string_view::npos)
    return parse_millis(text);
  const int years = digits(text, 0, 4), months = digits(text, 5, 2),
            days_of = digits(text, 8, 2), hours_of = digits(text, 11, 2),
            minutes_of = digits(text, 14, 2), seconds_of = digits(text, 17, 2);
  const bool shaped = has(text, 4, '-', '-') && has(text, 7, '-', '-')
                      && has(text, 10, 'T', 't') && has(text, 13, ':', ':')
                      && has(text, 16, ':', ':');
  if (!shaped || years < 0 || months < 0 || days_of < 0 || hours_of < 0
      || hours_of > 23 || minutes_of < 0 || minutes_of > 59 || seconds_of < 0
      || seconds_of > 59)
    return std::nullopt;
  const year_month_day date{year{years}, month{static_cast<unsigned>(months)},
                            day{static_cast<unsigned>(days_of)}};
  std::size_t at = 19;
  const auto millis = read_fraction(text, at);
  const auto offset = read_offset(text, at);
  if (!date.ok() || !millis || !offset)
    return std::nullopt;
  const auto since = sys_days{date}.time_since_epoch() + hours{hours_of}
                     + minutes{minutes_of - *offset} + seconds{seconds_of}
                     + milliseconds{*millis};
  return duration_cast<milliseconds>(since).count();
}

} // namespace alula::http
