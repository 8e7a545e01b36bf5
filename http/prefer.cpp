#include "http/prefer.hpp"

#include "http/text.hpp"
#include "http/words.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>

namespace alula::http {

namespace {

std::optional<std::chrono::seconds> read_wait(std::string_view value) {
  // Anything longer than an int is as good as the cap.
  if (value.empty()
      || value.find_first_not_of("0123456789") != std::string_view::npos)
    return std::nullopt;
  long seconds = 0;
  const auto [end, error] =
      std::from_chars(value.data(), value.data() + value.size(), seconds);
  if (error != std::errc{})
    return max_write_wait;
  return std::min(std::chrono::seconds{seconds}, max_write_wait);
}

void take(preferences& out, std::string_view name, std::string_view value) {
  if (equal_ignoring_case(name, "respond-async")) {
    out.respond_async = true;
  } else if (equal_ignoring_case(name, "wait")) {
    if (!out.wait)
      out.wait = read_wait(value);
  } else if (equal_ignoring_case(name, "return")
             && out.body == return_preference::none) {
    if (equal_ignoring_case(value, "representation"))
      out.body = return_preference::representation;
    else if (equal_ignoring_case(value, "minimal"))
      out.body = return_preference::minimal;
  }
}

/// One preference: name, optional "=value" (a token or a quoted string), and
/// parameters behind ";" of which none is known.
void read_one(preferences& out, std::string_view text) {
  const auto head = trimmed(text.substr(0, text.find(';')));
  const auto equals = head.find('=');
  if (equals == std::string_view::npos) {
    take(out, head, {});
    return;
  }
  auto value = trimmed(head.substr(equals + 1));
  if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
    value = value.substr(1, value.size() - 2);
  take(out, trimmed(head.substr(0, equals)), value);
}

} // namespace

std::string preferences::applied() const {
  std::string out;
  const auto add = [&out](const std::string& item) {
    out += out.empty() ? item : ", " + item;
  };
  if (respond_async)
    add("respond-async");
  if (wait)
    add("wait=" + std::to_string(wait->count()));
  if (body == return_preference::minimal)
    add("return=minimal");
  if (body == return_preference::representation)
    add("return=representation");
  return out;
}

preferences read_preferences(const request& req) {
  preferences out;
  for (const auto& [name, value] : req.headers)
    if (equal_ignoring_case(name, "prefer"))
      for (const auto item : split(value, ','))
        read_one(out, item);
  return out;
}

} // namespace alula::http
