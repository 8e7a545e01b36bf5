#include "jobs/kinds/installer_console.hpp"
#include "jobs/retry.hpp"
#include "tests/jobs/kinds/life_world.hpp"

#include <algorithm>
#include <future>
#include <thread>

using namespace alula::jobs;

namespace {

struct install_world : life_world {
  install_world() {
    panel.configured = true;
    life.factory.images.insert("debian:12");
  }

  std::string installer() const { return installer_name(id); }

  /// Up to, but without, the step.
  job_record accept_until(std::string_view step) {
    auto job = accept(server_install);
    for (std::size_t i = 0; server_install.steps[i].name != step; ++i) {
      const auto outcome =
          run(server_install, job, server_install.steps[i].name);
      done(outcome);
      job.steps[i].state = step_state::done;
    }
    return job;
  }

  /// The whole of `run`, while the installer does as it is told.
  template<class Script>
  step_outcome run_while(job_record& job, Script does) {
    auto outcome = std::async(std::launch::async,
                              [&] { return run(server_install, job, "run"); });
    while (!called(docker.calls(), "start " + installer()))
      std::this_thread::yield();
    does();
    return outcome.get();
  }

  void end_installer(int code, bool oom = false) {
    docker.exit(installer(), code, oom);
    life.streams.end(installer());
  }
};

bool announced(install_world& w, const std::string& what) {
  return w.called(w.clients.calls(), "announce " + w.uuid() + ' ' + what);
}

fault bad_disk() {
  return {.code = fault_code::io_error,
          .what = "rename failed: Input/output error"};
}

/// After it no other try of the step is made.
void last_try(job_record& job, std::string_view name) {
  for (auto& step : job.steps)
    if (step.name == name)
      step.attempt = job.max_attempts - 1;
}

} // namespace

TEST_CASE("an install is known from its accept on", "[install]") {
  life_world w;
  const auto draft = w.read(server_install);
  REQUIRE(draft);
  REQUIRE(draft->changes.size() == 1);
  CHECK(std::holds_alternative<begin_install>(draft->changes[0]));
  CHECK(draft->dedup_key == "server.install:12");
  CHECK_FALSE(w.read(server_install, {}, false));
}

TEST_CASE("an image of an installer is got by workers of its own",
          "[install]") {
  for (const auto* kind : {&server_install, &server_reinstall})
    for (const auto& step : kind->steps) {
      CHECK((step.pool == "pull") == (step.name == "image"));
      CHECK(step.pool_of(true) != "pull");
    }
}

TEST_CASE("an install wants the server up when it is asked to", "[install]") {
  life_world w;
  const auto draft = w.read(server_install, R"({"start_on_completion":true})");
  REQUIRE(draft);
  REQUIRE(draft->changes.size() == 2);
  CHECK(std::get<want_power>(draft->changes[1]).up);
  CHECK_FALSE(w.read(server_install, R"({"start_on_completion":1})"));
}

TEST_CASE("an install runs the script and reports that it went well",
          "[install]") {
  install_world w;
  auto job = w.accept_until("run");
  CHECK(w.life.installs.scripts[w.id] == "echo hi\n");
  CHECK(w.life.factory.spec_of(w.installer())->command.front() == "bash");
  CHECK(announced(w, "install started "));
  done(w.run_while(job, [&] {
    w.life.streams.say(w.installer(), "unpacking");
    w.end_installer(0);
  }));
  CHECK(announced(w, "install output unpacking"));
  done(w.run(server_install, job, "clean"));
  CHECK_FALSE(w.docker.has(w.installer()));
  CHECK(w.life.installs.scripts.empty());
  done(w.run(server_install, job, "own_files"));
  const auto finished = w.run(server_install, job, "finish");
  REQUIRE(done(finished).changes.size() == 2);
  CHECK(std::get<end_install>(done(finished).changes[0]).successful);
  CHECK(std::get<tell_panel>(done(finished).changes[1]).body
        == R"({"successful":true,"reinstall":false})");
  done(w.run(server_install, job, "announce"));
  CHECK(announced(w, "install completed "));
}

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

TEST_CASE("an exit code that is not 0 is a failure", "[install]") {
  install_world w;
  auto job = w.accept_until("run");
  const auto outcome = w.run_while(job, [&] { w.end_installer(7); });
  CHECK(failed(outcome).code == fault_code::install_failed);
  CHECK(failed(outcome).what.find("exit code 7") != std::string::npos);
}

TEST_CASE("an installer that uses too much memory has failed", "[install]") {
  install_world w;
  auto job = w.accept_until("run");
  CHECK(failed(w.run_while(job, [&] { w.end_installer(0, true); })).code
        == fault_code::install_failed);
}

TEST_CASE("an installer that ran on while alula was away is listened to again",
          "[install]") {
  install_world w;
  auto job = w.accept_until("run");
  REQUIRE(w.docker.start(w.installer()));
  w.stop.request_stop();
  CHECK(failed(w.run(server_install, job, "run")).code
        == fault_code::interrupted);
  CHECK(w.docker.inspect(w.installer()).value()->running);
  CHECK(w.life.streams.is_attached(w.installer()));
}

