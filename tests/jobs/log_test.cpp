#include "jobs/log.hpp"

#include <catch2/catch.hpp>

#include <functional>
#include <string>
#include <thread>
#include <vector>

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

TEST_CASE("a line is members of an object where JSON is wanted", "[jobs]") {
  std::string fields;
  set_log_sink([&](log_level, std::string_view,
                   std::string_view text) { fields = text; },
               log_format::json);
  log(log_level::info, "step-failed",
      {{"job", "12"}, {"why", "no \"room\"\n\xff"}, {"tries", 3}});
  set_log_sink({});
  CHECK(fields
        == "\"job\":\"12\",\"why\":\"no \\\"room\\\"\\n\xEF\xBF\xBD\","
           "\"tries\":3");
}

TEST_CASE("a line says for whom its thread works", "[jobs]") {
  std::vector<std::string> lines;
  set_log_sink([&](log_level, std::string_view, std::string_view text) {
    lines.emplace_back(text);
  });
  {
    const log_scope request{"request", "r1"};
    const log_scope job{"job", "j1"};
    log(log_level::info, "manifest-unusable", {{"why", "torn"}});
    log(log_level::info, "job-known", {{"job", "j2"}});
    std::thread{[] { log(log_level::info, "elsewhere"); }}.join();
  }
  log(log_level::info, "afterwards");
  set_log_sink({});
  CHECK(lines
        == std::vector<std::string>{"why=torn job=j1 request=r1",
                                    "job=j2 request=r1", "", ""});
}

TEST_CASE("for whom a thread works is taken along to another", "[jobs]") {
  std::vector<std::string> lines;
  set_log_sink([&](log_level, std::string_view, std::string_view text) {
    lines.emplace_back(text);
  });
  std::function<void(int)> later;
  {
    const log_scope request{"request", "r1"};
    const log_scope job{"job", "j1"};
    later = with_log_context([](int part) {
      log(log_level::info, "retried", {{"part", part}});
    });
  }
  std::thread{[&] {
    const log_scope other{"job", "j2"};
    later(7);
    log(log_level::info, "its-own");
  }}.join();
  set_log_sink({});
  CHECK(lines
        == std::vector<std::string>{"part=7 job=j1 request=r1", "job=j2"});
}

TEST_CASE("what is taken along may be taken further", "[jobs]") {
  std::string line;
  set_log_sink(
      [&](log_level, std::string_view, std::string_view text) { line = text; });
  const auto made_for = [](std::string_view request) {
    const log_scope whose{"request", request};
    return log_context{};
  };
  const auto outer = made_for("r1");
  std::function<void()> later;
  {
    const log_scope as{outer};
    const log_scope job{"job", "j1"};
    later = with_log_context([] { log(log_level::info, "further"); });
  }
  later();
  set_log_sink({});
  CHECK(line == "job=j1 request=r1");
}

TEST_CASE("a line says of two jobs the inner one", "[jobs]") {
  std::string line;
  set_log_sink(
      [&](log_level, std::string_view, std::string_view text) { line = text; });
  {
    const log_scope outer{"job", "j1"};
    const auto whose = log_context{};
    const log_scope as{whose};
    const log_scope inner{"job", "j2"};
    log(log_level::info, "done");
  }
  set_log_sink({});
  CHECK(line == "job=j2");
}

TEST_CASE("a line says nothing of a job that is none", "[jobs]") {
  std::string line;
  set_log_sink(
      [&](log_level, std::string_view, std::string_view text) { line = text; });
  {
    const log_scope job{"job", ""};
    log(log_level::info, "report-delivered", {{"report", 1}});
  }
  set_log_sink({});
  CHECK(line == "report=1");
}

TEST_CASE("a sink that throws harms nobody", "[jobs]") {
  set_log_sink([](log_level, std::string_view, std::string_view) {
    throw 1; // NOLINT
  });
  CHECK_NOTHROW(log(log_level::error, "anything"));
  set_log_sink({});
}

TEST_CASE("who works for nobody says so, whatever its thread did before",
          "[jobs]") {
  std::vector<std::string> lines;
  set_log_sink([&](log_level, std::string_view, std::string_view text) {
    lines.emplace_back(text);
  });
  {
    const log_scope request{"request", "r1"};
    const log_scope as{log_context::of_nobody()};
    log(log_level::info, "anything");
  }
  set_log_sink({});
  CHECK(lines == std::vector<std::string>{""});
}
