// The ledger when the disk or the process fails.
#include "jobs/log.hpp"
#include "storage/data_lock.hpp"
#include "storage/last_words.hpp"
#include "storage/sqlite_ledger.hpp"
#include "tests/doubles/skipped.hpp"
#include "tests/storage/ledger_place.hpp"

#include <catch2/catch.hpp>

#include <csignal>
#include <fstream>
#include <future>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace alula;
using namespace alula::storage;
using contracts::ledger_session;

namespace {

/// What the ledger did instead of ending the process.
class fatal_note {
public:
  std::function<void(const jobs::fault&)> hook() {
    return [this](const jobs::fault& why) { promise_.set_value(why); };
  }
  jobs::fault wait() {
    auto heard = promise_.get_future();
    if (heard.wait_for(std::chrono::seconds{120}) != std::future_status::ready)
      FAIL("the ledger did not fail");
    return heard.get();
  }

private:
  std::promise<jobs::fault> promise_;
};

/// No file can grow beyond this in here: write() fails with EFBIG.
class file_size_limit {
public:
  explicit file_size_limit(rlim_t bytes) {
    before_ = std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &old_);
    const rlimit limited{bytes, old_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limited);
  }
  ~file_size_limit() {
    ::setrlimit(RLIMIT_FSIZE, &old_);
    std::signal(SIGXFSZ, before_);
  }
  file_size_limit(const file_size_limit&) = delete;
  file_size_limit& operator=(const file_size_limit&) = delete;

private:
  rlimit old_{};
  void (*before_)(int);
};

/// A file system of a few MiB, when this process may make one.
class small_disk {
public:
  explicit small_disk(const char* size) {
    is_there_ = ::mount("none", place_.path().c_str(), "tmpfs", 0, size) == 0;
  }
  ~small_disk() {
    if (is_there_)
      ::umount2(place_.path().c_str(), MNT_DETACH);
  }
  small_disk(const small_disk&) = delete;
  small_disk& operator=(const small_disk&) = delete;

  bool is_there() const { return is_there_; }
  std::filesystem::path operator/(std::string_view name) const {
    return place_ / name;
  }
  /// Leaves `bytes` or less free.
  void fill(std::uintmax_t bytes) {
    const auto free = std::filesystem::space(place_.path()).available;
    std::ofstream filler{place_ / "filler", std::ios::app};
    filler << std::string(free > bytes ? free - bytes : 0, 'x');
  }
  void empty() { std::filesystem::remove(place_ / "filler"); }

private:
  temporary_place place_;
  bool is_there_ = false;
};

bool is_skipped_unless(const small_disk& disk) {
  return doubles::is_skipped(
      disk.is_there() ? "" : "this process may not mount a small file system");
}

struct small_world final : contracts::ledger_world {
  std::unique_ptr<jobs::ledger> open() override {
    return std::make_unique<sqlite_ledger>(settings, clock);
  }
  std::unique_ptr<jobs::queries> reader() override {
    return std::make_unique<sqlite_queries>(settings.file, clock);
  }
  void set_panel(bool has_panel) override { settings.tells_panel = has_panel; }
  small_disk disk{"size=8m"};
  fatal_note fatal;
  ledger_settings settings = test_settings(disk / "alula.db", fatal.hook());
};

/// A job of several pages.
jobs::acceptance large(const ledger_session& session) {
  auto what = session.draft();
  what.job.input = "[\"" + std::string(60'000, 'x') + "\"]";
  return what;
}

} // namespace

TEST_CASE("a commit that cannot be written ends the ledger") {
  fatal_note fatal;
  sqlite_world world;
  world.settings.fatal = fatal.hook();
  std::optional<jobs::job_id> kept;
  {
    ledger_session session{world};
    kept = session.must_accept(session.draft()).id;
    const auto heard = session.journal().events().size();
    {
      const file_size_limit limit{64 * 1024};
      const auto refused = session.accept(large(session));
      REQUIRE_FALSE(refused);
      CHECK(refused.error().code == jobs::fault_code::journal_unavailable);
      CHECK(fatal.wait().code == jobs::fault_code::journal_unavailable);
    }
    // Not even when it could be written again: nobody knows what is there.
    const auto later = session.accept(session.draft());
    REQUIRE_FALSE(later);
    CHECK(later.error().code == jobs::fault_code::journal_unavailable);
    CHECK(session.journal().events().size() == heard);
    session.end();
  }
  ledger_session session{world};
  CHECK_FALSE(session.found().previous_was_clean);
  REQUIRE(session.found().jobs.size() == 1);
  CHECK(session.found().jobs[0].id == *kept);
}

