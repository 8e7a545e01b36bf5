#include "jobs/kinds/transfer_lines.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <ctime>

using namespace alula::jobs;

TEST_CASE("a transfer's line has its time, its system and its colours",
          "[transfer]") {
  ::setenv("TZ", "UTC", 1);
  ::tzset();
  CHECK(transfer_line("Source", "hello", 1'700'000'000'000)
        == "\x1b[33m\x1b[1mTue, 14 Nov 2023 22:13:20 UTC [Transfer System] "
           "[Source Node]:\x1b[39m hello\x1b[0m");
}

TEST_CASE("the bar of an upload has 25 cells", "[transfer]") {
  CHECK(upload_bar(1 << 20, 5 << 20)
        == "Uploading [=====                    ] 1.0 MiB / 5.0 MiB");
  CHECK(upload_bar(0, 0)
        == "Uploading [=========================] 0 bytes / 0 bytes");
  // A tree that has grown since it was counted.
  CHECK(upload_bar(2'048, 1'024)
        == "Uploading [=========================] 2.0 KiB / 2.0 KiB");
}
