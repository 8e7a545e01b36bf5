#include "remote/docker_pull.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using alula::remote::pull_progress;
using namespace std::chrono_literals;
using lines = std::vector<std::string>;

namespace {

struct pulling {
  lines heard;
  pull_progress progress{
      [this](std::string_view line) { heard.emplace_back(line); }};
  pull_progress::clock::time_point now{};
};

} // namespace

TEST_CASE("a pull tells what each layer is at", "[remote]") {
  pulling p;
  CHECK(p.progress.take(R"({"status":"Pulling from a/b","id":"1"}
{"status":"Pulling fs layer","progressDetail":{},"id":"5f70"}
{"status":"Downloading","progressDetail":{"current":1,"total":2},"progress":"[==\u003e   ]  12.5MB/40.1MB","id":"5f70"}
{"status":"Digest: sha256:aa"}
)",
                        p.now));
  CHECK(p.heard
        == lines{"1 Pulling from a/b", "5f70 Pulling fs layer",
                 "5f70 Downloading 12.5MB/40.1MB", "Digest: sha256:aa"});
  CHECK(p.progress.error().empty());
}

TEST_CASE("how far a layer is, is told once a second", "[remote]") {
  pulling p;
  const std::string record =
      R"({"status":"Downloading","progress":"[>]  1B/2B","id":"5f70"})"
      "\n";
  for (int i = 0; i < 21; ++i)
    CHECK(p.progress.take(record, p.now + i * 100ms));
  CHECK(p.heard.size() == 3);
}

TEST_CASE("an error in the middle of a pull is kept, on one line", "[remote]") {
  pulling p;
  CHECK(p.progress.take(
      R"({"status":"Pulling from a/b"}
{"errorDetail":{"message":"x"},"error":"manifest unknown:\nno such tag"}
{"error":"another"}
)",
      p.now));
  CHECK(p.progress.error() == "manifest unknown: no such tag");
  CHECK(p.heard.size() == 1);
}

TEST_CASE("garbage in a pull is passed over, but not without a bound",
          "[remote]") {
  pulling p;
  CHECK(p.progress.take("garbage\n[1]\n{\"status\":5}\nnull\n", p.now));
  CHECK(p.heard.empty());
  CHECK_FALSE(p.progress.take(std::string(2'000'000, '['), p.now));
}
