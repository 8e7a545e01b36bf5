// SQLite databases in a backup, while another connection writes to them.
#include "tests/backup/game_database.hpp"

#include <catch2/catch.hpp>
#include <sqlite3.h>

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <memory>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace alula::backup;
namespace fs = std::filesystem;
using alula::jobs::status;

namespace {

/// Something of another program, until this goes. A thread would not do:
/// whoever in a process closes a file gives up all POSIX locks that the process
/// has on it (fcntl(2)), and a backup closes databases.
class another_process {
public:
  /// `run` is called after a fork: nothing of Catch's may be used in it.
  template<class Run>
  explicit another_process(Run run) {
    const auto parent = ::getpid();
    child_ = ::fork();
    if (child_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (::getppid() == parent)
        run();
      ::_exit(1);
    }
    REQUIRE(child_ > 0);
  }
  ~another_process() {
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
  }
  another_process(const another_process&) = delete;
  another_process& operator=(const another_process&) = delete;

private:
  pid_t child_ = -1;
};

/// Transactions one after the other.
class game_that_writes {
public:
  game_that_writes(const fs::path& file, const std::string& mode)
    : process_{[&] {
        play(file.c_str(),
             "PRAGMA synchronous=OFF; PRAGMA journal_mode=" + mode);
      }} {
    const auto end = std::chrono::steady_clock::now() + std::chrono::minutes{1};
    while (turns() == 0 && std::chrono::steady_clock::now() < end)
      std::this_thread::yield();
    REQUIRE(turns() > 0);
  }
  /// How many it has committed.
  int turns() const { return turns_->load(); }

private:
  void play(const char* file, const std::string& settings) {
    sqlite3* db = nullptr;
    const auto run = [&](const char* sql) {
      return sqlite3_exec(db, sql, nullptr, nullptr, nullptr) == SQLITE_OK;
    };
    if (sqlite3_open(file, &db) != SQLITE_OK
        || sqlite3_busy_timeout(db, 60'000) != SQLITE_OK
        || !run(settings.c_str()))
      return;
    for (;;)
      if (run("UPDATE blocks SET turn = turn + 1"))
        ++*turns_;
  }

  struct unmapped {
    void operator()(std::atomic<int>* at) const { ::munmap(at, sizeof *at); }
  };
  /// In memory of both processes.
  static std::atomic<int>* shared_number() {
    auto* at = ::mmap(nullptr, sizeof(std::atomic<int>), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    REQUIRE(at != MAP_FAILED);
    return new (at) std::atomic<int>{0};
  }

  std::unique_ptr<std::atomic<int>, unmapped> turns_{shared_number()};
  another_process process_;
};

} // namespace

TEST_CASE("a database is whole in a backup made while a game writes it",
          "[database]") {
  const std::string mode = GENERATE("delete", "wal", "truncate", "persist");
  // Of 8 MiB, straight into the archive, or of 20, copied aside before.
  const bool is_large = GENERATE(false, true);
  INFO(mode << (is_large ? ", large" : ""));
  scratch_tree world{in_memory};
  scratch_tree aside{in_memory};
  archive_settings settings;
  // Of a slow machine.
  settings.patience = settings.longest_hold = std::chrono::minutes{5};
  if (is_large)
    settings.make_spool = [&] { return spool_in(aside); };
  {
    connection game{world.root / "map.sqlite"};
    make_world(game, mode, is_large ? 1'000 : 400);
  }
  const game_that_writes game{world.root / "map.sqlite", mode};
  for (int round = 0; round < 3; ++round) {
    scratch_tree copy{in_memory};
    std::vector<archive_note> notes;
    const int before = game.turns();
    back_up_and_unpack(world, copy, notes, settings);
    // A log may grow behind the part that counts, a journal come and go.
    for (const auto& each : notes) {
      INFO(each.what);
      CHECK(each.path != "map.sqlite");
    }
    connection restored{copy.root / "back" / "map.sqlite"};
    CHECK(restored.text("PRAGMA integrity_check") == "ok");
    CHECK(restored.text("SELECT count(DISTINCT turn) FROM blocks") == "1");
    CHECK(std::stoi(restored.text("SELECT max(turn) FROM blocks")) >= before);
  }
}

TEST_CASE("the index of a write-ahead log stays out of a backup",
          "[database]") {
  scratch_tree world;
  connection game{world.root / "map.sqlite"};
  make_world(game, "wal");
  REQUIRE(fs::exists(world.root / "map.sqlite-shm"));
  scratch_tree copy;
  std::vector<archive_note> notes;
  back_up_and_unpack(world, copy, notes);
  CHECK(fs::exists(copy.root / "back" / "map.sqlite-wal"));
  CHECK_FALSE(fs::exists(copy.root / "back" / "map.sqlite-shm"));
}

TEST_CASE("files that are only named like a database's are like all others",
          "[database]") {
  scratch_tree world;
  world.write("notes", "no database");
  world.write("notes-wal", "mine");
  world.write("lonely-journal", "mine too");
  scratch_tree copy;
  std::vector<archive_note> notes;
  back_up_and_unpack(world, copy, notes);
  CHECK(fs::exists(copy.root / "back" / "notes-wal"));
  CHECK(fs::exists(copy.root / "back" / "lonely-journal"));
}

namespace {

/// SQLite's exclusive lock (sqlite.org/fileformat2.html: 512 bytes from 1 GiB
/// on).
class exclusive_holder {
public:
  explicit exclusive_holder(const fs::path& file)
    : holder_{[&] { hold(file.c_str()); }} {
    ::close(told_[1]);
    char held = 0;
    CHECK(::read(told_[0], &held, 1) == 1);
    ::close(told_[0]);
  }

private:
  static std::array<int, 2> open_pipe() {
    std::array<int, 2> out{};
    REQUIRE(::pipe2(out.data(), O_CLOEXEC) == 0);
    return out;
  }
  void hold(const char* file) const {
    struct flock all {};
    all.l_type = F_WRLCK;
    all.l_whence = SEEK_SET;
    all.l_start = 0x40000000;
    all.l_len = 512;
    const int fd = ::open(file, O_RDWR | O_CLOEXEC);
    if (::fcntl(fd, F_SETLKW, &all) == 0 && ::write(told_[1], "!", 1) == 1)
      ::pause();
  }

  std::array<int, 2> told_ = open_pipe();
  another_process holder_;
};

} // namespace

TEST_CASE("a database that is never let go of is copied with a note",
          "[database]") {
  scratch_tree world;
  {
    connection game{world.root / "map.sqlite"};
    make_world(game, "delete");
  }
  const exclusive_holder other{world.root / "map.sqlite"};
  scratch_tree copy;
  std::vector<archive_note> notes;
  archive_settings settings;
  settings.patience = std::chrono::milliseconds{50};
  back_up_and_unpack(world, copy, notes, settings);
  REQUIRE(notes.size() == 1);
  CHECK(notes[0].path == "map.sqlite");
  CHECK(fs::exists(copy.root / "back" / "map.sqlite"));
}

TEST_CASE("a game writes its database while its copy is on its way",
          "[database]") {
  const std::string mode = GENERATE("delete", "wal");
  INFO(mode);
  scratch_tree world{in_memory};
  scratch_tree aside{in_memory};
  connection game{world.root / "map.sqlite"};
  make_world(game, mode, 50);
  REQUIRE(game.run("PRAGMA busy_timeout=0"));
  archive_settings settings;
  settings.pipeline.block_size = 64 * 1024;
  settings.make_spool = [&] { return spool_in(aside); };
  int parts = 0;
  const auto made = write_archive(
      world.fd.get(), ignore_rules{}, settings, {}, [&](byte_view) {
        CHECK(game.run("UPDATE blocks SET turn = turn + 1 WHERE id = 1"));
        if (mode == "wal") // what a hold on it would stop
          CHECK(game.text("PRAGMA wal_checkpoint(TRUNCATE)").starts_with("0"));
        ++parts;
        return status{};
      });
  REQUIRE(made);
  CHECK(made->notes.empty());
  CHECK(parts > 5);
}

TEST_CASE("a database that takes too long to copy is noted", "[database]") {
  scratch_tree world{in_memory};
  scratch_tree aside{in_memory};
  connection game{world.root / "map.sqlite"};
  make_world(game, "delete", 50);
  archive_settings settings;
  settings.longest_hold = std::chrono::milliseconds{0};
  const bool has_room = GENERATE(false, true);
  if (has_room)
    settings.make_spool = [&] { return spool_in(aside); };
  scratch_tree copy{in_memory};
  std::vector<archive_note> notes;
  back_up_and_unpack(world, copy, notes, settings);
  REQUIRE(notes.size() == 1);
  CHECK(notes[0].path == "map.sqlite");
  CHECK(notes[0].what.find("torn") != std::string::npos);
  CHECK(fs::file_size(copy.root / "back" / "map.sqlite")
        == fs::file_size(world.root / "map.sqlite"));
}
