/// What every ledger promises about backups: how they are made, known and
/// deleted, checked alike on the fake and on SQLite.
#pragma once

#include "tests/contracts/backup_session.hpp"

namespace alula::contracts {

// -- backups ------------------------------------------------------------------

inline void ledger_keeps_backups(world_maker make_world) {
  const auto world = make_world();
  backup_session session{*world};
  const auto uuid = sample_backup();

  SECTION("a backup is being created, then ready, then gone") {
    auto job = session.must_ask(session.first, {jobs::register_backup{uuid}});
    REQUIRE(session.record());
    CHECK(session.record()->state == jobs::backup_state::creating);
    CHECK(session.record()->owner_job == job.id);
    CHECK(session.record()->server == session.first.uuid);
    CHECK(session.record()->server_lives);
    session.run_to_end(job, {jobs::publish_backup{uuid, sample_facts()}});
    const auto ready = session.record();
    REQUIRE(ready);
    CHECK(ready->state == jobs::backup_state::ready);
    CHECK(ready->owner_job.empty());
    CHECK(ready->facts.size == 1'000);
    CHECK(ready->facts.sha1 == sample_facts().sha1);
    CHECK(ready->facts.sha256 == sample_facts().sha256);
    CHECK(ready->facts.content_bytes == 5'000);
    CHECK(ready->facts.files == 7);
    CHECK(ready->has_manifest);
    CHECK(ready->completed_at == session.now());
    CHECK(ready->verified_at == 0);
    CHECK(ready->lost_at == 0);
    job = session.must_ask(session.first, {jobs::begin_backup_delete{uuid}});
    CHECK(session.record()->state == jobs::backup_state::deleting);
    session.run_to_end(job, {jobs::forget_backup{uuid}});
    CHECK_FALSE(session.record());
  }

  SECTION("a uuid that is taken is refused, naming its job") {
    const auto job =
        session.must_ask(session.first, {jobs::register_backup{uuid}});
    const auto why =
        session.refusal(session.first, {jobs::register_backup{uuid}});
    CHECK(why.code == jobs::fault_code::backup_exists);
    CHECK(why.in_the_way == job.id.to_string());
  }

  SECTION("a backup whose job ends without it never was") {
    const auto job =
        session.must_ask(session.first, {jobs::register_backup{uuid}});
    const bool fails = GENERATE(true, false);
    fails ? session.fail(job) : session.cancel(job);
    CHECK_FALSE(session.record());
  }

  SECTION("only its own job publishes a backup") {
    session.must_ask(session.first, {jobs::register_backup{uuid}});
    const auto other = session.start(session.must_ask(session.first, {}));
    CHECK_FALSE(session.happen(other, jobs::happened::step_done{},
                               {jobs::publish_backup{uuid, sample_facts()}}));
    session.must_happen(
        other, jobs::happened::step_done{},
        {jobs::discard_backup{uuid}, jobs::forget_backup{uuid}});
    CHECK(session.record()->state == jobs::backup_state::creating);
  }

  SECTION("an archive that was found is ready, of its server or nobody's") {
    REQUIRE(session.amend({jobs::record_found_backup{sample_file(1)}}));
    CHECK(session.record()->state == jobs::backup_state::ready);
    CHECK(session.record()->server.empty());
    CHECK_FALSE(session.record()->server_lives);
    CHECK(session.record()->facts.size == 1'234);
    CHECK(session.record()->completed_at == 42);
    auto file = sample_file(2, session.first.uuid);
    file.has_manifest = true;
    file.facts = sample_facts();
    REQUIRE(session.amend({jobs::record_found_backup{file}}));
    CHECK(session.record(2)->server == session.first.uuid);
    CHECK(session.record(2)->facts.sha1 == sample_facts().sha1);
    CHECK(session.record(2)->has_manifest);
  }

  SECTION("a manifest of nonsense does not stop a scan") {
    auto odd = sample_file(1);
    odd.facts = jobs::archive_facts{.size = 5,
                                    .sha1 = "abc",
                                    .sha256 = std::string(65, 'f'),
                                    .content_bytes = -1,
                                    .files = -7};
    REQUIRE(session.amend({jobs::record_found_backup{odd},
                           jobs::record_found_backup{sample_file(2)}}));
    CHECK(session.record(1)->facts.sha1.empty());
    CHECK(session.record(1)->facts.sha256.empty());
    CHECK(session.record(1)->facts.files == 0);
    CHECK(session.record(2));
  }

  SECTION("what was not known of an archive is filled in, once") {
    REQUIRE(session.amend({jobs::record_found_backup{sample_file(1)}}));
    SECTION("by a verification") {
      auto sums = found_facts();
      sums.content_bytes = sums.files = 0;
      REQUIRE(session.amend({jobs::record_verification{uuid, "", sums}}));
      CHECK(session.record()->facts.sha1 == sample_facts().sha1);
      CHECK(session.record()->facts.sha256 == sample_facts().sha256);
      CHECK(session.record()->facts.files == 0);
      CHECK_FALSE(session.record()->has_manifest);
    }
    auto file = sample_file(1);
    file.has_manifest = true;
    file.facts = found_facts();
    SECTION("by an index, or a scan that finds a manifest") {}
    REQUIRE(session.amend({jobs::record_found_backup{file}}));
    CHECK(session.record()->has_manifest);
    CHECK(session.record()->facts.sha1 == sample_facts().sha1);
    CHECK(session.record()->facts.size == 1'234);
    CHECK(session.record()->facts.content_bytes == 5'000);
    CHECK(session.record()->facts.files == 7);
    auto other = found_facts();
    other.sha1 = std::string(40, 'c');
    other.files = 8;
    REQUIRE(session.amend({jobs::record_verification{uuid, "", other}}));
    CHECK(session.record()->facts.sha1 == sample_facts().sha1);
    CHECK(session.record()->facts.files == 7);
  }

  SECTION("the checksums on record are of the same bytes") {
    auto first = sample_file(1);
    first.facts = found_facts();
    auto stranger = found_facts();
    SECTION("a SHA-256 comes with the SHA-1 that is known") {
      first.facts->sha256.clear();
      stranger.sha1 = std::string(40, 'c');
    }
    SECTION("a SHA-1 with the SHA-256") {
      first.facts->sha1.clear();
      stranger.sha256 = std::string(64, 'c');
    }
    REQUIRE(session.amend({jobs::record_found_backup{first}}));
    REQUIRE(session.amend({jobs::record_verification{uuid, "", stranger}}));
    CHECK(session.record()->facts.sha1 == first.facts->sha1);
    CHECK(session.record()->facts.sha256 == first.facts->sha256);
    REQUIRE(
        session.amend({jobs::record_verification{uuid, "", found_facts()}}));
    CHECK(session.record()->facts.sha1 == sample_facts().sha1);
    CHECK(session.record()->facts.sha256 == sample_facts().sha256);
  }

  SECTION("facts of an archive of another size are none of it") {
    REQUIRE(session.amend({jobs::record_found_backup{sample_file(1)}}));
    auto whole = sample_file(1);
    whole.size = sample_facts().size;
    whole.has_manifest = true;
    whole.facts = sample_facts();
    SECTION("but come with a file that has it") {
      REQUIRE(
          session.amend({jobs::record_verification{uuid, "", sample_facts()}}));
      CHECK(session.record()->facts.sha1.empty());
      CHECK(session.record()->facts.files == 0);
      REQUIRE(session.amend({jobs::record_found_backup{whole}}));
      CHECK(session.record()->facts.size == whole.size);
      CHECK(session.record()->facts.sha256 == sample_facts().sha256);
    }
    SECTION("also when a copy has made the size final") {
      session.run_to_end(
          session.must_ask(session.first, {}),
          {jobs::record_place{uuid, "offsite", "k", "e", 1'234}});
      REQUIRE(session.amend({jobs::record_found_backup{whole}}));
      CHECK(session.record()->facts.size == 1'234);
      CHECK(session.record()->facts.sha256.empty());
    }
  }

  SECTION("a scan sees that a manifest is gone") {
    session.make(session.first);
    REQUIRE(session.amend({jobs::record_found_backup{sample_file(1)}}));
    CHECK_FALSE(session.record()->has_manifest);
    CHECK(session.record()->facts.sha1 == sample_facts().sha1);
  }

  SECTION("what is found again changes nothing but that it is not lost") {
    session.make(session.first);
    REQUIRE(session.amend({jobs::record_lost_backup{uuid}}));
    CHECK(session.record()->lost_at == session.now());
    REQUIRE(session.amend({jobs::record_found_backup{sample_file(1)}}));
    CHECK(session.record()->lost_at == 0);
    CHECK(session.record()->facts.size == 1'000);
    CHECK(session.record()->server == session.first.uuid);
  }

  SECTION("an archive nobody has read to its end is as it was seen last") {
    REQUIRE(session.amend({jobs::record_found_backup{sample_file(1)},
                           jobs::record_verification{uuid, "it ends early"}}));
    auto whole = sample_file(1);
    SECTION("as long as it is the same, so is what is wrong with it") {
      REQUIRE(session.amend({jobs::record_found_backup{whole}}));
      CHECK(session.record()->damage == "it ends early");
      CHECK(session.record()->verified_at == session.now());
    }
    SECTION("with another size or time it is another one") {
      GENERATE(true, false) ? whole.size += 1 : whole.modified_at += 1;
      REQUIRE(session.amend({jobs::record_found_backup{whole}}));
      CHECK(session.record()->facts.size == whole.size);
      CHECK(session.record()->completed_at == whole.modified_at);
      CHECK(session.record()->damage.empty());
      CHECK(session.record()->verified_at == 0);
    }
    SECTION("what was copied elsewhere stays as it was copied") {
      session.run_to_end(
          session.must_ask(session.first, {}),
          {jobs::record_place{uuid, "offsite", "k", "e", whole.size}});
      whole.size += 1;
      REQUIRE(session.amend({jobs::record_found_backup{whole}}));
      CHECK(session.record()->facts.size == sample_file(1).size);
      CHECK_FALSE(session.record()->damage.empty());
    }
  }

  SECTION("a scan does not touch what a job works on") {
    session.must_ask(session.first, {jobs::register_backup{uuid}});
    REQUIRE(session.amend({jobs::record_found_backup{sample_file(1)},
                           jobs::record_lost_backup{uuid},
                           jobs::record_verification{uuid, "x"},
                           jobs::record_manifest{uuid}}));
    CHECK(session.record()->state == jobs::backup_state::creating);
    CHECK(session.record()->lost_at == 0);
    CHECK(session.record()->damage.empty());
    CHECK_FALSE(session.record()->has_manifest);
  }

  SECTION("nobody's backup belongs to whoever asks first") {
    const auto second = session.add_server(sample_server(2));
    REQUIRE(session.amend({jobs::record_found_backup{sample_file(1)}}));
    session.must_ask(session.first,
                     {jobs::claim_backup{uuid, session.first.uuid}});
    CHECK(session.record()->server == session.first.uuid);
    session.must_ask(session.first,
                     {jobs::claim_backup{uuid, session.first.uuid}});
    CHECK(session.refusal(second, {jobs::claim_backup{uuid, second.uuid}}).code
          == jobs::fault_code::backup_not_found);
    CHECK(session
              .refusal(session.first, {jobs::claim_backup{sample_backup(9),
                                                          session.first.uuid}})
              .code
          == jobs::fault_code::backup_not_found);
  }

  SECTION("a verification is on record, good or bad") {
    session.make(session.first);
    REQUIRE(session.amend({jobs::record_verification{uuid, "block 3"}}));
    CHECK(session.record()->damage == "block 3");
    CHECK(session.record()->verified_at == session.now());
    REQUIRE(session.amend({jobs::record_verification{uuid, ""}}));
    CHECK(session.record()->damage.empty());
  }

  SECTION("a ready backup is pinned and let go") {
    session.make(session.first);
    REQUIRE(session.amend({jobs::pin_backup{uuid}}));
    CHECK(session.record()->pinned);
    REQUIRE(session.amend({jobs::pin_backup{uuid, false}}));
    CHECK_FALSE(session.record()->pinned);
    const auto none = session.amend({jobs::pin_backup{sample_backup(9)}});
    REQUIRE_FALSE(none);
    CHECK(none.error().code == jobs::fault_code::backup_not_found);
  }

  SECTION("amendments are all or none") {
    session.make(session.first);
    CHECK_FALSE(session.amend({jobs::record_verification{uuid, "x"},
                               jobs::pin_backup{sample_backup(9)}}));
    CHECK(session.record()->verified_at == 0);
  }

  SECTION("backups and their owners survive a restart") {
    session.make(session.first);
    const auto job = session.must_ask(
        session.first, {jobs::register_backup{sample_backup(2)}});
    session.end();
    ledger_session next{*world};
    const auto reader = world->reader();
    CHECK(reader->find_backup(uuid).value()->facts.size == 1'000);
    CHECK(reader->find_backup(sample_backup(2)).value()->owner_job == job.id);
  }
}

// -- deleting them ------------------------------------------------------------

inline void ledger_deletes_backups(world_maker make_world) {
  const auto world = make_world();
  backup_session session{*world};
  const auto uuid = sample_backup();
  const auto lock = [&](bool exclusive) {
    return std::vector<jobs::lock_request>{
        {"backup:" + uuid.to_string(), exclusive}};
  };

  SECTION("what is not there is deleted") {
    CHECK(session.ask(session.first, {jobs::begin_backup_delete{uuid}}));
    CHECK_FALSE(session.record());
  }
  SECTION("what is being made is not") {
    const auto job =
        session.must_ask(session.first, {jobs::register_backup{uuid}});
    const auto why =
        session.refusal(session.first, {jobs::begin_backup_delete{uuid}});
    CHECK(why.code == jobs::fault_code::backup_in_use);
    CHECK(why.in_the_way == job.id.to_string());
  }
  SECTION("what is being read is not") {
    session.make(session.first);
    const auto job = session.must_ask(session.first, {}, lock(false));
    const auto why =
        session.refusal(session.first, {jobs::begin_backup_delete{uuid}});
    CHECK(why.code == jobs::fault_code::backup_in_use);
    CHECK(why.in_the_way == job.id.to_string());
    session.cancel(job);
    CHECK(session.ask(session.first, {jobs::begin_backup_delete{uuid}}));
  }
  SECTION("what another deletes is not") {
    session.make(session.first);
    const auto job =
        session.must_ask(session.first, {jobs::begin_backup_delete{uuid}});
    const auto why =
        session.refusal(session.first, {jobs::begin_backup_delete{uuid}});
    CHECK(why.code == jobs::fault_code::backup_in_use);
    CHECK(why.in_the_way == job.id.to_string());
  }
  SECTION("what is on its way out is claimed by nobody") {
    session.make(session.first);
    const auto job =
        session.must_ask(session.first, {jobs::begin_backup_delete{uuid}});
    const jobs::claim_backup claim{uuid, session.first.uuid};
    const auto why = session.refusal(session.first, {claim});
    CHECK(why.code == jobs::fault_code::backup_in_use);
    CHECK(why.in_the_way == job.id.to_string());
    session.cancel(job); // it stays after all
    session.must_ask(session.first, {claim});
  }
  SECTION("what is still there when it is given up is as it was") {
    session.make(session.first);
    session.cancel(
        session.must_ask(session.first, {jobs::begin_backup_delete{uuid}}));
    CHECK(session.record()->state == jobs::backup_state::ready);
    CHECK(session.record()->owner_job.empty());
    CHECK(session.record()->facts.size == 1'000);
    session.cancel(session.must_ask(session.first, {}, lock(false))); // read
    const auto job =
        session.must_ask(session.first, {jobs::begin_backup_delete{uuid}});
    CHECK(session.record()->owner_job == job.id);
    session.run_to_end(job, {jobs::forget_backup{uuid}});
    CHECK_FALSE(session.record());
  }
  SECTION("what lies nowhere any more when it is given up is lost") {
    session.make(session.first);
    session.run_to_end(session.must_ask(session.first, {}),
                       {jobs::record_place{uuid, "offsite", "k", "e", 1'000},
                        jobs::set_local{uuid, false, false}});
    const bool is_gone = GENERATE(false, true);
    const auto job =
        session.must_ask(session.first, {jobs::begin_backup_delete{uuid}});
    if (is_gone)
      session.run_to_end(session.must_ask(session.first, {}),
                         {jobs::forget_place{uuid, "offsite"}});
    session.cancel(job);
    CHECK(session.record()->state == jobs::backup_state::ready);
    CHECK(session.record()->lost_at == (is_gone ? session.now() : 0));
    session.run_to_end(
        session.must_ask(session.first, {jobs::begin_backup_delete{uuid}}),
        {jobs::forget_place{uuid, "offsite"}, jobs::forget_backup{uuid}});
    CHECK_FALSE(session.record());
  }
  SECTION("a rotation spares what is pinned") {
    session.make(session.first);
    REQUIRE(session.amend({jobs::pin_backup{uuid}}));
    session.must_ask(session.first, {jobs::begin_backup_delete{uuid, true}});
    CHECK(session.record()->state == jobs::backup_state::ready);
    session.must_ask(session.first, {jobs::begin_backup_delete{uuid}});
    CHECK(session.record()->state == jobs::backup_state::deleting);
  }
}

} // namespace alula::contracts
