#include "jobs/disk_room.hpp"
#include "jobs/full_disk.hpp"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

using namespace alula::jobs;
using Catch::Contains;

namespace {

struct open_disk {
  int fd = ::open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  ~open_disk() { ::close(fd); }
  std::int64_t free() const {
    struct statvfs seen {};
    REQUIRE(::fstatvfs(fd, &seen) == 0);
    return static_cast<std::int64_t>(seen.f_bavail)
           * static_cast<std::int64_t>(seen.f_frsize);
  }
};

const auto a_job = *job_id::parse("0199c1de-0000-7000-8000-000000000001");
const auto another_job = *job_id::parse("0199c1de-0000-7000-8000-000000000002");

} // namespace

TEST_CASE("a part of every disk is promised to nobody") {
  const open_disk disk;
  const auto free = disk.free();
  disk_room room{free / 2};
  const auto refused = room.reserve(disk.fd, "the disk", a_job, free / 4 * 3);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == fault_code::insufficient_storage);
  CHECK_THAT(refused.error().what, Contains("needed on the disk"));
  CHECK_THAT(refused.error().what, Contains("have to stay free"));
  CHECK_THAT(refused.error().what, Contains("are missing"));
  CHECK_THAT(refused.error().what,
             Contains("on the disk (mounted at " + mount_of(disk.fd) + ")"));
  CHECK(room.reserve(disk.fd, "the disk", a_job, free / 4));
  CHECK(room.space(disk.fd, "the disk")->free < free / 2);
}

TEST_CASE("by itself a disk room keeps no more than a tenth") {
  const open_disk disk;
  disk_room room;
  const auto space = room.space(disk.fd, "the disk");
  REQUIRE(space);
  CHECK(space->free < disk.free());
  CHECK(disk.free() - space->free <= space->total / 10 + (64 << 20));
}

TEST_CASE("a disk that gives nothing more says so, and one that soon will") {
  const open_disk disk;
  const auto free = disk.free();
  const auto left = [&](std::int64_t kept) {
    const auto space = disk_room{kept}.space(disk.fd, "the disk");
    REQUIRE(space);
    CHECK(space->kept_free == kept);
    return space->left();
  };
  CHECK(left(free * 2) == room_left::none);
  CHECK(left(free / 4 * 3) == room_left::little);
  CHECK(left(free / 4) == room_left::enough);
}

TEST_CASE("where a disk is said to have no room, a promise is refused") {
  const open_disk disk;
  disk_room room{disk.free() * 2};
  REQUIRE(room.space(disk.fd, "the disk")->left() == room_left::none);
  CHECK_FALSE(room.reserve(disk.fd, "the disk", a_job, 1));
}

TEST_CASE("what one job was promised another cannot have") {
  const open_disk disk;
  disk_room room{0};
  const auto most = disk.free() / 10 * 9;
  REQUIRE(room.reserve(disk.fd, "the disk", a_job, most));
  CHECK_FALSE(room.reserve(disk.fd, "the disk", another_job, most));
  room.spend(a_job, "the disk", most);
  CHECK(room.space(disk.fd, "the disk")->reserved == 0);
  CHECK(room.reserve(disk.fd, "the disk", another_job, most));
  room.release(another_job, "the disk");
  CHECK(room.reserve(disk.fd, "the disk", a_job, most));
}

TEST_CASE("what one job downloads and what it unpacks are counted both") {
  const open_disk disk;
  disk_room room{0};
  const auto most = disk.free() / 10 * 6;
  REQUIRE(room.reserve(disk.fd, "the backup disk", a_job, most));
  const auto both =
      room.reserve(disk.fd, "the disk of the volumes", a_job, most);
  REQUIRE_FALSE(both);
  CHECK_THAT(both.error().what, Contains("are reserved already"));
  // Less of the one is not taken for more of the other.
  REQUIRE(room.reserve(disk.fd, "the disk of the volumes", a_job, most / 2));
  room.release(a_job, "the backup disk");
  CHECK(room.space(disk.fd, "the disk")->reserved == most / 2);
  room.spend(a_job, "the backup disk", most);
  CHECK(room.space(disk.fd, "the disk")->reserved == most / 2);
}

TEST_CASE("a file needs an inode, and an inode is promised once") {
  const open_disk disk;
  struct statvfs seen {};
  REQUIRE(::fstatvfs(disk.fd, &seen) == 0);
  if (seen.f_files == 0)
    return; // this file system has as many as it has room for
  const auto free = static_cast<std::int64_t>(seen.f_favail);
  disk_room room{0};
  REQUIRE(room.reserve(disk.fd, "the disk", a_job,
                       room_wanted{.files = free / 10 * 9}));
  const auto refused = room.reserve(disk.fd, "the disk", another_job,
                                    room_wanted{.files = free / 10 * 9});
  REQUIRE_FALSE(refused);
  CHECK_THAT(refused.error().what, Contains("inodes are needed"));
  room.release(a_job, "the disk");
  CHECK(room.reserve(disk.fd, "the disk", another_job,
                     room_wanted{.files = free / 10 * 9}));
}

