/// For tests/http/description_test.py, which holds every answer of the tests to
/// the description of the API.
#pragma once

#include "http/exchange.hpp"
#include "tests/doubles/fake_exchange.hpp"

#include <nlohmann/json.hpp>

#include <cstdlib>
#include <fstream>
#include <string_view>

namespace alula::http {

inline void keep_answer(std::string_view method, std::string_view pattern,
                        const response& answer) {
  using json = nlohmann::json;
  static const char* const file = std::getenv("ALULA_KEEP_ANSWERS");
  if (!file)
    return;
  const json line{{"method", method},
                  {"pattern", pattern},
                  {"status", answer.status},
                  {"type", doubles::header_of(answer, "Content-Type")},
                  {"body", answer.body}};
  std::ofstream{file, std::ios::app}
      << line.dump(-1, ' ', false, json::error_handler_t::replace) << '\n';
}

/// Of one that came over a connection: with the headers that have to do with
/// asking again, and with what is said of the request.
inline void keep_answer_of_door(std::string_view method,
                                std::string_view pattern, int status,
                                const header_list& headers,
                                std::string_view body) {
  using json = nlohmann::json;
  static const char* const file = std::getenv("ALULA_KEEP_ANSWERS");
  if (!file)
    return;
  json kept = json::object();
  for (const auto& [name, value] : headers)
    kept[name] = value;
  const json line{{"method", method}, {"pattern", pattern},
                  {"status", status}, {"type", kept.value("Content-Type", "")},
                  {"body", body},     {"of_door", kept}};
  std::ofstream{file, std::ios::app}
      << line.dump(-1, ' ', false, json::error_handler_t::replace) << '\n';
}

} // namespace alula::http