TEST_CASE("a ledger that gives up says so, also on a full disk") {
  small_world world;
  if (is_skipped_unless(world.disk))
    return;
  world.settings.ballast_bytes = 0;
  std::int64_t gave_up = 0;
  {
    ledger_session session{world};
    gave_up = session.found().boot;
    session.start(session.must_accept(session.draft()));
    world.disk.fill(0);
    for (int i = 0; i < 100 && session.accept(large(session)); ++i)
      ;
    CHECK(world.fatal.wait().code == jobs::fault_code::insufficient_storage);
  }
  world.disk.empty();
  ledger_session session{world};
  CHECK_FALSE(session.found().previous_was_clean);
  CHECK(session.found().ended_boots == std::set<std::int64_t>{gave_up});
}

TEST_CASE("the last words of a boot are not those of a later one") {
  fatal_note fatal;
  sqlite_world world;
  world.settings.fatal = fatal.hook();
  {
    ledger_session session{world};
    const file_size_limit limit{64 * 1024};
    REQUIRE_FALSE(session.accept(large(session)));
  }
  {
    ledger_session session{world};
    session.start(session.must_accept(session.draft()));
  }
  ledger_session session{world};
  CHECK(session.found().ended_boots.empty());
}

TEST_CASE("without a hook the process ends at once with code 70") {
  sqlite_world world;
  const auto child = ::fork();
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    doubles::fake_clock clock;
    contracts::commit_journal journal;
    ledger_settings settings{.file = world.file};
    settings.ballast_bytes = 0;
    sqlite_ledger ledger{settings, clock};
    if (!ledger.begin(journal))
      ::_exit(1);
    const rlimit limited{64 * 1024, RLIM_INFINITY};
    ::setrlimit(RLIMIT_FSIZE, &limited);
    auto job = jobs::plan(contracts::sample_kind(), {}, 1);
    job.input = "[\"" + std::string(200'000, 'x') + "\"]";
    std::promise<void> answered;
    ledger.accept({job, {}, {}, {}}, [&](auto) { answered.set_value(); });
    answered.get_future().wait();
    ::_exit(2); // an answer came
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 70);
  const auto words = last_words{world.file}.heard();
  REQUIRE(words);
  CHECK(words->boot == 1);
}

TEST_CASE("what was acknowledged is there after a kill, nothing else is") {
  sqlite_world world;
  int pipe_ends[2];
  REQUIRE(::pipe(pipe_ends) == 0);
  const auto child = ::fork();
  if (child == 0) {
    doubles::fake_clock clock;
    contracts::commit_journal journal;
    sqlite_ledger ledger{test_settings(world.file), clock};
    if (!ledger.begin(journal))
      ::_exit(1);
    for (;;) {
      std::promise<void> answered;
      ledger.accept({jobs::plan(contracts::sample_kind(), {}, 1), {}, {}, {}},
                    [&](const jobs::result<jobs::accepted>& got) {
                      const auto id = got->job.id.to_string() + "\n";
                      (void)!::write(pipe_ends[1], id.data(), id.size());
                      answered.set_value();
                    });
      answered.get_future().wait();
    }
  }
  ::close(pipe_ends[1]);
  std::string acknowledged(37 * 20, ' ');
  std::size_t got = 0;
  while (got < acknowledged.size()) {
    const auto size = ::read(pipe_ends[0], acknowledged.data() + got,
                             acknowledged.size() - got);
    REQUIRE(size > 0);
    got += static_cast<std::size_t>(size);
  }
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ::close(pipe_ends[0]);
  ledger_session session{world};
  CHECK_FALSE(session.found().previous_was_clean);
  CHECK(session.found().jobs.size() >= 20);
  CHECK(session.found().last_event_seq
        == static_cast<std::int64_t>(session.found().jobs.size()));
  for (std::size_t i = 0; i < 20; ++i)
    CHECK(session.found().jobs[i].id.view() == acknowledged.substr(37 * i, 36));
}

