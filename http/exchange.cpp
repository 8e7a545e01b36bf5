#include "http/exchange.hpp"

#include "http/text.hpp"

namespace alula::http {

std::string_view request::param(std::string_view name) const {
  for (const auto& [key, value] : params)
    if (key == name)
      return value;
  return {};
}

std::optional<std::string_view>
request::query_value(std::string_view name) const {
  for (const auto& [key, value] : query)
    if (key == name)
      return value;
  return std::nullopt;
}

std::optional<std::string_view> request::header(std::string_view name) const {
  for (const auto& [key, value] : headers)
    if (equal_ignoring_case(key, name))
      return value;
  return std::nullopt;
}

} // namespace alula::http
