#include "actors/reading_desk.hpp"
#include "tests/actors/engine_world.hpp"
#include "tests/contracts/ledger_session.hpp"
#include "tests/doubles/fake_far.hpp"

#include <array>
#include <future>
#include <pthread.h>
#include <set>
#include <thread>

using namespace alula;
using namespace alula::actors_test;
using namespace std::chrono_literals;
using jobs::fault_code;

namespace {

jobs::backup_id backup(int number) {
  auto digits = std::to_string(number);
  digits.insert(0, 12 - digits.size(), '0');
  return *jobs::backup_id::parse("0b5d3b1e-5c47-4f0a-9b1e-" + digits);
}

std::string this_thread_name() {
  std::array<char, 16> name{};
  pthread_getname_np(pthread_self(), name.data(), name.size());
  return name.data();
}

struct desk_world {
  explicit desk_world(actors::desk_settings settings = {})
    : desk(settings, archives, queries, ledger) {
    log_book();
    if (!ledger.begin(listener))
      FAIL("begin");
    jobs::server_record record{.row = 1, .uuid = server_number(1)};
    store->servers[1].record = record;
    store->live_server[record.uuid] = 1;
  }
  ~desk_world() {
    archives.let_go("browse");
    ledger.release();
  }

  void put(int number, const jobs::server_id& server, bool recorded = true) {
    archives.put(backup(number), server, {{"a", "text"}});
    if (!recorded)
      return;
    const auto file = *archives.inspect(backup(number)).value();
    const std::scoped_lock lock{store->mutex};
    REQUIRE(store->amend({jobs::record_found_backup{file}}, clock.at));
  }
  jobs::result<jobs::backup_record> find(int number,
                                         const jobs::server_id& server = {}) {
    return answer_of<jobs::backup_record>(
        [&](auto done) { desk.find(server, backup(number), std::move(done)); });
  }
  jobs::status pin(int number, bool pinned = true) {
    return answer_of<void>(
        [&](auto done) { desk.pin(backup(number), pinned, std::move(done)); });
  }

  /// Asks every question there is; `done` hears the name of each answer.
  void ask_all(const std::function<void(std::string, bool ok)>& done) {
    const auto hear = [done](std::string name) {
      return [done, name](const auto& answer) { done(name, bool{answer}); };
    };
    desk.find(server_number(1), backup(1), hear("find"));
    desk.list({}, 0, 10, hear("list"));
    desk.usage(hear("usage"));
    desk.pin(backup(1), true, hear("pin"));
    desk.plan_rotation(server_number(1), {}, hear("plan"));
    desk.find_replaced(jobs::make_job_id(1), hear("replaced"));
    desk.burn_token("token", 1, hear("burn"));
    desk.browse(backup(1), "", "", 10, hear("browse"));
    desk.open_content(backup(1), "a", hear("content"));
    desk.open(backup(1), hear("open"));
  }
  static constexpr std::size_t questions = 10;

  held_clock clock;
  std::shared_ptr<doubles::fake_store> store =
      std::make_shared<doubles::fake_store>();
  contracts::commit_journal listener;
  doubles::fake_queries queries{store};
  jobs::fake_archives archives;
  doubles::fake_ledger ledger{store, clock};
  actors::reading_desk desk;
};

/// Counts answers, by name.
struct answers : journal {
  std::function<void(std::string, bool)> hear() {
    return [this](const std::string& name, bool ok) {
      {
        const std::scoped_lock lock{mutex};
        threads.insert(this_thread_name());
        if (!ok)
          ++refused;
      }
      write(name);
      write("answer");
    };
  }
  std::mutex mutex;
  std::set<std::string> threads;
  std::size_t refused = 0;
};

} // namespace

TEST_CASE("the desk answers every question, from threads of its own",
          "[actors]") {
  desk_world w;
  w.put(1, server_number(1));
  answers heard;
  w.ask_all(heard.hear());
  REQUIRE(heard.wait_for("answer", desk_world::questions));
  CHECK(heard.refused == 0);
  for (const auto& name : heard.threads)
    CHECK((name == "alula-desk" || name == "alula-replies"));
}