TEST_CASE("a full disk costs the ballast, not the job") {
  small_world world;
  if (is_skipped_unless(world.disk))
    return;
  world.settings.ballast_bytes = 2 * 1024 * 1024;
  ledger_session session{world};
  const auto ballast = world.disk / "alula.db.ballast";
  REQUIRE(std::filesystem::file_size(ballast) == 2 * 1024 * 1024);
  world.disk.fill(16 * 1024);
  const auto job = session.must_accept(large(session));
  CHECK(std::filesystem::file_size(ballast) == 0);
  CHECK(session.start(job).version == 2);
  CHECK(session.journal().events().size() == 3);
}

TEST_CASE("a full disk without ballast ends the ledger, and nothing lied") {
  small_world world;
  if (is_skipped_unless(world.disk))
    return;
  {
    ledger_session session{world};
    session.must_accept(session.draft());
    world.disk.fill(0);
    const auto refused = session.accept(large(session));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == jobs::fault_code::journal_unavailable);
    CHECK(world.fatal.wait().code == jobs::fault_code::insufficient_storage);
  }
  world.disk.empty();
  world.settings.fatal = {};
  ledger_session session{world};
  CHECK(session.found().jobs.size() == 1);
}

TEST_CASE("a boot says that a disk is too small for the ballast, and by how "
          "much") {
  small_world world;
  if (is_skipped_unless(world.disk))
    return;
  std::vector<std::string> lines;
  const bool fits = GENERATE(false, true);
  world.settings.ballast_bytes = (fits ? 1 : 4) * 1024 * 1024;
  jobs::set_log_sink(
      [&](jobs::log_level, std::string_view event, std::string_view fields) {
        if (event == "ledger-ballast-waits")
          lines.emplace_back(fields);
      });
  {
    ledger_session session{world};
    session.must_accept(session.draft());
  }
  jobs::set_log_sink({});
  REQUIRE(lines.size() == (fits ? 0 : 1));
  if (!fits) {
    CHECK_THAT(lines[0], Catch::Contains("bytes=4194304")
                             && Catch::Contains("needed=12582912")
                             && Catch::Contains("free="));
  }
}

TEST_CASE("a boot on a full disk gives the ballast up") {
  small_world world;
  if (is_skipped_unless(world.disk))
    return;
  world.settings.ballast_bytes = 2 * 1024 * 1024;
  {
    ledger_session session{world};
    session.must_accept(session.draft());
    session.end();
  }
  world.disk.fill(0);
  ledger_session session{world};
  CHECK(session.found().jobs.size() == 1);
  CHECK(std::filesystem::file_size(world.disk / "alula.db.ballast") == 0);
}

TEST_CASE("a foreign writer makes the ledger wait, not fail") {
  sqlite_world world;
  ledger_session session{world};
  auto foreign = database::open(world.file, database::access::write);
  REQUIRE(foreign);
  std::promise<bool> answered;
  auto answer = answered.get_future();
  {
    auto held = transaction::begin(*foreign);
    REQUIRE(held);
    session.ledger().accept(session.draft(), [&](const auto& got) {
      answered.set_value(got.has_value());
    });
    CHECK(answer.wait_for(std::chrono::milliseconds{50})
          == std::future_status::timeout);
  }
  REQUIRE(answer.wait_for(std::chrono::seconds{120})
          == std::future_status::ready);
  CHECK(answer.get());
}

TEST_CASE("a damaged ledger is not opened after an unclean end") {
  sqlite_world world;
  {
    ledger_session session{world};
    for (int i = 0; i < 40; ++i)
      session.must_accept(large(session));
  }
  {
    std::fstream raw{world.file,
                     std::ios::in | std::ios::out | std::ios::binary};
    for (int page = 60; page < 200; page += 7) {
      raw.seekp(page * 4096);
      raw << std::string(4000, '\7');
    }
  }
  auto ledger = world.open();
  contracts::commit_journal journal;
  const auto begun = ledger->begin(journal);
  REQUIRE_FALSE(begun);
  CHECK(begun.error().code == jobs::fault_code::journal_unavailable);
}
