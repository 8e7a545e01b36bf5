/// What every ledger promises about archives on other machines and about
/// transfers, checked alike on the fake and on SQLite.
#pragma once

#include "tests/contracts/backup_session.hpp"

namespace alula::contracts {

inline jobs::transfer_record sample_transfer() {
  jobs::transfer_record out;
  out.place = "offsite";
  out.key = "a/b.tar.gz";
  out.upload = "u1";
  out.links = {"http://store/1?x=\"1\"", "http://store/2"};
  out.part_size = 8;
  out.size = 20;
  out.etag = "\"e\"";
  out.expires_at = 77;
  return out;
}

/// How it lies there, and what its manifest says.
struct lying_copy {
  std::string place = "offsite";
  std::int64_t size = 1'000;
  char sha256 = 'b'; ///< as of sample_facts()
  bool has_facts = true;
};

inline jobs::status found_copy(backup_session& session, const lying_copy& as) {
  jobs::archive_file file;
  file.backup = sample_backup();
  file.size = as.size;
  file.modified_at = 55;
  if (as.has_facts) {
    file.facts = sample_facts();
    file.facts->size = as.size;
    file.facts->sha256 = std::string(64, as.sha256);
  }
  return session.amend(
      {jobs::record_found_copy{file, as.place, "s/k.tar.gz", "e"}});
}

inline void ledger_keeps_places(world_maker make_world) {
  const auto world = make_world();
  backup_session session{*world};
  const auto uuid = sample_backup();
  const jobs::record_place there{uuid, "offsite", "a/b", "e", 1'000};

  SECTION("a backup has places besides the directory, by name") {
    session.make(session.first);
    CHECK(session.record()->is_local);
    CHECK(session.record()->places.empty());
    session.run_to_end(
        session.must_ask(session.first, {}),
        {there, jobs::record_place{uuid, "archive", "k", "f", 1'000}});
    const auto record = session.record();
    REQUIRE(record->places.size() == 2);
    CHECK(record->places[0].name == "archive");
    REQUIRE(record->find_place("offsite"));
    CHECK(record->find_place("offsite")->key == "a/b");
    CHECK(record->find_place("offsite")->etag == "e");
    CHECK(record->find_place("offsite")->size == 1'000);
    CHECK(record->find_place("offsite")->stored_at == session.now());
    session.run_to_end(session.must_ask(session.first, {}),
                       {jobs::forget_place{uuid, "archive"}});
    CHECK(session.record()->places.size() == 1);
  }

  SECTION("what is found in a store is a backup that lies there alone") {
    REQUIRE(found_copy(session, {}));
    const auto record = session.record();
    REQUIRE(record);
    CHECK(record->state == jobs::backup_state::ready);
    CHECK_FALSE(record->is_local);
    CHECK_FALSE(record->has_manifest);
    CHECK(record->facts.sha256 == sample_facts().sha256);
    CHECK(record->facts.files == 7);
    CHECK(record->created_at == 55);
    CHECK(record->verified_at == 0);
    REQUIRE(record->places.size() == 1);
    CHECK(record->places[0].name == "offsite");
    CHECK(record->places[0].key == "s/k.tar.gz");
    CHECK(record->places[0].size == 1'000);
    // Once more, by a run that a crash had come after.
    REQUIRE(found_copy(session, {}));
    CHECK(session.record()->places.size() == 1);
  }

  SECTION("a backup without a manifest is found too, in one store") {
    const auto facts = GENERATE(false, true);
    REQUIRE(found_copy(session, {.has_facts = false}));
    REQUIRE(session.record());
    CHECK(session.record()->facts.sha256.empty());
    // Nothing says that another one is the same.
    REQUIRE(found_copy(session, {.place = "archive", .has_facts = facts}));
    CHECK(session.record()->places.size() == 1);
  }

  SECTION("a copy that is found is recorded only when it is the same") {
    session.make(session.first);
    SECTION("by size and checksum") {
      REQUIRE(found_copy(session, {}));
      REQUIRE(session.record()->places.size() == 1);
      CHECK(session.record()->is_local);
    }
    SECTION("not of another size") {
      REQUIRE(found_copy(session, {.size = 999}));
      CHECK(session.record()->places.empty());
    }
    SECTION("not with another checksum") {
      REQUIRE(found_copy(session, {.sha256 = 'c'}));
      CHECK(session.record()->places.empty());
    }
    SECTION("not where there is one on record") {
      session.run_to_end(session.must_ask(session.first, {}), {there});
      REQUIRE(found_copy(session, {}));
      CHECK(session.record()->find_place("offsite")->key == "a/b");
    }
    SECTION("and it is what there is of one that was lost here") {
      REQUIRE(session.amend({jobs::record_lost_backup{uuid}}));
      REQUIRE(found_copy(session, {}));
      CHECK(session.record()->lost_at == 0);
      CHECK_FALSE(session.record()->is_local);
    }
  }

  SECTION("what is on its way out of a store, or in, is not found") {
    auto what = sample_transfer();
    what.key = "s/k.tar.gz";
    const auto sending = session.must_ask(session.first, {});
    SECTION("removed later") {
      session.run_to_end(session.must_ask(session.first, {}),
                         {jobs::leave_remains{"offsite", "s/k.tar.gz", ""}});
      REQUIRE(found_copy(session, {}));
      CHECK_FALSE(session.record());
    }
    SECTION("sent by a job that lives") {
      REQUIRE(session.amend({jobs::keep_transfer{what, sending.id}}));
      REQUIRE(found_copy(session, {}));
      CHECK_FALSE(session.record());
      session.run_to_end(sending);
      REQUIRE(found_copy(session, {}));
      CHECK(session.record());
    }
    SECTION("of a backup that is being deleted") {
      session.make(session.first);
      session.must_ask(session.first, {jobs::begin_backup_delete{uuid}});
      REQUIRE(found_copy(session, {}));
      CHECK(session.record()->places.empty());
    }
  }

  SECTION("the only archive stays, one of two may go") {
    session.make(session.first);
    const auto refused =
        session.refusal(session.first, {jobs::set_local{uuid, false, false}});
    CHECK(refused.code == jobs::fault_code::backup_in_use);
    // The damage was that of the archive here.
    REQUIRE(session.amend({jobs::record_verification{uuid, "block 7"}}));
    session.run_to_end(session.must_ask(session.first, {}),
                       {there, jobs::set_local{uuid, false, false}});
    CHECK_FALSE(session.record()->is_local);
    CHECK(session.record()->damage.empty());
    // It was put back by hand.
    REQUIRE(session.amend({jobs::record_found_backup{sample_file(1)}}));
    CHECK(session.record()->is_local);
  }

  SECTION("a backup leaves with its places") {
    session.make(session.first);
    session.run_to_end(
        session.must_ask(session.first, {}),
        {jobs::record_place{uuid, std::string{jobs::panel_place}, "", "", 1}});
    session.run_to_end(
        session.must_ask(session.first, {jobs::begin_backup_delete{uuid}}),
        {jobs::forget_backup{uuid}});
    CHECK_FALSE(session.record());
  }

  SECTION("what the Panel says of a backup in its store is kept") {
    using enum jobs::note_panel_word::word;
    session.make(session.first);
    const auto say = [&](jobs::note_panel_word::word what) {
      REQUIRE(session.amend({jobs::note_panel_word{uuid, what}}));
      const auto record = session.record();
      const auto* place = record->find_place(jobs::panel_place);
      return place ? *place : jobs::backup_place{};
    };
    CHECK(say(has_not).name.empty()); // it does not lie there
    session.run_to_end(
        session.must_ask(session.first, {}),
        {there,
         jobs::record_place{uuid, std::string{jobs::panel_place}, "", "", 1}});
    CHECK(session.record()->find_place(jobs::panel_place)->asked_at == 0);
    CHECK(say(neither).asked_at == session.now());
    CHECK(say(neither).missed_at == 0);
    const auto since = say(has_not).missed_at;
    CHECK(since == session.now());
    world->clock.advance(std::chrono::milliseconds{10});
    CHECK(say(has_not).missed_at == since);
    CHECK(say(neither).missed_at == since);
    CHECK(say(neither).asked_at == session.now());
    CHECK(session.record()->find_place("offsite")->asked_at == 0);
    CHECK(say(has).missed_at == 0);
    // Another upload of it is another object.
    say(has_not);
    session.run_to_end(
        session.must_ask(session.first, {}),
        {jobs::record_place{uuid, std::string{jobs::panel_place}, "", "", 1}});
    CHECK(session.record()->find_place(jobs::panel_place)->missed_at == 0);
  }

  SECTION("scratch is settled once another place has it for sure") {
    const auto settled = [&] {
      return session.reader().list_settled_scratch(10)->size();
    };
    const auto make = [&](const std::string& place) {
      session.run_to_end(
          session.must_ask(session.first, {jobs::register_backup{uuid}}),
          {jobs::publish_backup{uuid, sample_facts(), true, true},
           jobs::record_place{uuid, place, place == "panel" ? "" : "k", "",
                              1'000}});
    };
    SECTION("a store of ours has put it together") {
      make("offsite");
      CHECK(session.record()->is_scratch);
      CHECK(settled() == 1);
      session.run_to_end(session.must_ask(session.first, {}),
                         {jobs::set_local{uuid, false, false}});
      CHECK(settled() == 0);
    }
    SECTION("the Panel has not said so yet") {
      make("panel");
      CHECK(settled() == 0);
      // Whoever else has it: an upload that a Panel cannot complete may have to
      // be made again.
      session.run_to_end(session.must_ask(session.first, {}),
                         {jobs::record_place{uuid, "offsite", "k", "", 1'000}});
      CHECK(settled() == 0);
    }
  }

  SECTION("a transfer is kept while its job lives, part by part") {
    const auto job = session.must_ask(session.first, {});
    auto what = sample_transfer();
    REQUIRE(session.amend({jobs::keep_transfer{what, job.id}}));
    REQUIRE(session.amend(
        {jobs::keep_transfer_part{"u1", {2, 8, "\"e2\""}, job.id}}));
    REQUIRE(
        session.amend({jobs::keep_transfer_part{"u1", {1, 8, "e1"}, job.id}}));
    REQUIRE(session.amend(
        {jobs::keep_transfer_part{"u1", {1, 8, "again"}, job.id}}));
    // Of an upload that was begun before.
    REQUIRE(session.amend(
        {jobs::keep_transfer_part{"u0", {3, 4, "late"}, job.id}}));
    auto kept = session.reader().find_transfer(job.id).value();
    REQUIRE(kept);
    CHECK(kept->place == "offsite");
    CHECK(kept->key == what.key);
    CHECK(kept->upload == "u1");
    CHECK(kept->links == what.links);
    CHECK(kept->part_size == 8);
    CHECK(kept->size == 20);
    CHECK(kept->etag == "\"e\"");
    CHECK(kept->expires_at == 77);
    CHECK(kept->parts
          == std::vector<jobs::object_part>{{1, 8, "again"}, {2, 8, "\"e2\""}});
    what.upload = "u2";
    REQUIRE(session.amend({jobs::keep_transfer{what, job.id}}));
    kept = session.reader().find_transfer(job.id).value();
    CHECK(kept->upload == "u2");
    CHECK(kept->parts.empty());
    session.run_to_end(job);
    CHECK_FALSE(session.reader().find_transfer(job.id).value());
  }

  SECTION("a transfer comes with the accept of its job, and goes with it") {
    const auto job = session.must_ask(session.first,
                                      {jobs::keep_transfer{sample_transfer()}});
    REQUIRE(session.reader().find_transfer(job.id).value());
    session.cancel(job);
    CHECK_FALSE(session.reader().find_transfer(job.id).value());
  }

  SECTION("what a job that was given up has sent is on record as left") {
    const auto key = "server/" + uuid.to_string() + ".tar.gz";
    auto what = sample_transfer();
    what.key = key;
    const auto give_up = [&] {
      auto job = session.must_ask(session.first, {});
      REQUIRE(session.amend({jobs::keep_transfer{what, job.id}}));
      job = session.happen(job, jobs::happened::unrunnable{{.what = "no"}})
                .value();
      REQUIRE(session.happen(job, jobs::happened::abandoned{"no use"}));
      CHECK_FALSE(session.reader().find_transfer(job.id).value());
      return session.reader().list_remains(10).value();
    };
    SECTION("nothing else knows of it") {
      const auto left = give_up();
      REQUIRE(left.size() == 1);
      CHECK(left[0].store == "offsite");
      CHECK(left[0].key == key);
      CHECK(left[0].upload == "u1");
    }
    SECTION("it is a place of the backup") {
      session.make(session.first);
      REQUIRE(session.amend(
          {jobs::record_place{uuid, "offsite", key, "\"e\"", 20}}));
      CHECK(give_up().empty());
    }
    SECTION("it is the Panel's") {
      what.key.clear();
      what.place = "panel";
      CHECK(give_up().empty());
    }
  }

  SECTION("what is left in a store is on record until it is gone, or somebody "
          "sends to the same key") {
    const auto remains = [&] {
      return session.reader().list_remains(10).value();
    };
    REQUIRE(session.amend({jobs::leave_remains{"offsite", "k1", "u"},
                           jobs::leave_remains{"offsite", "k1", "u"},
                           jobs::leave_remains{"offsite", "a/b.tar.gz", ""}}));
    REQUIRE(remains().size() == 2);
    CHECK(remains()[0].store == "offsite");
    CHECK(remains()[0].key == "k1");
    CHECK(remains()[0].upload == "u");
    REQUIRE(session.amend({jobs::forget_remains{remains()[0].row}}));
    REQUIRE(remains().size() == 1);
    const auto job = session.must_ask(session.first, {});
    REQUIRE(session.amend({jobs::keep_transfer{sample_transfer(), job.id}}));
    CHECK(remains().empty());
  }
}

} // namespace alula::contracts
