/// What every ledger promises about restores, tokens, schedules, and about
/// listing backups.
#pragma once

#include "tests/contracts/backup_session.hpp"

namespace alula::contracts {

// -- restores -----------------------------------------------------------------

inline void ledger_keeps_restores(world_maker make_world) {
  const auto world = make_world();
  backup_session session{*world};
  const auto state = [&] { return session.server(session.first.uuid).state; };

  SECTION("a server is restoring while its job lives") {
    const auto job = session.must_ask(session.first, {jobs::begin_restore{}});
    CHECK(state() == jobs::server_state::restoring);
    const auto why = session.refusal(session.first, {jobs::begin_restore{}});
    CHECK(why.code == jobs::fault_code::server_locked);
    CHECK(why.in_the_way == job.id.to_string());
    SECTION("until it says so") {
      session.run_to_end(job, {jobs::end_restore{}});
    }
    SECTION("or fails") {
      session.fail(job);
    }
    SECTION("or is cancelled before it began") {
      session.cancel(job);
    }
    CHECK(state() == jobs::server_state::active);
    CHECK(session.ask(session.first, {jobs::begin_restore{}}));
  }

  SECTION("a delete takes a restoring server over") {
    const auto job = session.must_ask(session.first, {jobs::begin_restore{}});
    session.must_ask(session.first, {jobs::begin_delete{}});
    CHECK(state() == jobs::server_state::deleting);
    session.run_to_end(job, {jobs::end_restore{}});
    CHECK(state() == jobs::server_state::deleting);
  }

  SECTION("a replaced tree is held until its time is over") {
    const auto job = session.restore(session.first, session.now() + 1'000);
    const auto tree = session.tree(job);
    REQUIRE(tree);
    CHECK(tree->name == job.id.to_string());
    CHECK(tree->server == session.first.uuid);
    CHECK(tree->server_row == session.first.row);
    CHECK_FALSE(tree->merged);
    CHECK_FALSE(tree->claimed);
    CHECK(tree->replaced_at == session.now());
    const auto due = [&](jobs::time_ms now) {
      return session.reader().list_due_replaced(now, 10).value().size();
    };
    CHECK(due(session.now() + 999) == 0);
    CHECK(due(session.now() + 1'000) == 1);
    session.must_ask(session.first, {jobs::claim_replaced{job.id}});
    CHECK(due(session.now() + 1'000) == 0);
  }

  SECTION("the record of a restore stays as long as it can be taken back") {
    const auto job = session.restore(session.first, session.now() + 1'000);
    const auto refused = session.forget(job.id);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == jobs::fault_code::job_needed);
    CHECK(session.reader().find_job(job.id).value());
    session.run_to_end(
        session.must_ask(session.first, {jobs::claim_replaced{job.id}}),
        {jobs::forget_replaced{job.id}});
    CHECK(session.forget(job.id));
    CHECK_FALSE(session.reader().find_job(job.id).value());
  }

  SECTION("a tree that was kept twice was kept once") {
    const auto job =
        session.start(session.must_ask(session.first, {jobs::begin_restore{}}));
    const jobs::keep_replaced kept{job.id.to_string(), true, 7};
    session.must_happen(job, jobs::happened::step_done{}, {kept, kept});
    CHECK(session.tree(job)->merged);
  }

  SECTION("a tree has one claimant, who lets it go with his end") {
    const auto job = session.restore(session.first, session.now());
    const auto first =
        session.must_ask(session.first, {jobs::claim_replaced{job.id}});
    CHECK(session.tree(job)->claimed);
    const auto why =
        session.refusal(session.first, {jobs::claim_replaced{job.id}});
    CHECK(why.code == jobs::fault_code::server_locked);
    CHECK(why.in_the_way == first.id.to_string());
    SECTION("and it is gone when he says so") {
      session.run_to_end(first, {jobs::forget_replaced{job.id}});
      CHECK_FALSE(session.tree(job));
      CHECK(session.refusal(session.first, {jobs::claim_replaced{job.id}}).code
            == jobs::fault_code::not_undoable);
    }
    SECTION("by a word") {
      session.run_to_end(first, {jobs::release_replaced{job.id}});
      CHECK_FALSE(session.tree(job)->claimed);
    }
    SECTION("or by an end of any kind") {
      session.cancel(first);
      CHECK_FALSE(session.tree(job)->claimed);
      CHECK(session.ask(session.first, {jobs::claim_replaced{job.id}}));
    }
    SECTION("which nobody else can say for him") {
      session.run_to_end(
          session.must_ask(session.first, {}),
          {jobs::release_replaced{job.id}, jobs::forget_replaced{job.id}});
      CHECK(session.tree(job)->claimed);
    }
  }

  SECTION("a tree is of one server, and for the node to remove") {
    const auto job = session.restore(session.first, session.now());
    const auto second = session.add_server(sample_server(2));
    CHECK(session.refusal(second, {jobs::claim_replaced{job.id}}).code
          == jobs::fault_code::not_undoable);
    CHECK(session.ask({}, {jobs::claim_replaced{job.id}}));
  }

  SECTION("a server has one tree to go back to") {
    const auto first = session.restore(session.first, session.now() + 1'000);
    const auto second = session.add_server(sample_server(2));
    const auto other = session.restore(second, session.now() + 1'000);
    const auto last = session.restore(session.first, session.now() + 1'000);
    CHECK(session.tree(first)->keep_until <= session.now());
    CHECK(session.tree(last)->keep_until > session.now());
    CHECK(session.tree(other)->keep_until > session.now());
    // Its tree lies there until it is removed; nobody goes back past the last.
    CHECK(session.refusal(session.first, {jobs::claim_replaced{first.id}}).code
          == jobs::fault_code::not_undoable);
    CHECK(session.ask(session.first, {jobs::claim_replaced{last.id}}));
  }

  SECTION("what was spoilt is due, and nobody takes it back") {
    const auto job = session.restore(session.first, session.now() + 1'000);
    session.run_to_end(session.must_ask({}, {jobs::claim_replaced{job.id}}),
                       {jobs::release_replaced{job.id, true}});
    const auto tree = session.tree(job);
    REQUIRE(tree);
    CHECK_FALSE(tree->claimed);
    CHECK(session.reader().list_due_replaced(session.now(), 10).value().size()
          == 1);
    CHECK(session.refusal(session.first, {jobs::claim_replaced{job.id}}).code
          == jobs::fault_code::not_undoable);
    CHECK(session.ask(session.first, {jobs::claim_replaced{job.id, true}}));
  }

  SECTION("what a restore that was given up has left is kept in its name") {
    const auto earlier = session.restore(session.first, session.now() + 1'000);
    const auto left = session.must_ask(session.first, {jobs::begin_restore{}});
    session.fail(left);
    const auto settling = session.start(session.must_ask(session.first, {}));
    const jobs::keep_replaced kept{left.id.to_string(), true,
                                   session.now() + 2'000, left.id};
    session.must_happen(settling, jobs::happened::step_done{}, {kept, kept});
    CHECK_FALSE(session.tree(settling));
    const auto tree = session.tree(left);
    REQUIRE(tree);
    CHECK(tree->name == left.id.to_string());
    CHECK(tree->server_row == session.first.row);
    CHECK(tree->keep_until == session.now() + 2'000);
    CHECK(session.tree(earlier)->keep_until > session.now());
  }

  SECTION("who needs the room takes anybody's tree") {
    const auto job = session.restore(session.first, session.now());
    const auto second = session.add_server(sample_server(2));
    const auto taker = session.must_ask(
        second,
        {jobs::claim_replaced{job.id, true},
         jobs::claim_replaced{
             *jobs::job_id::parse("0199c1de-0000-7000-8000-00000000000f"),
             true}});
    CHECK(session.tree(job)->claimed);
    CHECK(session.refusal(second, {jobs::claim_replaced{job.id, true}}).code
          == jobs::fault_code::server_locked);
    session.run_to_end(taker, {jobs::forget_replaced{job.id}});
    CHECK_FALSE(session.tree(job));
  }

  SECTION("a deleted server's trees are due at once") {
    const auto job = session.restore(session.first, session.now() + 1'000'000);
    session.run_to_end(session.must_ask(session.first, {jobs::begin_delete{}}),
                       {jobs::forget_server{}});
    CHECK(session.tree(job)->keep_until == session.now());
  }
}

// -- tokens and schedules -----------------------------------------------------

inline void ledger_keeps_tokens_and_schedules(world_maker make_world) {
  const auto world = make_world();
  const auto now = [&] { return world->clock.now(); };

  SECTION("a token is used up once, also after a restart") {
    {
      backup_session session{*world};
      CHECK(session.burn("one", now() + 1'000));
      CHECK_FALSE(session.burn("one", now() + 1'000));
      CHECK(session.burn("two", now() + 1'000));
      session.end();
    }
    ledger_session next{*world};
    std::promise<bool> again;
    next.ledger().burn_token("one", now() + 1'000, [&](jobs::result<bool> b) {
      again.set_value(b.value());
    });
    auto answer = again.get_future();
    REQUIRE(answer.wait_for(std::chrono::seconds{120})
            == std::future_status::ready);
    CHECK_FALSE(answer.get());
  }

  SECTION("a schedule keeps the last that was said, also after a restart") {
    backup_session session{*world};
    REQUIRE(session.amend({jobs::set_schedule{"b", 7}}));
    REQUIRE(session.amend(
        {jobs::set_schedule{"a", 5}, jobs::set_schedule{"b", 9}}));
    session.end();
    const auto all = world->reader()->list_schedules().value();
    REQUIRE(all.size() == 2);
    CHECK((all[0].name == "a" && all[0].next_at == 5));
    CHECK((all[1].name == "b" && all[1].next_at == 9));
  }
}

// -- listing ------------------------------------------------------------------

inline void ledger_lists_backups(world_maker make_world) {
  const auto world = make_world();
  backup_session session{*world};
  const auto second = session.add_server(sample_server(2));
  session.make(session.first, 1);
  session.make(second, 2);
  session.make(session.first, 3);
  REQUIRE(session.amend({jobs::record_found_backup{sample_file(4)}}));
  session.must_ask(session.first, {jobs::register_backup{sample_backup(5)}});
  const auto list = [&](const jobs::backup_filter& filter,
                        std::int64_t before = 0, std::size_t limit = 50) {
    return session.reader().list_backups(filter, before, limit).value();
  };
  const auto numbers = [&](const jobs::backup_filter& filter) {
    std::vector<jobs::backup_id> ids;
    for (const auto& b : list(filter).items)
      ids.push_back(b.uuid);
    return ids;
  };
  const auto are = [](std::initializer_list<int> wanted) {
    std::vector<jobs::backup_id> ids;
    for (const int n : wanted)
      ids.push_back(sample_backup(n));
    return ids;
  };

  SECTION("newest first, by server and state") {
    CHECK(numbers({}) == are({5, 4, 3, 2, 1}));
    CHECK(numbers({.server = session.first.uuid}) == are({5, 3, 1}));
    CHECK(numbers({.server = session.first.uuid,
                   .state = jobs::backup_state::ready})
          == are({3, 1}));
    CHECK(numbers({.state = jobs::backup_state::creating}) == are({5}));
  }
  SECTION("those of no server, and of servers that are gone, are orphans") {
    CHECK(numbers({.orphaned = true}) == are({4}));
    session.run_to_end(session.must_ask(second, {jobs::begin_delete{}}),
                       {jobs::forget_server{}});
    CHECK(numbers({.orphaned = true}) == are({4, 2}));
    CHECK(numbers({.server = second.uuid, .orphaned = true}) == are({2}));
    CHECK(numbers({.server = session.first.uuid, .orphaned = true}).empty());
    // Until the uuid lives again.
    session.add_server(sample_server(2));
    CHECK(numbers({.orphaned = true}) == are({4}));
  }
  SECTION("pages follow each other without gap or repetition") {
    std::vector<jobs::backup_id> seen;
    std::int64_t before = 0;
    do {
      const auto page = list({}, before, 2);
      CHECK(page.items.size() <= 2);
      for (const auto& b : page.items)
        seen.push_back(b.uuid);
      before = page.next_before;
    } while (before != 0);
    CHECK(seen == are({5, 4, 3, 2, 1}));
    CHECK(list({}, 0, 5).next_before == 0);
  }
}

} // namespace alula::contracts
