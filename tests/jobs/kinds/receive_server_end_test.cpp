// A server that comes from another node, when something ends it, on fakes.
#include "jobs/retry.hpp"
#include "tests/jobs/kinds/receiving_world.hpp"

using namespace alula;
using namespace alula::jobs;

TEST_CASE("after a crash no step before the end goes on",
          "[kinds][transfers]") {
  // The process that held the request is gone; the ledger has the step.
  const auto step = GENERATE(as<std::string>{}, "receive", "unpack", "publish",
                             "container", "activate");
  const bool has_run = GENERATE(false, true);
  INFO(step << (has_run ? ", whose effect is there" : ""));
  receiving_world w;
  auto job = w.begin();
  w.send(w.good_body());
  w.run_up_to(job, step);
  if (has_run) // and its commit is not
    done(w.run(job, step));
  w.incoming.forget(the_request);
  const auto why = failed(w.run(job, step));
  CHECK(why.code == fault_code::upload_failed);
  CHECK(classify(why.code) == error_class::permanent);
  w.undo_all(job);
  CHECK(w.is_clean());
}

TEST_CASE("past its pivot a transfer is finished without its sender",
          "[kinds][transfers]") {
  receiving_world w;
  auto job = w.begin();
  w.send(w.good_body());
  w.run_up_to(job, "clean_up");
  w.incoming.forget(the_request);
  done(w.run(job, "clean_up"));
  done(w.run(job, "clean_up"));
  done(w.run(job, "announce"));
  CHECK(w.disk.live.contains(w.id));
  job.state = job_state::failed; // given up by an operator
  CHECK(changes_at_end(receive_server, job).empty());
}

TEST_CASE("a sender that hangs up ends its transfer", "[kinds][transfers]") {
  receiving_world w;
  auto job = w.begin();
  SECTION("in the middle of the body") {
    w.pipe->push(part("archive", "some").substr(0, 60));
    w.pipe->fail({.code = fault_code::upload_failed, .what = "gone"});
    w.announce();
    w.run_up_to(job, "receive");
    CHECK(failed(w.run(job, "receive")).code == fault_code::upload_failed);
  }
  SECTION("behind it") {
    w.send(w.good_body());
    w.run_up_to(job, "unpack");
    w.pipe->hang_up();
    CHECK(failed(w.run(job, "unpack")).code == fault_code::upload_failed);
  }
  SECTION("while it is unpacked") {
    w.send(w.good_body());
    w.run_up_to(job, "unpack");
    w.backups.before_tell = [&] { w.pipe->hang_up(); };
    CHECK(failed(w.run(job, "unpack")).code == fault_code::upload_failed);
  }
  SECTION("when everything is there") {
    w.send(w.good_body());
    w.run_up_to(job, "activate");
    w.pipe->hang_up();
    CHECK(failed(w.run(job, "activate")).code == fault_code::upload_failed);
  }
  w.undo_all(job);
  CHECK(w.is_clean());
}

TEST_CASE("a transfer that is cancelled stops", "[kinds][transfers]") {
  receiving_world w;
  auto job = w.begin();
  w.announce();
  w.run_up_to(job, "receive");
  w.stop.request_stop();
  CHECK(failed(w.run(job, "receive")).code == fault_code::interrupted);
  w.undo_all(job);
  CHECK(w.is_clean());
}

TEST_CASE("a request is taken once and waits until it is answered",
          "[transfers]") {
  incoming_transfers all;
  const auto pipe = std::make_shared<body_pipe>();
  CHECK_FALSE(all.take("a"));
  CHECK_FALSE(all.is_waiting("a"));
  all.announce("a", {.body = pipe, .boundary = "b", .length = 3});
  CHECK(all.is_waiting("a"));
  CHECK(all.take("a")->boundary == "b");
  CHECK_FALSE(all.take("a"));
  CHECK(all.is_waiting("a"));
  pipe->hang_up();
  CHECK_FALSE(all.is_waiting("a"));
  all.forget("a");
  CHECK_FALSE(all.is_waiting("a"));
}
