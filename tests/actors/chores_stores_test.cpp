#include "jobs/container_status.hpp"
#include "tests/actors/chore_world.hpp"

using namespace alula;
using namespace alula::actors_test;

namespace {

struct copying_world : chore_world {
  copying_world() {
    ports.far = &far.places;
    chores_settings.copy_to = "offsite";
  }
  bool is_in_store(int number) {
    const auto seen = record(number);
    return seen && seen->find_place("offsite");
  }
  /// As the job does that has made it and told the Panel, until it is over.
  void set_held(int number, const std::string& kind_of_holder) {
    const auto holder = jobs_of(kind_of_holder).at(0).row;
    const std::scoped_lock lock{store->mutex};
    store->locks["backup:" + backup(number).to_string()] = {{holder, true}};
  }
  void let_go(int number) {
    const std::scoped_lock lock{store->mutex};
    store->locks["backup:" + backup(number).to_string()].clear();
  }
  void pass_until_in_store(int number) {
    pass_until(1min, [&] {
      doing->look();
      return is_in_store(number);
    });
  }
};

} // namespace

TEST_CASE("every backup gets its copy in the store of the configuration",
          "[actors]") {
  copying_world w;
  w.put_backup(1, 1);
  w.put_backup(2, 7); // whose server is gone
  w.start();
  w.jobs_ended("backup.copy", 1);
  CHECK(w.is_in_store(1));
  CHECK_FALSE(w.is_in_store(2));
  // And so does the next one, as soon as it is made.
  w.end_of(w.submit(jobs::create_backup, 2, w.create_body(3)));
  w.jobs_ended("backup.copy", 2);
  CHECK(w.is_in_store(3));
  CHECK(w.record(3)->is_local);
}

TEST_CASE("a copy that another job stood in the way of is asked for again",
          "[actors]") {
  copying_world w;
  w.chores_settings.scan_every = 0min; // which would ask for it as well
  w.end_of(w.submit(jobs::create_backup, 2, w.create_body(3)));
  w.put_backup(1, 1);
  w.put_backup(2, 1);
  w.set_held(2, "backup.create");
  w.start();
  w.jobs_ended("backup.copy", 2);
  CHECK(w.is_in_store(1)); // it was asked for behind the other one
  CHECK_FALSE(w.is_in_store(2));
  w.let_go(2);
  w.pass_until_in_store(2);
  w.jobs_ended("backup.copy", 3);
}

TEST_CASE("a copy whose refusal is told late is asked for again", "[actors]") {
  copying_world w;
  w.chores_settings.scan_every = 0min;
  w.put_backup(1, 1);
  w.end_of(
      w.submit(jobs::verify_backup, 1, w.about("backup", w.backup(1).view())));
  w.set_held(1, "backup.verify");
  const auto refused = log_book().count("chore-refused");
  w.reading.fail("due", 1); // which is read again behind the copies
  w.ledger->hold();
  w.start();
  w.pass_until(1min, [&] {
    w.doing->look();
    return w.reading.due_read > 1;
  });
  // Everybody has looked for what was refused, and nothing was.
  w.ledger->release();
  REQUIRE(log_book().wait_for("chore-refused", refused + 1));
  w.let_go(1);
  w.pass_until_in_store(1);
}

TEST_CASE("a copy that failed is asked for again at the next scan",
          "[actors]") {
  copying_world w;
  {
    const std::scoped_lock lock{w.far.offsite.mutex};
    w.far.offsite.before = [](const std::string&) -> jobs::status {
      return jobs::fault{.code = jobs::fault_code::store_refused,
                         .what = "no such bucket"};
    };
  }
  w.put_backup(1, 1);
  w.start();
  w.jobs_ended("backup.copy", 1);
  CHECK_FALSE(w.is_in_store(1));
  {
    const std::scoped_lock lock{w.far.offsite.mutex};
    w.far.offsite.before = {};
  }
  w.end_of(w.submit(jobs::create_backup, 2, w.create_body(3)));
  w.eventually([&] { return w.is_in_store(3); });
  CHECK_FALSE(w.is_in_store(1));
  w.pass_until(24h, [&] {
    w.doing->look();
    return w.is_in_store(1);
  });
}

TEST_CASE("scratch stays until it is copied, and a day at most", "[actors]") {
  copying_world w;
  const bool is_away = GENERATE(false, true);
  if (is_away) {
    const std::scoped_lock lock{w.far.offsite.mutex};
    w.far.offsite.before = [](const std::string&) -> jobs::status {
      return jobs::fault{.code = jobs::fault_code::store_refused,
                         .what = "no such bucket"};
    };
  }
  w.put_backup(1, 1);
  {
    const std::scoped_lock lock{w.store->mutex};
    auto& b = w.store->backups.at(w.backup(1)).record;
    b.is_scratch = true;
    b.told_at = w.clock.at;
    b.places = {{std::string{jobs::panel_place}, "", "", b.facts.size, 1}};
  }
  w.start();
  w.jobs_ended("backup.copy", 1);
  if (is_away) {
    CHECK(w.record(1)->is_local);
    w.pass_until(25h, [&] {
      w.doing->look();
      return !w.record(1)->is_local;
    });
  } else {
    w.eventually([&] { return !w.record(1)->is_local; });
  }
  CHECK(w.is_in_store(1) != is_away);
}

