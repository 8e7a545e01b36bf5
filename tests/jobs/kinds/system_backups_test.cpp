// The kinds about backups of systems, step by step, on fakes.
#include "jobs/system_leavings.hpp"
#include "jobs/system_objects.hpp"
#include "tests/doubles/fake_system_objects.hpp"
#include "tests/jobs/kinds/world.hpp"

using namespace alula;
using namespace alula::jobs;

namespace {

const std::string the_backup = "0198b3c1-7a52-7c0e-9d44-0f6a1b2c3d4e.gpg";

struct systems_node : world {
  systems_node() { node.systems = &parts; }

  doubles::fake_system_objects objects;
  incoming_bodies bodies;
  system_parts parts{objects, bodies, {}};

  std::string request(std::int64_t size = 5) const {
    return nlohmann::json{{"id", the_backup},
                          {"system", "s1"},
                          {"size", size},
                          {"filename", "a.gpg"},
                          {"mimetype", "application/octet-stream"},
                          {"uploader", "192.0.2.1"},
                          {"count", 10},
                          {"bytes", 1'000},
                          {"most", 0}}
        .dump();
  }
  void send(const std::string& bytes) {
    auto pipe = std::make_shared<body_pipe>();
    pipe->push(bytes);
    pipe->finish();
    bodies.announce(the_backup, std::move(pipe));
  }
  /// A row as the ledger would have it.
  void record(system_backup_state state, const job_id& owner = {}) {
    store->system_backups[the_backup] = {.id = the_backup,
                                         .system = "s1",
                                         .state = state,
                                         .size = 5,
                                         .owner_job = owner};
  }
};

} // namespace

TEST_CASE("an upload is reserved when it is accepted", "[kinds][systems]") {
  systems_node w;
  const auto draft = w.read(receive_system_backup, w.request());
  REQUIRE(draft);
  REQUIRE(draft->changes.size() == 1);
  const auto& begun = std::get<begin_system_upload>(draft->changes.front());
  CHECK(begun.id == the_backup);
  CHECK(begun.size == 5);
  CHECK(begun.uploader == "192.0.2.1");
  CHECK_FALSE(w.read(receive_system_backup, "{}"));
  CHECK_FALSE(w.read(receive_system_backup, R"({"id":"x"})"));
  CHECK_FALSE(w.read(receive_system_backup, "no JSON"));
}

TEST_CASE("an upload is received and published and recorded",
          "[kinds][systems]") {
  systems_node w;
  auto job = w.accept(receive_system_backup, w.request());
  w.send("bytes");
  done(w.run(receive_system_backup, job, "receive"));
  CHECK(w.objects.parts.contains(the_backup));
  CHECK_FALSE(w.objects.published.contains(the_backup));
  CHECK(w.objects.reserved.empty());
  const auto published = w.run(receive_system_backup, job, "publish");
  const auto& stored = only_change<store_system_backup>(published);
  CHECK(stored.size == 5);
  CHECK(stored.sha256.size() == 64);
  CHECK(w.objects.published.at(the_backup) == "bytes");
  const auto told = nlohmann::json::parse(done(published).job_result);
  CHECK(told.at("sha256") == stored.sha256);
  CHECK(told.at("uploaded_at").get<std::string>().starts_with("2025-"));
  done(w.run(receive_system_backup, job, "publish"));
}

TEST_CASE("an upload whose client is gone is final and leaves nothing",
          "[kinds][systems]") {
  systems_node w;
  auto job = w.accept(receive_system_backup, w.request());
  SECTION("after a crash nobody has announced it") {}
  SECTION("it broke in the middle") {
    auto pipe = std::make_shared<body_pipe>();
    pipe->push("by");
    pipe->fail({.code = fault_code::upload_failed, .what = "gone"});
    w.bodies.announce(the_backup, pipe);
  }
  SECTION("it has another length") {
    w.send("byte");
  }
  const auto why = failed(w.run(receive_system_backup, job, "receive"));
  CHECK(why.code == fault_code::upload_failed);
  CHECK(classify(why.code) == error_class::permanent);
  w.objects.parts[the_backup] = "left by a crash";
  done(w.undo(receive_system_backup, job, "receive"));
  done(w.undo(receive_system_backup, job, "receive"));
  CHECK(w.objects.is_empty());
}

TEST_CASE("a disk that is full is final for an upload", "[kinds][systems]") {
  systems_node w;
  auto job = w.accept(receive_system_backup, w.request());
  w.send("bytes");
  w.objects.free = 4;
  const auto why = failed(w.run(receive_system_backup, job, "receive"));
  CHECK(why.code == fault_code::no_room);
}

TEST_CASE("an upload that is cancelled stops and lets its client go",
          "[kinds][systems]") {
  systems_node w;
  auto job = w.accept(receive_system_backup, w.request());
  const auto pipe = std::make_shared<body_pipe>();
  w.bodies.announce(the_backup, pipe);
  w.stop.request_stop();
  const auto why = failed(w.run(receive_system_backup, job, "receive"));
  CHECK(why.code == fault_code::interrupted);
  CHECK(pipe->push("x") == body_pipe::taken::abandoned);
}

TEST_CASE("what is undone of an upload waits for no other body",
          "[kinds][systems]") {
  const auto& step = receive_system_backup.steps.front();
  CHECK(step.pool_of(false) == "upload");
  CHECK(step.pool_of(true) != "upload");
}

TEST_CASE("pruning removes the victims of its own job alone",
          "[kinds][systems]") {
  systems_node w;
  auto job = w.accept(receive_system_backup, w.request());
  w.objects.published[the_backup] = "old";
  w.record(system_backup_state::deleting, make_job_id(w.now));
  CHECK(done(w.run(receive_system_backup, job, "prune")).changes.empty());
  CHECK(w.objects.published.contains(the_backup));
  w.record(system_backup_state::deleting, job.id);
  CHECK(only_change<forget_system_backup>(
            w.run(receive_system_backup, job, "prune"))
            .id
        == the_backup);
  CHECK(w.objects.is_empty());
}

TEST_CASE("a backup of a system is removed before it is forgotten",
          "[kinds][systems]") {
  systems_node w;
  auto job = w.accept(delete_system_backup, R"({"id":")" + the_backup + "\"}");
  w.objects.published[the_backup] = "bytes";
  SECTION("another job has it") {
    w.record(system_backup_state::stored);
    CHECK(done(w.run(delete_system_backup, job, "remove")).changes.empty());
    CHECK(w.objects.published.contains(the_backup));
  }
  SECTION("it is this job's") {
    w.record(system_backup_state::deleting, job.id);
    CHECK(only_change<forget_system_backup>(
              w.run(delete_system_backup, job, "remove"))
              .id
          == the_backup);
    CHECK(w.objects.is_empty());
    // Again, after a crash before the commit.
    done(w.run(delete_system_backup, job, "remove"));
  }
  SECTION("the disk fails") {
    w.record(system_backup_state::deleting, job.id);
    w.objects.before = [](std::string_view) -> status {
      return fault{.code = fault_code::io_error, .what = "EIO"};
    };
    failed(w.run(delete_system_backup, job, "remove"));
  }
}