TEST_CASE("what a job is about to free is promised to it ahead") {
  const open_disk disk;
  disk_room room{0};
  const auto free = disk.free();
  const auto refused =
      room.reserve(disk.fd, "the disk", a_job,
                   room_wanted{.bytes = free / 4 * 7, .coming = free / 2});
  REQUIRE_FALSE(refused);
  CHECK_THAT(refused.error().what, Contains("would be made so"));
  REQUIRE(room.reserve(disk.fd, "the disk", a_job,
                       room_wanted{.bytes = free / 4 * 5, .coming = free / 2}));
  // Nobody else gets of it, not even once it is free.
  CHECK_FALSE(room.reserve(disk.fd, "the disk", another_job, 1));
  CHECK(room.space(disk.fd, "the disk")->free == 0);
}

TEST_CASE("who has a promise keeps it while another waits for room to come") {
  const open_disk disk;
  disk_room room{0};
  const auto free = disk.free();
  REQUIRE(room.reserve(disk.fd, "the disk", another_job, free / 4));
  REQUIRE(room.reserve(disk.fd, "the disk", a_job,
                       room_wanted{.bytes = free, .coming = free / 2}));
  CHECK(room.reserve(disk.fd, "the disk", another_job, free / 5));
  CHECK_FALSE(room.reserve(disk.fd, "the disk", another_job, free / 4));
}

TEST_CASE("more room to come than a job wants is there for nobody") {
  const open_disk disk;
  disk_room room{0};
  const auto free = disk.free();
  const auto more_than_is_free = free / 8 * 9;
  REQUIRE(room.reserve(
      disk.fd, "the disk", another_job,
      room_wanted{.bytes = more_than_is_free, .coming = free / 2}));
  REQUIRE(room.reserve(disk.fd, "the disk", a_job,
                       room_wanted{.bytes = free / 4, .coming = free / 2}));
  // Nothing has come to him yet, and what comes to the other is not his.
  CHECK_FALSE(
      room.reserve(disk.fd, "the disk", another_job, more_than_is_free));
  SECTION("nor is any of it once what it wants is written") {
    room.spend(a_job, "the disk", free / 4);
    CHECK_FALSE(
        room.reserve(disk.fd, "the disk", another_job, more_than_is_free));
  }
}

TEST_CASE("a job that has some gets as much more as it frees") {
  const open_disk disk;
  disk_room room{0};
  const auto free = disk.free();
  REQUIRE(room.reserve(disk.fd, "the disk", a_job, free / 2));
  REQUIRE(room.reserve(disk.fd, "the disk", another_job,
                       room_wanted{.bytes = free, .coming = free / 4 * 3}));
  CHECK(
      room.reserve(disk.fd, "the disk", a_job,
                   room_wanted{.bytes = free / 4 * 5, .coming = free / 4 * 3}));
}

TEST_CASE("what a job frees is for all it wants, by whatever name") {
  const open_disk disk;
  disk_room room{0};
  const auto free = disk.free();
  const auto download = free / 8 * 9;
  REQUIRE(room.reserve(disk.fd, "the volumes", a_job,
                       room_wanted{.bytes = free / 4, .coming = free / 4}));
  REQUIRE(room.reserve(disk.fd, "the backups", a_job,
                       room_wanted{.bytes = download, .coming = free / 4}));
  CHECK_FALSE(room.reserve(disk.fd, "the backups", another_job, 1));
  // As much of it is to come as was said, and no more.
  REQUIRE(room.reserve(disk.fd, "the volumes", a_job, free / 16));
  CHECK_FALSE(room.reserve(disk.fd, "the backups", a_job, download));
  SECTION("and what it has so is not given up to who frees room, too") {
    REQUIRE(room.reserve(disk.fd, "the backups", another_job,
                         room_wanted{.bytes = 2 * free, .coming = 3 * free}));
    CHECK(room.reserve(disk.fd, "the backups", a_job, free / 8 * 7));
  }
}

TEST_CASE("room to come makes up for less than none") {
  const open_disk disk;
  const auto free = disk.free();
  disk_room room{free / 4 * 5};
  CHECK_FALSE(room.reserve(disk.fd, "the disk", a_job, std::int64_t{0}));
  CHECK_FALSE(room.reserve(disk.fd, "the disk", a_job,
                           room_wanted{.coming = free / 8}));
  CHECK(room.reserve(disk.fd, "the disk", a_job,
                     room_wanted{.coming = free / 2}));
}

TEST_CASE("who wants no inode is not refused for want of them") {
  const open_disk disk;
  struct statvfs seen {};
  REQUIRE(::fstatvfs(disk.fd, &seen) == 0);
  disk_room room{0};
  room_wanted all{.files = static_cast<std::int64_t>(seen.f_favail)};
  if (seen.f_files == 0 || !room.reserve(disk.fd, "the disk", a_job, all))
    return; // it has no number of them, or somebody has just taken one
  const int taken = ::open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  CHECK(room.reserve(disk.fd, "the disk", another_job, 1));
  ::close(taken);
}

TEST_CASE("who writes already stops when the disk fills up") {
  const open_disk disk;
  CHECK(disk_room{0}.look(disk.fd, "the disk"));
  CHECK(disk_room{disk.free()}.look(disk.fd, "the disk"));
  const auto full = disk_room{disk.free() * 3}.look(disk.fd, "the disk");
  REQUIRE_FALSE(full);
  CHECK(full.error().code == fault_code::insufficient_storage);
  CHECK_THAT(full.error().what, Contains("are free"));
}
