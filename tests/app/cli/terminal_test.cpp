#include "app/cli/terminal.hpp"

#include <catch2/catch.hpp>

namespace alula::app::cli {

namespace {

json progress(const char* unit) {
  return {{"done", 2'048},        {"total", 4'096}, {"unit", unit},
          {"percent", 50},        {"rate", 1'024},  {"eta_seconds", 2},
          {"updated_at", nullptr}};
}

} // namespace

TEST_CASE("a progress is a bar, what is done, how fast, and what is left",
          "[app]") {
  CHECK(progress_line(progress("bytes"))
        == "[############------------] 50 %  2.0 KiB of 4.0 KiB  1.0 KiB/s"
           "  2 s left");
  CHECK(progress_line(nullptr).empty());
}

TEST_CASE("what is counted in a second unit comes last", "[app]") {
  auto packing = progress("bytes");
  packing["files"] = {{"done", 40}, {"total", 90}};
  CHECK(progress_line(packing).ends_with("  2 s left  40 of 90 files"));
  packing["files"]["total"] = nullptr;
  CHECK(progress_line(packing).ends_with("  2 s left  40 files"));
  auto purging = progress("entries");
  purging["bytes"] = {{"done", 1'536}, {"total", nullptr}};
  CHECK(progress_line(purging).ends_with("  2 s left  1.5 KiB"));
}

} // namespace alula::app::cli
