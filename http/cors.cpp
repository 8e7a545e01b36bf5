#include "http/cors.hpp"

namespace alula::http {

namespace {

std::string make_lines(std::string_view origin, const cors_settings& settings) {
  std::string lines;
  if (!origin.empty())
    lines += "Access-Control-Allow-Origin: " + std::string{origin} + "\r\n";
  lines +=
      "Access-Control-Allow-Credentials: true\r\n"
      "Access-Control-Allow-Methods: GET, POST, PATCH, PUT, DELETE, "
      "OPTIONS\r\n"
      "Access-Control-Allow-Headers: Accept, Accept-Encoding, "
      "Authorization, Cache-Control, Content-Type, Content-Length, "
      "Origin, X-Real-IP, X-CSRF-Token, Idempotency-Key, If-Match, "
      "If-None-Match, If-Range, If-Unmodified-Since, Last-Event-ID, Prefer, "
      "Range\r\n"
      "Access-Control-Expose-Headers: Accept-Ranges, Content-Disposition, "
      "Content-Range, ETag, Idempotency-Replayed, Link, Location, "
      "Operation-Location, Preference-Applied, Retry-After, X-Request-Id\r\n"
      "Access-Control-Max-Age: 7200\r\n";
  if (settings.allow_private_network)
    lines += "Access-Control-Request-Private-Network: true\r\n";
  // The answer differs by Origin as soon as there is a choice.
  if (!settings.allowed_origins.empty())
    lines += "Vary: Origin\r\n";
  return lines;
}

} // namespace

cors::cors(const cors_settings& settings)
  : panel_(settings.panel_url),
    panel_lines_(make_lines(settings.panel_url, settings)) {
  for (const auto& origin : settings.allowed_origins)
    others_.push_back({origin, make_lines(origin, settings)});
}

std::string_view cors::lines_for(std::optional<std::string_view> origin) const {
  const auto given = origin.value_or(std::string_view{});
  if (given != panel_)
    for (const auto& other : others_)
      if (other.origin == "*" || other.origin == given)
        return other.lines;
  return panel_lines_;
}

} // namespace alula::http