TEST_CASE("an installer that has ended meanwhile is judged by its exit code",
          "[install]") {
  install_world w;
  auto job = w.accept_until("run");
  w.docker.exit(w.installer(), 0);
  done(w.run(server_install, job, "run"));
  w.docker.exit(w.installer(), 3);
  CHECK(failed(w.run(server_install, job, "run")).code
        == fault_code::install_failed);
}

TEST_CASE("an installer has a limit on the clock, over restarts too",
          "[install]") {
  install_world w;
  auto job = w.accept_until("run");
  w.life.settings.install_deadline = std::chrono::minutes{10};
  for (auto& step : job.steps)
    if (step.name == "run")
      step.started_at = w.now - 600'000;
  const auto late = w.run(server_install, job, "run");
  CHECK(failed(late).code == fault_code::install_failed);
  CHECK(failed(late).what.find("longer than 600 s") != std::string::npos);
}

TEST_CASE("an installer that says nothing is given up", "[install]") {
  install_world w;
  auto job = w.accept_until("run");
  w.life.settings.install_silence = std::chrono::milliseconds{0};
  CHECK(failed(w.run(server_install, job, "run")).what.find("said nothing")
        != std::string::npos);
}

TEST_CASE("a left-over installer is removed before a new one is made",
          "[install]") {
  install_world w;
  w.docker.put("left", w.installer(), true);
  (void)w.accept_until("run");
  CHECK_FALSE(w.docker.has("left"));
  CHECK(w.docker.has(w.installer()));
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

TEST_CASE("what a failed script has left becomes the server's", "[install]") {
  install_world w;
  auto job = w.accept_until("run");
  const auto owned = "take_ownership " + w.uuid();
  SECTION("but nothing is looked at where none has run") {
    done(w.undo(server_install, job, "image"));
    CHECK_FALSE(w.called(w.disk.calls(), owned));
  }
  SECTION("also where a start does not look after owners") {
    w.life.settings.check_permissions_on_boot = false;
    for (auto& step : job.steps)
      if (step.name == "run")
        step.started_at = w.now;
    done(w.undo(server_install, job, "container"));
    done(w.undo(server_install, job, "image"));
    CHECK(w.called(w.disk.calls(), owned));
  }
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

TEST_CASE("one that did not go well is reported however it ended",
          "[install]") {
  install_world w;
  auto job = w.accept_until("run");
  const auto over = server_install.when_over(job);
  REQUIRE(over.size() == 2);
  CHECK_FALSE(std::get<end_install>(over[0]).successful);
  CHECK(std::get<tell_panel>(over[1]).body
        == R"({"successful":false,"reinstall":false})");
  for (auto& step : job.steps)
    step.state = step_state::done;
  CHECK(server_install.when_over(job).empty());
}

TEST_CASE("without a script nothing is run, and that is a success",
          "[install]") {
  install_world w;
  const std::string plain =
      R"({"settings":{"skip_egg_scripts":true},"process_configuration":{}})";
  w.panel.put(w.id, plain);
  w.record().config = plain;
  auto job = w.accept(server_install);
  done(w.run_all(server_install, job));
  CHECK_FALSE(announced(w, "install started "));
  CHECK(announced(w, "install completed "));
  CHECK(w.docker.by_id.empty());
}

TEST_CASE("an install waits for a Panel that is away", "[install]") {
  install_world w;
  w.panel.fail(
      fault{.code = fault_code::panel_unavailable, .what = "no answer"});
  auto job = w.accept(server_install);
  CHECK(failed(w.run_all(server_install, job)).code
        == fault_code::panel_unavailable);
}

TEST_CASE("a reinstall wants the server down when there is an installer, and "
          "no earlier",
          "[install]") {
  install_world w;
  w.run_it();
  const auto draft = w.read(server_reinstall);
  REQUIRE(draft);
  const auto wishes = [](const std::vector<change>& changes) {
    return std::ranges::count_if(changes, [](const change& each) {
      return std::holds_alternative<want_power>(each);
    });
  };
  CHECK(wishes(draft->changes) == 0);
  auto job = w.accept(server_reinstall);
  SECTION("with a script") {}
  SECTION("without one") {
    w.panel.put(w.id, R"({"settings":{"skip_egg_scripts":true},)"
                      R"("process_configuration":{}})");
  }
  std::size_t at = 0;
  for (; server_reinstall.steps[at].name != "container"; ++at) {
    const auto outcome =
        w.run(server_reinstall, job, server_reinstall.steps[at].name);
    CHECK(wishes(done(outcome).changes) == 0);
    w.apply(done(outcome).changes);
    job.steps[at].state = step_state::done;
  }
  CHECK(w.life.processes.state(w.id) == process_state::offline);
  const auto outcome = w.run(server_reinstall, job, "container");
  REQUIRE(done(outcome).changes.size() == 1);
  const auto wish = std::get<want_power>(done(outcome).changes[0]);
  CHECK_FALSE(wish.up);
  CHECK(wish.unless_start_waits);
}

TEST_CASE("a reinstall that has failed is reported as one", "[install]") {
  install_world w;
  const auto job = w.accept(server_reinstall);
  const auto over = server_reinstall.when_over(job);
  REQUIRE(over.size() == 2);
  CHECK_FALSE(std::get<end_install>(over[0]).successful);
  CHECK(std::get<tell_panel>(over[1]).body
        == R"({"successful":false,"reinstall":true})");
}
