/// What every ledger promises about systems and their backups, checked alike on
/// the fake and on SQLite.
#pragma once

#include "tests/contracts/backup_session.hpp"

namespace alula::contracts {

inline std::string system_backup(int number = 1) {
  const auto digits = std::to_string(1'000'000 + number).substr(1);
  return "0198b3c1-7a52-7c0e-9d44-0f6a1b" + digits + ".gpg";
}

inline void ledger_keeps_systems(world_maker make_world) {
  using state = jobs::system_backup_state;
  const auto world = make_world();
  backup_session session{*world};
  auto& reader = session.reader();
  const jobs::server_record nobody;
  REQUIRE(session.amend({jobs::put_system{"s1", "d1/c1", "One", false}}));
  REQUIRE(session.amend({jobs::put_system{"s2", "d1/c1", "Two", false}}));
  REQUIRE(session.amend({jobs::put_system{"s3", "d1/c2", "", false}}));

  const auto begin = [](int number, std::int64_t size = 10,
                        std::string system = "s1", std::int64_t most = 0) {
    return jobs::begin_system_upload{.id = system_backup(number),
                                     .system = std::move(system),
                                     .size = size,
                                     .filename = "a.gpg",
                                     .mimetype = "text/plain",
                                     .uploader = "192.0.2.1",
                                     .most = most};
  };
  const auto store = [](int number, std::int64_t size = 10,
                        std::int64_t count = 10, std::int64_t bytes = 1'000) {
    return jobs::store_system_backup{.id = system_backup(number),
                                     .size = size,
                                     .sha256 = std::string(64, 'c'),
                                     .count = count,
                                     .bytes = bytes};
  };
  const auto found = [&](int number) {
    return reader.find_system_backup(system_backup(number)).value();
  };
  const auto make = [&](int number, std::int64_t size = 10) {
    session.run_to_end(session.must_ask(nobody, {begin(number, size)}),
                       {store(number, size)});
  };

  SECTION("systems are listed by id and changed in place") {
    const auto all = reader.list_systems("", 10).value();
    REQUIRE(all.size() == 3);
    CHECK(all[0].id == "s1");
    CHECK(all[0].organization == "d1/c1");
    CHECK(all[0].name == "One");
    CHECK(all[0].created_at == session.now());
    CHECK(all[0].suspended_at == 0);
    CHECK(reader.list_systems("s1", 1).value().front().id == "s2");
    REQUIRE(session.amend({jobs::put_system{"s1", "d2", "Uno", true}}));
    const auto changed = reader.find_system("s1").value();
    REQUIRE(changed);
    CHECK(changed->organization == "d2");
    CHECK(changed->suspended_at != 0);
    CHECK_FALSE(reader.find_system("s9").value());
  }

  SECTION("a backup is uploading, then stored, then deleting, then gone") {
    auto job = session.must_ask(nobody, {begin(1)});
    REQUIRE(found(1));
    CHECK(found(1)->state == state::uploading);
    CHECK(found(1)->owner_job == job.id);
    CHECK(found(1)->size == 10);
    CHECK(found(1)->uploader == "192.0.2.1");
    session.run_to_end(job, {store(1)});
    CHECK(found(1)->state == state::stored);
    CHECK(found(1)->owner_job.empty());
    CHECK(found(1)->sha256 == std::string(64, 'c'));
    CHECK(found(1)->filename == "a.gpg");
    CHECK(found(1)->mimetype == "text/plain");
    CHECK(found(1)->uploaded_at > 0);
    job = session.must_ask(nobody,
                           {jobs::begin_system_backup_delete{system_backup()}});
    CHECK(found(1)->state == state::deleting);
    CHECK(found(1)->owner_job == job.id);
    session.run_to_end(job, {jobs::forget_system_backup{system_backup()}});
    CHECK_FALSE(found(1));
  }

  SECTION("an upload whose job ends without it never was") {
    const auto job = session.must_ask(nobody, {begin(1)});
    const bool fails = GENERATE(true, false);
    fails ? session.fail(job) : session.cancel(job);
    CHECK_FALSE(found(1));
  }

  SECTION("an upload that is given up stays on record until it is cleared up") {
    auto job = session.must_ask(nobody, {begin(1)});
    session.must_ask(nobody, {begin(2)});
    CHECK(reader.list_system_uploads(10).value().size() == 2);
    CHECK(reader.list_system_uploads(1).value().size() == 1);
    job =
        session.happen(job, jobs::happened::unrunnable{{.what = "no"}}).value();
    REQUIRE(session.happen(job, jobs::happened::abandoned{"no use"}));
    REQUIRE(found(1));
    CHECK(found(1)->state == state::uploading);
    CHECK(found(1)->owner_job == job.id);
    const auto sweep = session.start(session.must_ask(nobody, {}));
    // Not another job's, and not one that is stored meanwhile.
    make(3);
    session.must_happen(sweep, jobs::happened::step_done{},
                        {jobs::forget_system_upload{system_backup(2), job.id},
                         jobs::forget_system_upload{system_backup(3), job.id},
                         jobs::forget_system_upload{system_backup(1), job.id}});
    CHECK_FALSE(found(1));
    CHECK(found(2));
    CHECK(found(3));
  }

  SECTION("a list says what is stored of each system") {
    make(1, 10);
    make(2, 20);
    session.must_ask(nobody, {begin(3, 500)});
    const auto all = reader.list_systems("", 10).value();
    REQUIRE(all.size() == 3);
    CHECK(all[0].backups == 2);
    CHECK(all[0].bytes == 30);
    CHECK(all[0].newest_at == found(2)->uploaded_at);
    CHECK(all[1].backups == 0);
    CHECK(all[1].bytes == 0);
    CHECK(all[1].newest_at == 0);
  }

  SECTION("a removal that is given up leaves it stored") {
    make(1);
    session.cancel(session.must_ask(
        nobody, {jobs::begin_system_backup_delete{system_backup()}}));
    CHECK(found(1)->state == state::stored);
    CHECK(found(1)->owner_job.empty());
  }

  SECTION("what is announced counts at once, by organisation") {
    session.must_ask(nobody, {begin(1, 60, "s1", 100)});
    CHECK(session.refusal(nobody, {begin(2, 41, "s2", 100)}).code
          == jobs::fault_code::quota_exceeded);
    CHECK_FALSE(found(2));
    session.must_ask(nobody, {begin(3, 100, "s3", 100)});
    session.must_ask(nobody, {begin(4, 40, "s2", 100)});
    session.must_ask(nobody, {begin(5, 900, "s2", 0)});
  }

  SECTION("what is being deleted does not count any more") {
    make(1, 60);
    session.must_ask(nobody,
                     {jobs::begin_system_backup_delete{system_backup()}});
    session.must_ask(nobody, {begin(2, 100, "s1", 100)});
  }

  SECTION("an upload goes with its system to another organisation") {
    const auto job = session.must_ask(nobody, {begin(1, 60, "s1", 100)});
    REQUIRE(session.amend({jobs::put_system{"s1", "d1/c2", "", false}}));
    session.run_to_end(job, {store(1, 60)});
    CHECK(session.refusal(nobody, {begin(2, 41, "s3", 100)}).code
          == jobs::fault_code::quota_exceeded);
    session.must_ask(nobody, {begin(3, 100, "s2", 100)});
  }

  SECTION("uploads of systems that take none are refused") {
    CHECK(session.refusal(nobody, {begin(1, 1, "s9")}).code
          == jobs::fault_code::system_not_found);
    REQUIRE(session.amend({jobs::put_system{"s1", "d1/c1", "", true}}));
    CHECK(session.refusal(nobody, {begin(1)}).code
          == jobs::fault_code::system_not_found);
    session.must_ask(nobody, {begin(2, 1, "s2")});
    CHECK(session.refusal(nobody, {begin(2, 1, "s2")}).code
          == jobs::fault_code::backup_exists);
  }

  SECTION("storing one makes the oldest too many its job's") {
    make(1);
    make(2);
    make(3);
    const auto job = session.must_ask(nobody, {begin(4)});
    session.must_happen(session.start(job), jobs::happened::step_done{},
                        {store(4, 10, 2, 1'000)});
    CHECK(found(1)->state == state::deleting);
    CHECK(found(1)->owner_job == job.id);
    CHECK(found(2)->state == state::deleting);
    CHECK(found(3)->state == state::stored);
    CHECK(found(4)->state == state::stored);
    const auto all = reader.list_system_backups("s1").value();
    REQUIRE(all.size() == 4);
    CHECK(all.front().id == system_backup(4));
  }

  SECTION("an upload that ends behind newer ones stays at the limit") {
    const auto slow = session.must_ask(nobody, {begin(1)});
    make(2);
    make(3);
    session.must_happen(session.start(slow), jobs::happened::step_done{},
                        {store(1, 10, 2, 1'000)});
    CHECK(found(1)->state == state::stored);
    CHECK(found(1)->owner_job.empty());
    CHECK(found(2)->state == state::deleting);
    CHECK(found(2)->owner_job == slow.id);
    CHECK(found(3)->state == state::stored);
  }

  SECTION("the newest stays however large it is") {
    make(1);
    const auto job = session.must_ask(nobody, {begin(2, 5'000)});
    session.must_happen(session.start(job), jobs::happened::step_done{},
                        {store(2, 5'000, 1, 100)});
    CHECK(found(1)->state == state::deleting);
    CHECK(found(2)->state == state::stored);
  }

  SECTION("only its own job stores one and forgets one") {
    session.must_ask(nobody, {begin(1)});
    const auto other = session.start(session.must_ask(nobody, {}));
    CHECK_FALSE(session.happen(other, jobs::happened::step_done{}, {store(1)}));
    make(2);
    session.must_ask(nobody,
                     {jobs::begin_system_backup_delete{system_backup(2)}});
    session.must_happen(other, jobs::happened::step_done{},
                        {jobs::forget_system_backup{system_backup(2)},
                         jobs::begin_system_backup_delete{system_backup(2)}});
    CHECK(found(2)->owner_job != other.id);
    CHECK(session
              .refusal(nobody,
                       {jobs::begin_system_backup_delete{system_backup(1)}})
              .code
          == jobs::fault_code::backup_in_use);
    session.must_ask(nobody,
                     {jobs::begin_system_backup_delete{system_backup(7)}});
  }

  SECTION(
      "a system that is destroyed takes nothing and goes when it is empty") {
    make(1);
    const auto late = session.must_ask(nobody, {begin(2)});
    const auto job =
        session.must_ask(nobody, {jobs::begin_system_destroy{"s1"}});
    CHECK(reader.find_system("s1").value()->destroyed_at != 0);
    CHECK(found(1)->owner_job == job.id);
    CHECK(session.refusal(nobody, {begin(3)}).code
          == jobs::fault_code::system_not_found);
    CHECK_FALSE(session.amend({jobs::put_system{"s1", "d1", "", false}}));
    const auto stored = session.happen(session.start(late),
                                       jobs::happened::step_done{}, {store(2)});
    REQUIRE_FALSE(stored);
    CHECK(stored.error().code == jobs::fault_code::system_not_found);
    CHECK_FALSE(session.happen(session.start(job), jobs::happened::step_done{},
                               {jobs::forget_system{"s1"}}));
  }

  SECTION("nothing is removed for an organisation that has it no more") {
    make(1);
    const auto removal = [](const char* owner) {
      return jobs::begin_system_backup_delete{system_backup(), owner};
    };
    const auto destruction = [](const char* owner) {
      return jobs::begin_system_destroy{"s1", owner};
    };
    const auto refused = [&](const jobs::change& what) {
      return session.refusal(nobody, {what}).code;
    };
    session.cancel(session.must_ask(nobody, {removal("d1/c1")}));
    REQUIRE(session.amend({jobs::put_system{"s1", "d2/c1", "", false}}));
    CHECK(refused(removal("d1/c1")) == jobs::fault_code::system_not_found);
    CHECK(refused(destruction("d1/c1")) == jobs::fault_code::system_not_found);
    CHECK(found(1)->state == state::stored);
    CHECK(reader.find_system("s1").value()->destroyed_at == 0);
    // Its owner's goes on, and marks it.
    session.cancel(session.must_ask(nobody, {removal("d2/c1")}));
    session.cancel(session.must_ask(nobody, {destruction("d2/c1")}));
    CHECK(reader.find_system("s1").value()->destroyed_at != 0);
    CHECK(refused(destruction("d1/c1")) == jobs::fault_code::system_not_found);
    CHECK(found(1)->state == state::stored);
    const auto job = session.must_ask(nobody, {destruction("d2/c1")});
    CHECK(found(1)->owner_job == job.id);
    // What is gone, or another's already, is nobody's to refuse.
    session.must_ask(nobody, {removal("d1/c1")});
    CHECK(found(1)->owner_job == job.id);
  }

  SECTION("a system without backups is forgotten") {
    make(1);
    session.run_to_end(
        session.must_ask(nobody, {jobs::begin_system_destroy{"s1"}}),
        {jobs::forget_system_backup{system_backup()},
         jobs::forget_system{"s1"}});
    CHECK_FALSE(reader.find_system("s1").value());
    CHECK_FALSE(found(1));
    CHECK(session.refusal(nobody, {jobs::begin_system_destroy{"s1"}}).code
          == jobs::fault_code::system_not_found);
  }
}

} // namespace alula::contracts