TEST_CASE("a removal is accepted for the organisation that its input names",
          "[kinds][systems]") {
  systems_node w;
  const auto named = w.read(delete_system_backup,
                            R"({"id":")" + the_backup
                                + R"(","system":"s1","organization":"acme"})");
  REQUIRE(named);
  const auto& removed =
      std::get<begin_system_backup_delete>(named->changes.at(0));
  CHECK(removed.id == the_backup);
  CHECK(removed.organization == "acme");
  const auto whole =
      w.read(destroy_system, R"({"system":"s1","organization":"acme"})");
  REQUIRE(whole);
  const auto& destroyed = std::get<begin_system_destroy>(whole->changes.at(0));
  CHECK(destroyed.system == "s1");
  CHECK(destroyed.organization == "acme");
  // A retry of a job of an older release names none.
  const auto old = w.read(destroy_system, R"({"system":"s1"})");
  REQUIRE(old);
  CHECK(
      std::get<begin_system_destroy>(old->changes.at(0)).organization.empty());
}

TEST_CASE("a system is forgotten when nothing of it is left",
          "[kinds][systems]") {
  systems_node w;
  auto job = w.accept(destroy_system, R"({"system":"s1"})");
  w.objects.published[the_backup] = "bytes";
  SECTION("while a backup is still being made it waits") {
    w.record(system_backup_state::uploading, make_job_id(w.now));
    CHECK(std::holds_alternative<step_waits>(
        w.run(destroy_system, job, "purge")));
    CHECK(w.objects.published.contains(the_backup));
  }
  SECTION("then it goes") {
    w.record(system_backup_state::deleting, job.id);
    const auto outcome = w.run(destroy_system, job, "purge");
    CHECK(done(outcome).changes.size() == 2);
    CHECK(w.objects.is_empty());
  }
}

