#include "http/cors.hpp"

#include <catch2/catch.hpp>

using namespace alula::http;

namespace {

std::string origin_in(std::string_view lines) {
  constexpr std::string_view name = "Access-Control-Allow-Origin: ";
  const auto at = lines.find(name);
  if (at == std::string_view::npos)
    return "none";
  const auto from = at + name.size();
  return std::string{lines.substr(from, lines.find("\r\n", from) - from)};
}

} // namespace

TEST_CASE("the Panel's URL is the allowed origin unless a rule fits",
          "[http]") {
  const cors rules{{"https://panel.example",
                    {"https://a.example", "*", "https://b.example"}}};
  CHECK(origin_in(rules.lines_for("https://panel.example"))
        == "https://panel.example");
  CHECK(origin_in(rules.lines_for("https://a.example")) == "https://a.example");
  // The first entry that fits is sent back as it is written.
  CHECK(origin_in(rules.lines_for("https://b.example")) == "*");
  CHECK(origin_in(rules.lines_for(std::nullopt)) == "*");
}

TEST_CASE("a foreign origin is told the Panel's", "[http]") {
  const cors rules{{"https://panel.example", {"https://a.example"}}};
  CHECK(origin_in(rules.lines_for("https://evil.example"))
        == "https://panel.example");
  CHECK(rules.lines_for({}).find("Vary: Origin") != std::string_view::npos);
}

TEST_CASE("without a Panel there is no allowed origin", "[http]") {
  const cors rules{{}};
  CHECK(origin_in(rules.lines_for("https://evil.example")) == "none");
  CHECK(rules.lines_for({}).find("Vary") == std::string_view::npos);
}

TEST_CASE("the other headers are Wings'", "[http]") {
  const cors rules{{"https://panel.example", {}, true}};
  const auto lines = rules.lines_for({});
  const auto has = [&](std::string_view what) {
    return lines.find(what) != lines.npos;
  };
  CHECK(has("Access-Control-Allow-Credentials: true\r\n"));
  CHECK(has("Access-Control-Allow-Methods: GET, POST, PATCH, PUT, DELETE, "
            "OPTIONS\r\n"));
  CHECK(has("Access-Control-Max-Age: 7200\r\n"));
  CHECK(has("Access-Control-Request-Private-Network: true\r\n"));
  CHECK(has("Access-Control-Allow-Headers: Accept, Accept-Encoding, "
            "Authorization, "));
}

TEST_CASE("a page may use what the jobs API is made of", "[http]") {
  const cors rules{{"https://panel.example", {}}};
  const std::string lines{rules.lines_for({})};
  const auto line_of = [&](const std::string& name) {
    const auto from = lines.find(name + ": ");
    REQUIRE(from != lines.npos);
    return lines.substr(from, lines.find("\r\n", from) - from);
  };
  for (const auto* header : {"Idempotency-Key", "If-Match", "If-None-Match",
                             "If-Unmodified-Since", "Last-Event-ID", "Prefer"})
    CHECK(line_of("Access-Control-Allow-Headers").find(header)
          != std::string::npos);
  for (const auto* header :
       {"ETag", "Link", "Location", "Operation-Location", "Retry-After"})
    CHECK(line_of("Access-Control-Expose-Headers").find(header)
          != std::string::npos);
}
