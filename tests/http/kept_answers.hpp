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

} // namespace alula::http
