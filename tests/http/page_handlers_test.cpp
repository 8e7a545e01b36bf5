#include "http/embedded.hpp"
#include "http/page_handlers.hpp"
#include "tests/http/api_world.hpp"

#include <catch2/catch.hpp>

#include <set>

using namespace alula;
using namespace alula::http;

namespace {

/// "GET /api/jobs/{job}" of a line of the route table.
std::string described_as(const route& line) {
  std::string out{line.method};
  out += ' ';
  for (std::size_t at = 0; at < line.pattern.size(); ++at) {
    if (line.pattern[at] != ':') {
      out += line.pattern[at];
      continue;
    }
    const auto end = std::min(line.pattern.find('/', at), line.pattern.size());
    out += '{';
    out += line.pattern.substr(at + 1, end - at - 1);
    out += '}';
    at = end - 1;
  }
  return out;
}

std::vector<route> all_routes() {
  static api_world world;
  return make_routes(world.all_parts({}));
}

std::string upper(std::string text) {
  for (auto& c : text)
    c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
  return text;
}

} // namespace

TEST_CASE("every route is described, and nothing else", "[page]") {
  std::set<std::string> routed, described;
  for (const auto& line : all_routes())
    routed.insert(described_as(line));
  const auto whole = json::parse(api_description());
  for (const auto& [path, methods] : whole.at("paths").items())
    for (const auto& [method, operation] : methods.items())
      described.insert(upper(method) + ' ' + path);
  for (const auto& one : routed) {
    INFO("not in http/openapi/: " << one);
    CHECK(described.count(one) == 1);
  }
  for (const auto& one : described) {
    INFO("described, but not routed: " << one);
    CHECK(routed.count(one) == 1);
  }
}

TEST_CASE("the description says which routes are open", "[page]") {
  const auto whole = json::parse(api_description());
  for (const auto& line : all_routes()) {
    const auto name = described_as(line);
    INFO(name);
    auto method = std::string{line.method};
    for (auto& c : method)
      c = static_cast<char>(c + 32);
    const auto& operation =
        whole.at("paths").at(name.substr(name.find('/'))).at(method);
    const bool is_open =
        operation.contains("security") && operation.at("security").empty();
    CHECK(is_open == (line.needs == access::open));
  }
}

TEST_CASE("the description is served as it is, and not twice", "[page]") {
  api_world world;
  const auto answer = world.ask("GET", "/api/openapi.json");
  CHECK(answer.status == 200);
  CHECK(json::parse(answer.body).at("openapi") == "3.1.0");
  const auto etag = header_of(answer, "ETag");
  const auto again =
      world.ask("GET", "/api/openapi.json", {}, {{"If-None-Match", etag}});
  CHECK(again.status == 304);
  CHECK(again.body.empty());
}

TEST_CASE("the page loads nothing from elsewhere and is never framed",
          "[page]") {
  api_world world;
  const auto answer = world.ask("GET", "/");
  REQUIRE(answer.status == 200);
  CHECK(world.ask("HEAD", "/").status == 200);
  CHECK(header_of(answer, "Content-Type") == "text/html; charset=utf-8");
  const auto rules = header_of(answer, "Content-Security-Policy");
  CHECK_THAT(rules, Catch::Contains("default-src 'none'"));
  CHECK_THAT(rules, Catch::Contains("frame-ancestors 'none'"));
  CHECK_THAT(rules, !Catch::Contains("unsafe"));
  CHECK(header_of(answer, "X-Content-Type-Options") == "nosniff");
  for (const auto& file : page_files()) {
    INFO(file.name);
    const bool is_vector =
        file.name.ends_with(".svg") || file.name == "chart.js";
    // The name of SVG's vocabulary is no address that is asked.
    CHECK((is_vector || file.text.find("http://") == std::string_view::npos));
    CHECK(file.text.find("https://") == std::string_view::npos);
    CHECK(file.text.find("innerHTML") == std::string_view::npos);
    CHECK(file.text.find("localStorage") == std::string_view::npos);
  }
}

TEST_CASE("every file of the page is there under its name", "[page]") {
  api_world world;
  for (const auto& file : page_files()) {
    INFO(file.name);
    const auto answer = world.ask("GET", "/web/" + std::string{file.name});
    CHECK(answer.status == 200);
    CHECK(answer.body == file.text);
    CHECK(world
              .ask("GET", "/web/" + std::string{file.name}, {},
                   {{"If-None-Match", header_of(answer, "ETag")}})
              .status
          == 304);
  }
  CHECK(header_of(world.ask("GET", "/web/app.js"), "Content-Type")
        == "text/javascript; charset=utf-8");
  CHECK(world.ask("HEAD", "/web/app.js").status == 200);
  CHECK(code_of(world.ask("GET", "/web/nothing.js")) == "route-not-found");
}

TEST_CASE("the page is there while the node starts", "[page]") {
  api_world world;
  world.engine.ready = false;
  CHECK(world.ask("GET", "/").status == 200);
  CHECK(world.ask("GET", "/web/style.css").status == 200);
}

TEST_CASE("a node without a page has none", "[page]") {
  api_world world{{.status_page = false}};
  CHECK(world.ask("GET", "/").status == 404);
  CHECK(world.ask("GET", "/web/app.js").status == 404);
  CHECK(world.ask("GET", "/api/openapi.json").status == 200);
}
