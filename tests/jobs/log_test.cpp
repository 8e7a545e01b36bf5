#include "jobs/log.hpp"

#include <catch2/catch.hpp>

using namespace alula::jobs;

TEST_CASE("a line is an event name and key=value pairs", "[jobs]") {
  std::string event;
  std::string fields;
  set_log_sink([&](log_level, std::string_view name, std::string_view text) {
    event = name;
    fields = text;
  });
  log(log_level::info, "step-failed",
      {{"job", "12"}, {"why", "no \"room\"\nleft"}, {"tries", 3}});
  set_log_sink({});
  CHECK(event == "step-failed");
  CHECK(fields == R"(job=12 why="no \"room\"\nleft" tries=3)");
}

TEST_CASE("a sink that throws harms nobody", "[jobs]") {
  set_log_sink([](log_level, std::string_view, std::string_view) {
    throw 1; // NOLINT
  });
  CHECK_NOTHROW(log(log_level::error, "anything"));
  set_log_sink({});
}
