#include "jobs/kinds/installer_console.hpp"
#include "jobs/retry.hpp"
#include "tests/jobs/kinds/install_world.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>
#include <variant>

using namespace alula::jobs;

TEST_CASE("an install is known from its accept on", "[install]") {
  life_world w;
  const auto draft = w.read(server_install);
  REQUIRE(draft);
  REQUIRE(draft->changes.size() == 1);
  CHECK(std::holds_alternative<begin_install>(draft->changes[0]));
  CHECK(draft->dedup_key == "server.install:12");
  CHECK_FALSE(w.read(server_install, {}, false));
}

TEST_CASE("an install that begins says so again: one before it may have ended",
          "[install]") {
  for (const auto* kind : {&server_install, &server_reinstall}) {
    life_world w;
    auto job = w.accept(*kind);
    (void)only_change<begin_install>(w.run(*kind, job, "begin"));
  }
}

TEST_CASE("an image of an installer is got by workers of its own",
          "[install]") {
  for (const auto* kind : {&server_install, &server_reinstall})
    for (const auto& step : kind->steps) {
      const bool gets_image =
          step.name == "image" || step.name == "server_image";
      CHECK((step.pool == "pull") == gets_image);
      CHECK((!step.undo || step.pool_of(true) != "pull"));
    }
}

TEST_CASE("an install wants the server up when it is asked to", "[install]") {
  life_world w;
  const auto draft = w.read(server_install, R"({"start_on_completion":true})");
  REQUIRE(draft);
  REQUIRE(draft->changes.size() == 2);
  CHECK(std::get<want_power>(draft->changes[1]).up);
  // As one reads that tries it again: from the input of the job.
  const auto again = w.read(server_install, draft->input);
  REQUIRE(again);
  CHECK(again->changes.size() == 2);
  CHECK(w.read(server_install, w.read(server_install)->input)->changes.size()
        == 1);
  CHECK(w.read(server_reinstall, draft->input)->changes.size() == 1);
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

TEST_CASE("Docker's own word of an installer's end is waited for, too",
          "[install]") {
  install_world w;
  auto job = w.accept_until("run");
  done(w.run_while(job, [&] {
    while (w.docker.notices_asked == 0)
      std::this_thread::yield();
    w.docker.exit(w.installer(), 0);
    // Whoever looks does so before the console ends, if he is woken.
    while (w.docker.notices_given == 0)
      std::this_thread::yield();
    w.life.streams.end(w.installer());
  }));
  CHECK(w.docker.notices_asked == 1);
}

TEST_CASE("an installer's console is let go as soon as somebody is woken",
          "[install]") {
  install_world w;
  installer_console console{w.clients, w.id};
  console.wake();
  console.rest({}, std::chrono::hours{1});
  console.wake();
  console.listen({}, std::chrono::hours{1});
  console.wake(); // is no end of it
  CHECK_FALSE(console.wait({}, std::chrono::milliseconds{0}));
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

TEST_CASE("one that did not go well is reported however it ended",
          "[install]") {
  install_world w;
  auto job = w.accept_until("run");
  const auto over = server_install.when_over(job);
  REQUIRE(over.size() == 1);
  CHECK_FALSE(std::get<end_install>(over[0]).successful);
  CHECK(std::get<end_install>(over[0]).told.value().body
        == R"({"successful":false,"reinstall":false})");
  for (auto& step : job.steps)
    step.state = step_state::done;
  CHECK(server_install.when_over(job).empty());
}

TEST_CASE("one that was to start its server takes that wish back when it fails",
          "[install]") {
  install_world w;
  auto job = w.accept_until("run");
  job.input = R"({"reinstall":false,"start_on_completion":true})";
  const auto over = server_install.when_over(job);
  REQUIRE(over.size() == 2);
  const auto& wish = std::get<want_power>(over[1]);
  CHECK_FALSE(wish.up);
  CHECK(wish.unless_installed);
  CHECK(wish.unless_start_waits);
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

TEST_CASE("a reinstall says whether there was something to stop", "[install]") {
  install_world w;
  auto job = w.accept(server_reinstall);
  job.run_at = w.now;
  job.steps[0].started_at = w.now;
  std::string ran = R"({"ran":true})";
  SECTION("a server that runs") {
    w.run_it();
  }
  SECTION("nothing, at the first try") {
    ran = R"({"ran":false})";
  }
  SECTION("perhaps, at a try after one that failed") {
    job.steps[0].error = fault{.code = fault_code::docker_unavailable};
  }
  SECTION("perhaps, at a try after one that was broken off") {
    job.run_at = w.now + 1;
  }
  SECTION("perhaps, at a try after one that alula died in") {
    job.crashes = 1;
  }
  const auto outcome = w.run(server_reinstall, job, "stop");
  CHECK(done(outcome).output == ran);
}

TEST_CASE("a reinstall that has failed is reported as one", "[install]") {
  install_world w;
  const auto job = w.accept(server_reinstall);
  const auto over = server_reinstall.when_over(job);
  REQUIRE(over.size() == 1);
  CHECK_FALSE(std::get<end_install>(over[0]).successful);
  CHECK(std::get<end_install>(over[0]).told.value().body
        == R"({"successful":false,"reinstall":true})");
}
