// What is kept of what an installer says, and what is not allowed to be lost.
#include "jobs/kinds/installer_console.hpp"
#include "jobs/retry.hpp"
#include "tests/jobs/kinds/install_world.hpp"

#include <algorithm>
#include <chrono>
#include <mutex>
#include <thread>

using namespace alula::jobs;

TEST_CASE("the log of an install is kept with what was run", "[install]") {
  install_world w;
  auto job = w.accept_until("run");
  done(w.run_while(job, [&] {
    w.life.streams.say(w.installer(), "unpacking");
    w.end_installer(0);
  }));
  const auto text = w.life.installs.logs[w.id];
  CHECK(text.find("debian:12") != std::string::npos);
  CHECK(text.find("unpacking\n") != std::string::npos);
}

TEST_CASE("a log that cannot be kept is a failed try and the next one keeps it",
          "[install]") {
  install_world w;
  auto job = w.accept_until("run");
  w.life.installs.fail_next("put_log", bad_disk());
  const auto outcome = w.run_while(job, [&] {
    w.life.streams.say(w.installer(), "unpacking");
    w.end_installer(0);
  });
  CHECK(classify(failed(outcome).code) == error_class::transient);
  CHECK(failed(outcome).what
        == "the log of the installation could not be kept: "
           "rename failed: Input/output error");
  done(w.run(server_install, job, "run"));
  CHECK(w.life.installs.logs[w.id].find("unpacking\n") != std::string::npos);
}

TEST_CASE("an install goes on without its log in the end and says so",
          "[install]") {
  install_world w;
  auto job = w.accept_until("run");
  last_try(job, "run");
  w.life.installs.fail_next("put_log", bad_disk());
  done(w.run_while(job, [&] { w.end_installer(0); }));
  const auto finished = w.run(server_install, job, "finish");
  CHECK(done(finished).job_result
        == R"({"log_lost":"rename failed: Input/output error","ran":true})");
}

TEST_CASE("an install that has failed says that its log is lost as well",
          "[install]") {
  install_world w;
  auto job = w.accept_until("run");
  last_try(job, "run");
  w.life.installs.fail_next("put_log", bad_disk());
  const auto outcome = w.run_while(job, [&] { w.end_installer(7); });
  CHECK(failed(outcome).code == fault_code::install_failed);
  CHECK(failed(outcome).what
        == "the install script ended with exit code 7; its log could not be "
           "kept: rename failed: Input/output error");
}

TEST_CASE("a full disk of logs does not hold an install up for ever",
          "[install]") {
  install_world w;
  auto job = w.accept_until("run");
  w.life.installs.fail_next(
      "put_log",
      fault{.code = fault_code::insufficient_storage, .what = "no space"});
  const auto outcome = w.run_while(job, [&] { w.end_installer(0); });
  CHECK(classify(failed(outcome).code) == error_class::transient);
}

TEST_CASE("what Docker could not tell of an installer is asked again",
          "[install]") {
  install_world w;
  auto job = w.accept_until("run");
  w.life.streams.say(w.installer(), "half way");
  w.docker.exit(w.installer(), 0);
  w.life.streams.fail_next(
      "log_tail", fault{.code = fault_code::timed_out, .what = "no answer"});
  CHECK(failed(w.run(server_install, job, "run")).what.find("no answer")
        != std::string::npos);
  CHECK(w.life.installs.logs.empty());
  done(w.run(server_install, job, "run"));
  CHECK(w.life.installs.logs[w.id].find("half way\n") != std::string::npos);
}

TEST_CASE("a log that Docker never has says why", "[install]") {
  install_world w;
  auto job = w.accept_until("run");
  w.docker.exit(w.installer(), 0);
  w.life.streams.fail_next("log_tail",
                           fault{.code = fault_code::docker_refused,
                                 .what = "the log driver cannot be read"});
  done(w.run(server_install, job, "run"));
  CHECK(w.life.installs.logs[w.id].find("the log driver cannot be read")
        != std::string::npos);
}

