// Files of backups that only a store has.
#include "tests/actors/desk_world.hpp"
#include "tests/doubles/fake_far.hpp"

#include <future>
#include <memory>
#include <mutex>
#include <string>

using namespace alula;
using namespace alula::actors_test;
using jobs::fault_code;

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
  const std::string here = GENERATE("none", "lost", "damaged");
  {
    const std::scoped_lock lock{w.store->mutex};
    auto& b = w.store->backups.at(backup(1)).record;
    b.is_local = here != "none";
    b.lost_at = here == "lost" ? 1 : 0;
    b.damage = here == "damaged" ? "a block does not decode" : "";
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

  /// The next question to the store is answered when it is let go.
  void hold_store() {
    far.offsite.before = [this](const std::string&) -> jobs::status {
      asked.set_value();
      let_go.get_future().wait();
      return jobs::fake_object_store::away();
    };
  }

  std::promise<void> asked, let_go;
  jobs::fake_far far{store};
  actors::reading_desk by_far{
      {.threads = 1}, archives, queries, ledger, &far.places};
};

} // namespace

TEST_CASE("a store that hangs keeps no question waiting", "[actors]") {
  far_desk w;
  w.hold_store();
  std::promise<fault_code> heard;
  w.by_far.open_content(backup(1), "a", [&](const auto& content) {
    heard.set_value(content ? fault_code::internal : content.error().code);
  });
  w.asked.get_future().wait();
  CHECK(answer_of<jobs::backup_record>(
      [&](auto done) { w.by_far.find({}, backup(1), std::move(done)); }));
  w.let_go.set_value();
  CHECK(heard.get_future().get() == fault_code::store_unavailable);
}

TEST_CASE("a file of a damaged backup is looked for here when no store answers",
          "[actors]") {
  far_desk w;
  {
    const std::scoped_lock lock{w.store->mutex};
    auto& b = w.store->backups.at(backup(1)).record;
    b.is_local = true;
    b.damage = "a block does not decode";
  }
  w.far.offsite.before = [](const std::string&) {
    return jobs::status{jobs::fake_object_store::away()};
  };
  const auto opened =
      answer_of<std::unique_ptr<jobs::content_reader>>([&](auto done) {
        w.by_far.open_content(backup(1), "a", std::move(done));
      });
  REQUIRE(opened);
  CHECK((*opened)->size() == 4);
  CHECK(w.far.offsite.count("get") == 1);
}

TEST_CASE("far files that are fetched at once share the disk's room",
          "[actors]") {
  far_desk w;
  w.archives.disk_free = w.archives.find_piece(backup(1), "a")->length;
  REQUIRE(w.archives.disk_free > 0);
  w.hold_store();
  using content = std::unique_ptr<jobs::content_reader>;
  std::promise<void> first_ended;
  w.by_far.open_content(backup(1), "a",
                        [&](const auto&) { first_ended.set_value(); });
  w.asked.get_future().wait();
  const auto second = answer_of<content>([&](auto done) {
    w.by_far.open_content(backup(1), "a", std::move(done));
  });
  REQUIRE_FALSE(second);
  CHECK(second.error().code == fault_code::no_room);
  w.let_go.set_value();
  first_ended.get_future().wait();
  CHECK(w.far.offsite.count("get") == 1);
  // What has ended takes nothing any more.
  w.far.offsite.before = {};
  const auto third = answer_of<content>([&](auto done) {
    w.by_far.open_content(backup(1), "a", std::move(done));
  });
  CHECK((third || third.error().code != fault_code::no_room));
  CHECK(w.far.offsite.count("get") == 2);
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