TEST_CASE("an archive dropped into the directory is on record once it is asked "
          "for",
          "[actors]") {
  desk_world w;
  SECTION("of its server") {
    w.put(1, server_number(1), false);
    const auto found = w.find(1, server_number(1));
    REQUIRE(found);
    CHECK(found->server == server_number(1));
    CHECK(found->server_lives);
    CHECK(found->has_manifest);
  }
  SECTION("of another program") {
    w.put(1, {}, false);
    const auto found = w.find(1, server_number(1));
    REQUIRE(found);
    CHECK(found->server.empty());
    CHECK_FALSE(found->has_manifest);
  }
  CHECK(w.store->backups.size() == 1);
  CHECK(w.find(1)->row == 1);
  CHECK(w.archives.count("inspect") == 1); // by the desk, the first time
}

TEST_CASE("a backup of another server is not found", "[actors]") {
  desk_world w;
  const bool recorded = GENERATE(true, false);
  w.put(1, server_number(2), recorded);
  const auto found = w.find(1, server_number(1));
  REQUIRE_FALSE(found);
  CHECK(found.error().code == fault_code::backup_not_found);
  CHECK(w.find(1)); // of any server
  CHECK(w.find(2).error().code == fault_code::backup_not_found);
}

TEST_CASE("usage counts what is there, by server", "[actors]") {
  desk_world w;
  w.put(1, server_number(1));
  w.put(2, server_number(1));
  w.put(3, server_number(2));
  w.put(4, server_number(2));
  w.store->backups.at(backup(2)).record.completed_at = 50;
  w.store->backups.at(backup(1)).record.completed_at = 90;
  w.store->backups.at(backup(1)).record.damage = "x";
  w.store->backups.at(backup(4)).record.lost_at = 7;
  REQUIRE(w.archives.reserve(jobs::make_job_id(1), 1'000));
  const auto usage = answer_of<jobs::backup_usage>(
      [&](auto done) { w.desk.usage(std::move(done)); });
  REQUIRE(usage);
  CHECK(usage->backups == 3);
  CHECK(usage->disk.reserved == 1'000);
  REQUIRE(usage->servers.size() == 2);
  CHECK(usage->servers[0].server == server_number(1));
  CHECK(usage->servers[0].backups == 2);
  CHECK(usage->servers[0].newest_at == 50); // the newer one is damaged
  CHECK(usage->servers[0].server_lives);
  CHECK_FALSE(usage->servers[1].server_lives);
  CHECK(usage->bytes == usage->servers[0].bytes + usage->servers[1].bytes);
}

TEST_CASE("usage looks at the other disks of the node", "[actors]") {
  desk_world w;
  actors::reading_desk desk{
      {},
      w.archives,
      w.queries,
      w.ledger,
      nullptr,
      {{"volumes", [] { return jobs::disk_space{.free = 5, .total = 9}; }},
       {"ledger", []() -> jobs::result<jobs::disk_space> {
          return jobs::fault{.code = fault_code::io_error, .what = "broken"};
        }}}};
  const auto usage = answer_of<jobs::backup_usage>(
      [&](auto done) { desk.usage(std::move(done)); });
  REQUIRE(usage);
  REQUIRE(usage->places.size() == 1); // one that cannot say is left out
  CHECK(usage->places[0].holds == "volumes");
  CHECK(usage->places[0].disk.free == 5);
}

TEST_CASE("a backup is pinned, and one that is not there is not", "[actors]") {
  desk_world w;
  w.put(1, server_number(1));
  CHECK(w.pin(1));
  CHECK(w.find(1)->pinned);
  CHECK(w.pin(1, false));
  CHECK_FALSE(w.find(1)->pinned);
  CHECK(w.pin(9).error().code == fault_code::backup_not_found);
}

TEST_CASE("a token is burnt once", "[actors]") {
  desk_world w;
  const auto burn = [&] {
    return answer_of<bool>(
               [&](auto done) { w.desk.burn_token("t", 9, std::move(done)); })
        .value();
  };
  CHECK(burn());
  CHECK_FALSE(burn());
}

TEST_CASE("too many questions are refused, on no thread of the asker",
          "[actors]") {
  desk_world w{{.threads = 1, .waiting = 1}};
  w.put(1, server_number(1));
  w.archives.hold("browse");
  answers heard;
  const auto browse = [&] {
    w.desk.browse(backup(1), "", "", 10, [&](const auto& page) {
      heard.hear()("browse", bool{page});
      if (!page && page.error().code == fault_code::rate_limited)
        heard.write("too many");
    });
  };
  browse();
  REQUIRE(w.archives.wait_until_held("browse"));
  browse(); // waits in line
  browse();
  REQUIRE(heard.wait_for("too many"));
  CHECK(heard.threads == std::set<std::string>{"alula-replies"});
  // A word to the ledger finds its way past them.
  CHECK(w.pin(1));
  w.archives.let_go("browse");
  REQUIRE(heard.wait_for("answer", 3));
  CHECK(heard.count("answer") == 3);
}

TEST_CASE("a question after the stop is refused, once", "[actors]") {
  desk_world w;
  w.put(1, server_number(1));
  w.desk.stop();
  answers heard;
  w.ask_all(heard.hear());
  REQUIRE(heard.wait_for("answer", desk_world::questions));
  CHECK(heard.refused == desk_world::questions);
  CHECK(w.find(1).error().code == fault_code::shutting_down);
  CHECK(w.pin(1).error().code == fault_code::shutting_down);
  CHECK_FALSE(w.desk.run([] {}));
  CHECK_FALSE(w.store->backups.at(backup(1)).record.pinned);
  w.desk.stop();
  CHECK(heard.count("answer") == desk_world::questions);
}

TEST_CASE("what waits when the desk stops is answered, once", "[actors]") {
  desk_world w;
  w.put(1, server_number(1));
  w.put(2, server_number(1), false);
  w.ledger.hold();
  answers heard;
  w.ask_all(heard.hear());
  w.desk.find({}, backup(2),
              [&](const auto& found) { heard.hear()("drop", bool{found}); });
  REQUIRE(heard.wait_for("open"));
  SECTION("by the ledger") {
    std::thread stopping{[&] { w.desk.stop(); }};
    w.ledger.release();
    stopping.join();
  }
  SECTION("also when the ledger never answers") {
    w.ledger.crash();
    w.desk.stop();
  }
  REQUIRE(heard.wait_for("answer", desk_world::questions + 1));
  CHECK(heard.count("answer") == desk_world::questions + 1);
}

TEST_CASE("who reads files keeps no question waiting", "[actors]") {
  desk_world w{{.threads = 1, .content_threads = 1, .waiting = 1}};
  w.put(1, server_number(1));
  std::promise<void> begun;
  std::promise<void> let_go;
  REQUIRE(w.desk.run([&] {
    begun.set_value();
    let_go.get_future().wait();
  }));
  begun.get_future().wait();
  CHECK(w.desk.run([] {}));
  CHECK_FALSE(w.desk.run([] {}));
  CHECK(w.find(1));
  let_go.set_value();
  w.desk.stop();
}

TEST_CASE("a stop does not read for those who wait", "[actors]") {
  desk_world w{{.threads = 1, .waiting = 100}};
  w.put(1, server_number(1));
  w.archives.hold("browse");
  answers heard;
  w.desk.browse(backup(1), "", "", 10, [](const auto&) {});
  REQUIRE(w.archives.wait_until_held("browse"));
  const auto late = [&](const auto& answer) {
    const bool stopped =
        !answer && answer.error().code == fault_code::shutting_down;
    heard.write(stopped ? "refused" : "read");
  };
  w.desk.browse(backup(1), "", "", 10, late);
  w.desk.find({}, backup(1), late);
  std::thread stopping{[&] { w.desk.stop(); }};
  while (w.desk.run([] {}))
    std::this_thread::yield();
  w.archives.let_go("browse");
  stopping.join();
  CHECK(heard.entries() == std::vector<std::string>{"refused", "refused"});
}

TEST_CASE("a question that throws is answered", "[actors]") {
  desk_world w;
  w.put(1, server_number(1));
  std::promise<void> ran;
  const auto answer = answer_of<jobs::browse_page>([&](auto done) {
    const jobs::log_scope whose{"request", "r-of-a-reader"};
    CHECK(w.desk.run([&ran] {
      ran.set_value();
      throw std::runtime_error{"a test"};
    }));
    ran.get_future().wait();
    w.desk.browse(backup(1), "", "", 10, std::move(done));
  });
  CHECK(answer);
  CHECK(log_books().lines.wait_for(
      "task-threw thread=alula-contents what=\"a test\" "
      "request=r-of-a-reader"));
}

TEST_CASE("what is said while a backup is looked for has the request's id",
          "[actors]") {
  desk_world w;
  w.archives.before_inspect = [] {
    jobs::log(jobs::log_level::info, "looked-for-a-backup");
  };
  const jobs::log_scope whose{"request", "r-of-a-finder"};
  CHECK_FALSE(w.find(1));
  CHECK(
      log_books().lines.wait_for("looked-for-a-backup request=r-of-a-finder"));
}

TEST_CASE("a file of a backup comes from the first store that gives it",
          "[actors]") {
  desk_world w;
  jobs::fake_far far{w.store};
  actors::reading_desk desk{{}, w.archives, w.queries, w.ledger, &far.places};
  w.put(1, server_number(1));
  const auto bytes =
      jobs::fake_archives::text_in(w.archives.published.at(backup(1)).file);
  for (auto* store : {&far.other, &far.offsite})
    store->objects["k"] = {bytes, "e"};
  const bool is_lost = GENERATE(false, true);
  {
    const std::scoped_lock lock{w.store->mutex};
    auto& b = w.store->backups.at(backup(1)).record;
    b.is_local = is_lost;
    b.lost_at = is_lost ? 1 : 0;
    b.places = {{"archive", "k", "e", b.facts.size, 1},
                {"offsite", "k", "e", b.facts.size, 1}};
  }
  REQUIRE(w.archives.drop(backup(1)));
  far.other.before = [](const std::string&) {
    return jobs::status{jobs::fake_object_store::away()};
  };
  const auto opened = answer_of<std::unique_ptr<jobs::content_reader>>(
      [&](auto done) { desk.open_content(backup(1), "a", std::move(done)); });
  REQUIRE(opened);
  std::string text;
  REQUIRE((*opened)->read(100, text));
  CHECK(text == "text");
  desk.stop();
}

namespace {

/// Whose first backup only a store has.
struct far_desk : desk_world {
  far_desk() {
    put(1, server_number(1));
    const std::scoped_lock lock{store->mutex};
    auto& row = store->backups.at(backup(1));
    row.record.is_local = false;
    row.record.places = {{"offsite", "key", "etag", 1, 1}};
  }
  ~far_desk() { by_far.stop(); }

  jobs::fake_far far{store};
  actors::reading_desk by_far{
      {.threads = 1}, archives, queries, ledger, &far.places};
};

} // namespace

TEST_CASE("a store that hangs keeps no question waiting", "[actors]") {
  far_desk w;
  std::promise<void> asked;
  std::promise<void> let_go;
  w.far.offsite.before = [&](const std::string&) -> jobs::status {
    asked.set_value();
    let_go.get_future().wait();
    return jobs::fake_object_store::away();
  };
  std::promise<fault_code> heard;
  w.by_far.open_content(backup(1), "a", [&](const auto& content) {
    heard.set_value(content ? fault_code::internal : content.error().code);
  });
  asked.get_future().wait();
  CHECK(answer_of<jobs::backup_record>(
      [&](auto done) { w.by_far.find({}, backup(1), std::move(done)); }));
  let_go.set_value();
  CHECK(heard.get_future().get() == fault_code::store_unavailable);
}

TEST_CASE("a far file the disk has no room for is not fetched", "[actors]") {
  far_desk w;
  w.archives.disk_free = 0;
  const auto content =
      answer_of<std::unique_ptr<jobs::content_reader>>([&](auto done) {
        w.by_far.open_content(backup(1), "a", std::move(done));
      });
  REQUIRE_FALSE(content);
  CHECK(content.error().code == fault_code::no_room);
  CHECK(w.far.offsite.count("get") == 0);
}
