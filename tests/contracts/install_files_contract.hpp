/// What every jobs::install_files promises.
#pragma once

#include "jobs/install_files.hpp"

#include <catch2/catch.hpp>

#include <string>

namespace alula::contracts {

inline void check_install_files(jobs::install_files& files) {
  const auto server =
      *jobs::server_id::parse("3f1d3a0e-7a55-4c3c-9d4f-0a4f5c1f2b11");

  SECTION("a script has a directory that is the same every time") {
    const auto at = files.put_script(server, "#!/bin/sh\nexit 0\n");
    REQUIRE(at);
    CHECK(at->ends_with(server.to_string()));
    CHECK(files.put_script(server, "exit 1\n").value() == *at);
    CHECK(files.remove_script(server));
    CHECK(files.remove_script(server));
  }

  SECTION("a log is replaced, read from its end, and removed") {
    CHECK(files.read_log(server, 100).value().empty());
    REQUIRE(files.put_log(server, "first"));
    REQUIRE(files.put_log(server, "second line\n"));
    CHECK(files.read_log(server, 100).value() == "second line\n");
    CHECK(files.read_log(server, 5).value() == "line\n");
    CHECK(files.remove_log(server));
    CHECK(files.remove_log(server));
    CHECK(files.read_log(server, 100).value().empty());
  }
}

} // namespace alula::contracts
