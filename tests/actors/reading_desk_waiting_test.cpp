// Who waits for the desk: in line, for a reader, and at its stop.
#include "tests/actors/desk_world.hpp"

#include <future>
#include <set>
#include <string>
#include <thread>
#include <vector>

using namespace alula;
using namespace alula::actors_test;
using jobs::fault_code;

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
