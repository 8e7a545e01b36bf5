// Whoever has to make room is told where, and what there is too little of.
#include "jobs/full_disk.hpp"
#include "jobs/result.hpp"

#include <catch2/catch.hpp>

#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

using namespace alula::jobs;
using Catch::Contains;

TEST_CASE("a disk is named by where it is mounted", "[jobs]") {
  CHECK(mount_of("/") == "/");
  CHECK(mount_of("/proc/self/status") == "/proc");
  CHECK(mount_of("/proc/no such thing/at all") == "/proc");
  CHECK(mount_of("an archive").empty());
  CHECK(mount_of("").empty());
  const int proc = ::open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  CHECK(mount_of(proc) == "/proc");
  ::close(proc);
  CHECK(mount_of(-1).empty());
}

TEST_CASE("a full disk says where it is and how much of it is free", "[jobs]") {
  const auto full = system_fault(ENOSPC, "write", "/tmp/no such file");
  CHECK_THAT(full.what, Contains("the disk at " + mount_of("/tmp")));
  CHECK_THAT(full.what, Contains(" are free"));
  CHECK_THAT(full.what, Contains("(write failed: "));
  CHECK_THAT(system_fault(EDQUOT, "write", "/tmp").what,
             Contains("a quota on the disk at"));
  // What has no path has no disk that could be named.
  CHECK_THAT(system_fault(ENOSPC, "pwrite", "a download").what,
             Catch::StartsWith("pwrite failed: "));
}