TEST_CASE("an installer whose console ends is looked at, not listened to anew",
          "[install]") {
  install_world w;
  auto job = w.accept_until("run");
  done(w.run_while(job, [&] {
    w.life.streams.say(w.installer(), "unpacking");
    w.end_installer(0);
  }));
  CHECK(std::ranges::count(w.life.streams.calls(), "attach " + w.installer())
        == 1);
  CHECK(w.life.installs.logs[w.id].find("unpacking\n") != std::string::npos);
}

TEST_CASE("what a console that broke off has missed is asked of Docker",
          "[install]") {
  install_world w;
  auto job = w.accept_until("run");
  (void)w.run_while(job, [&] {
    w.life.streams.say(w.installer(), "looking for it");
    {
      const std::lock_guard guard{w.life.streams.mutex};
      w.life.streams.logs[w.installer()].emplace_back(
          "there is no such version");
    }
    w.end_installer(1);
  });
  CHECK(w.life.installs.logs[w.id].find(
            "looking for it\nthere is no such version\n")
        != std::string::npos);
}

TEST_CASE("a console that broke off is listened to anew", "[install]") {
  install_world w;
  auto job = w.accept_until("run");
  done(w.run_while(job, [&] {
    w.life.streams.say(w.installer(), "one");
    w.life.streams.end(w.installer());
    while (!w.life.streams.is_attached(w.installer()))
      std::this_thread::yield();
    w.life.streams.say(w.installer(), "three");
    w.end_installer(0);
  }));
  CHECK(announced(w, "install output three"));
  // Docker has what nobody may have heard.
  CHECK(w.life.installs.logs[w.id].find("one\nthree\n") != std::string::npos);
}

TEST_CASE("a console that is listened to anew has not ended", "[install]") {
  fake_audience clients;
  const auto someone =
      *server_id::parse("3f1d3a0e-7a55-4c3c-9d4f-0a4f5c1f2b11");
  installer_console console{clients, someone};
  const std::chrono::milliseconds at_once{0};
  console.ended();
  CHECK(console.wait({}, at_once));
  console.listen_anew();
  CHECK_FALSE(console.wait({}, at_once));
}

TEST_CASE("what an install made is taken back, its log is kept", "[install]") {
  install_world w;
  auto job = w.accept_until("run");
  REQUIRE(w.docker.start(w.installer()));
  w.life.streams.say(w.installer(), "half way");
  job.error = fault{.code = fault_code::install_failed, .what = "exit code 7"};
  done(w.undo(server_install, job, "container"));
  done(w.undo(server_install, job, "script"));
  done(w.undo(server_install, job, "begin"));
  CHECK_FALSE(w.docker.has(w.installer()));
  CHECK(w.life.installs.scripts.empty());
  CHECK(w.life.installs.logs[w.id].find("half way") != std::string::npos);
  CHECK(w.life.installs.logs[w.id].find("exit code 7") != std::string::npos);
  CHECK(announced(w, "install completed "));
  done(w.undo(server_install, job, "container"));
}

TEST_CASE("an installer that runs goes after its log is kept", "[install]") {
  install_world w;
  auto job = w.accept_until("run");
  REQUIRE(w.docker.start(w.installer()));
  w.life.streams.say(w.installer(), "half way");
  w.life.installs.fail_next("put_log", bad_disk());
  CHECK(classify(failed(w.undo(server_install, job, "container")).code)
        == error_class::transient);
  CHECK(w.docker.has(w.installer()));
  done(w.undo(server_install, job, "container"));
  CHECK_FALSE(w.docker.has(w.installer()));
  CHECK(w.life.installs.logs[w.id].find("half way") != std::string::npos);
}

TEST_CASE("an installer goes in the end though its log cannot be kept",
          "[install]") {
  install_world w;
  auto job = w.accept_until("run");
  REQUIRE(w.docker.start(w.installer()));
  last_try(job, "container");
  w.life.installs.fail_next("put_log", bad_disk());
  done(w.undo(server_install, job, "container"));
  CHECK_FALSE(w.docker.has(w.installer()));
}