TEST_CASE("scratch that no store was found to have is looked at again at the "
          "next scan",
          "[actors]") {
  chore_world w;
  w.ports.far = &w.far.places;
  w.put_backup(1, 1);
  {
    const std::scoped_lock lock{w.store->mutex};
    auto& b = w.store->backups.at(w.backup(1)).record;
    b.is_scratch = true;
    b.places = {{"offsite", "a/b", "", b.facts.size, 1}};
  }
  w.start();
  w.jobs_ended("backup.drop_copy", 1);
  CHECK(w.record(1)->is_local);
  // What settles is looked for with every backup that is made.
  for (const int number : {2, 3}) {
    const auto before = w.reading.settled_read.load();
    w.end_of(w.submit(jobs::create_backup, 2, w.create_body(number)));
    w.eventually([&] { return w.reading.settled_read > before; });
  }
  w.jobs_ended("backup.drop_copy", 1);
  {
    const std::scoped_lock lock{w.far.offsite.mutex};
    w.far.offsite.objects["a/b"] = {
        std::string(static_cast<std::size_t>(w.record(1)->facts.size), 'x'),
        "e"};
  }
  w.pass_until(24h, [&] {
    w.doing->look();
    return !w.record(1)->is_local;
  });
}

TEST_CASE("a backup that the Panel says twice it does not have is forgotten",
          "[actors]") {
  chore_world w;
  w.node_panel.configured = true;
  w.node_panel.fail({});
  for (const int number : {1, 2}) {
    w.put_backup(number, 1);
    REQUIRE(w.archives.drop(w.backup(number)));
    const std::scoped_lock lock{w.store->mutex};
    auto& b = w.store->backups.at(w.backup(number)).record;
    b.is_local = false;
    b.told_at = w.clock.at;
    b.places = {{std::string{jobs::panel_place}, "", "", b.facts.size, 1}};
  }
  w.node_panel.forget(w.backup(1));
  w.chores_settings.scan_every = 0min;
  w.chores_settings.ask_panel_every = 24h;
  w.start();
  w.eventually([&] { return w.next("backup.ask_panel") != 0; });
  w.pass(24h);
  w.jobs_ended("backup.ask_panel", 1);
  CHECK(w.record(1));
  w.eventually([&] { return w.next("backup.ask_panel") > w.clock.at; });
  const auto told = log_book().count("backup-gone-from-panel");
  w.pass(24h);
  w.eventually([&] { return !w.record(1); });
  w.jobs_ended("backup.delete", 1);
  CHECK(log_book().count("backup-gone-from-panel") == told + 1);
  CHECK(w.record(2));
}

TEST_CASE("the Panel is not asked where none of its backups could be gone",
          "[actors]") {
  chore_world w;
  w.node_panel.configured = true;
  w.put_backup(1, 1);
  w.chores_settings.ask_panel_every = 24h;
  w.start_overdue("backup.ask_panel");
  w.eventually([&] { return w.next("backup.ask_panel") > w.clock.at; });
  w.jobs_ended("backup.scan", 1);
  CHECK(w.jobs_of("backup.ask_panel").empty());
}

TEST_CASE("what is left in a store is asked for again every hour", "[actors]") {
  chore_world w;
  {
    const std::scoped_lock lock{w.store->mutex};
    w.store->remains[1] = {.row = 1, .store = "offsite", .key = "a/b"};
  }
  w.start();
  w.jobs_ended("store.clean", 1);
  // Not whenever something may have been left: its store is away.
  w.end_of(w.submit(jobs::create_backup, 1, w.create_body(1)));
  w.pass(59min);
  w.pass(1min);
  w.jobs_ended("store.clean", 2);
}

TEST_CASE("a start that knows of no backup looks through the stores",
          "[actors]") {
  chore_world w;
  w.ports.far = &w.far.places;
  w.chores_settings.stores = {"archive", "offsite"};
  const auto key =
      server_number(7).to_string() + "/" + w.backup(1).to_string() + ".tar.gz";
  w.far.offsite.objects[key] = {"what a lost node has left", "e"};
  w.start();
  w.jobs_ended("store.scan", 2);
  const auto found = w.record(1);
  REQUIRE(found);
  CHECK(found->server == server_number(7));
  CHECK(found->find_place("offsite"));
  w.jobs_ended("backup.scan", 1);
  // From then on it is asked for.
  w.start();
  w.jobs_ended("backup.scan", 2);
  CHECK(w.jobs_of("store.scan").size() == 2);
}

TEST_CASE("a start with backups on record looks through no store", "[actors]") {
  chore_world w;
  w.ports.far = &w.far.places;
  w.chores_settings.stores = {"offsite"};
  w.put_backup(1, 1);
  w.start();
  w.jobs_ended("backup.scan", 1);
  CHECK(w.jobs_of("store.scan").empty());
}

TEST_CASE("a state of a container that was told settles no backup",
          "[actors]") {
  chore_world w;
  w.store->tells_panel = true;
  w.put_backup(1, 1);
  w.start();
  const auto settled = w.reading.settled_read.load();
  const auto up = jobs::process_state::running;
  w.amend({jobs::report_of({server_number(1), up, up})});
  w.amend({jobs::record_delivery{
      .report = w.queries.list_statuses().value().at(0).row,
      .is = jobs::record_delivery::outcome::delivered,
      .http_status = 200}});
  // Both of these ends were heard after it, and the second is looked at after
  // whatever the first has led to.
  for (int i = 0; i < 2; ++i) {
    const auto looked = w.reading.due_read.load();
    w.end_of(w.submit(jobs::verify_backup, 1,
                      w.about("backup", w.backup(1).view())));
    w.eventually([&] { return w.reading.due_read > looked; });
  }
  CHECK(w.reading.settled_read == settled);
}