TEST_CASE("what an upload left that was given up is removed and forgotten",
          "[kinds][systems]") {
  systems_node w;
  const auto abandoned = make_job_id(w.now);
  w.record(system_backup_state::uploading, abandoned);
  w.objects.parts[the_backup] = "half";
  w.objects.published[the_backup] = "whole";
  w.objects.reserved[abandoned] = 5;
  auto job = w.accept(sweep_system_backups);
  SECTION("its job is over") {
    const auto outcome = w.run(sweep_system_backups, job, "sweep");
    const auto& gone = only_change<forget_system_upload>(outcome);
    CHECK(gone.id == the_backup);
    CHECK(gone.by == abandoned);
    CHECK(w.objects.is_empty());
    CHECK(w.objects.reserved.empty());
  }
  SECTION("its job lives") {
    job_record live;
    live.id = abandoned;
    live.state = job_state::running;
    w.store->jobs[1] = live;
    w.store->row_of[abandoned] = 1;
    CHECK(done(w.run(sweep_system_backups, job, "sweep")).changes.empty());
    CHECK(w.objects.parts.contains(the_backup));
    CHECK(w.objects.published.contains(the_backup));
  }
  SECTION("the disk fails") {
    w.objects.before = [](std::string_view) -> status {
      return fault{.code = fault_code::io_error, .what = "EIO"};
    };
    failed(w.run(sweep_system_backups, job, "sweep"));
  }
}

TEST_CASE("a part of nobody's is removed and a whole backup never",
          "[kinds][systems]") {
  systems_node w;
  const std::string another = "0198b3c1-7a52-7c0e-9d44-0f6a1b2c3d4f.gpg";
  w.record(system_backup_state::stored);
  w.objects.published[the_backup] = "stored";
  w.objects.published[another] = "of an older ledger";
  w.objects.parts[another] = "half";
  auto job = w.accept(sweep_system_backups);
  const auto outcome = w.run(sweep_system_backups, job, "sweep");
  const auto told = nlohmann::json::parse(done(outcome).job_result);
  CHECK(told.at("parts") == 1);
  CHECK(told.at("unknown") == 1);
  CHECK(w.objects.parts.empty());
  CHECK(w.objects.published.size() == 2);
}

TEST_CASE("a node without systems has nothing to sweep", "[kinds][systems]") {
  world w;
  auto job = w.accept(sweep_system_backups);
  CHECK(done(w.run(sweep_system_backups, job, "sweep")).changes.empty());
}

TEST_CASE("what there is to sweep is seen, and nothing touched",
          "[kinds][systems]") {
  systems_node w;
  const auto has_leavings = [&] {
    return has_system_leavings(w.records, w.objects);
  };
  w.objects.published[the_backup] = "whole";
  SECTION("a backup that nobody knows") {
    CHECK(has_leavings());
  }
  SECTION("nothing: it is stored") {
    w.record(system_backup_state::stored);
    CHECK_FALSE(has_leavings());
  }
  SECTION("an upload whose job is over") {
    w.record(system_backup_state::uploading, make_job_id(w.now));
    CHECK(has_leavings());
  }
  SECTION("a part of nobody's") {
    w.record(system_backup_state::stored);
    w.objects.parts["0198b3c1-7a52-7c0e-9d44-0f6a1b2c3d4f.gpg"] = "half";
    CHECK(has_leavings());
    CHECK(w.objects.parts.size() == 1);
  }
  SECTION("what cannot be seen may be there") {
    w.record(system_backup_state::stored);
    w.objects.before = [](std::string_view) -> status {
      return fault{.code = fault_code::io_error, .what = "EIO"};
    };
    CHECK(has_leavings());
  }
  CHECK(w.objects.published.contains(the_backup));
}
