// The container that is made ahead, by a create or by an installation.
#include "tests/jobs/kinds/install_world.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

using namespace alula::jobs;
using pull_for = container_factory::pull_for;

namespace {

struct create_world : life_world {
  using life_world::life_world;

  job_record accept_create(const std::string& more = {}) {
    return accept(create_server,
                  R"({"uuid":")" + uuid() + R"(","settings":{})" + more + "}",
                  false);
  }
  /// Of a Panel's request.
  job_record accept_panels(const std::string& more = {}) {
    panel.configured = true;
    return accept(create_server, R"({"uuid":")" + uuid() + '"' + more + "}",
                  false);
  }
  /// What the whole job comes to, as its result.
  std::string result_of(job_record job) {
    return done(run_all(create_server, job)).job_result;
  }
  std::size_t made() { return life.factory.count("create"); }
};

std::string left(const std::string& why) {
  return R"({"container":"left","container_why":")" + why + "\"}";
}

const fault no_registry{.code = fault_code::docker_unavailable,
                        .what = "the registry says nothing"};

step_record& step_of(job_record& job, std::string_view name) {
  return *std::ranges::find(job.steps, name, &step_record::name);
}

step_state state_of(const job_record& job, std::string_view name) {
  return job.find_step(name)->state;
}

} // namespace

TEST_CASE("a create makes the container, which is not started", "[kinds]") {
  create_world w;
  auto job = w.accept_create();
  const auto outcome = w.run_all(create_server, job);
  const auto there = w.docker.inspect(w.uuid()).value();
  REQUIRE(there);
  CHECK(there->status == "created");
  CHECK(there->labels.at("alula.server") == w.uuid());
  CHECK(w.life.factory.spec_of(w.uuid())->image == "game:1");
  CHECK(only_change<set_container>(outcome).container_id == there->id);
  CHECK(done(outcome).job_result == R"({"container":"made"})");
  CHECK_FALSE(w.record().wanted_up);
  CHECK(w.life.processes.state(w.id) == process_state::offline);
  CHECK(w.life.processes.calls().empty());
  // Whoever waits behind it in line is kept for minutes at most.
  CHECK(w.life.factory.last_pull == pull_for::a_newer_image);
}

TEST_CASE("a server is there and answered for before its container",
          "[kinds]") {
  CHECK(create_server.answer_after.empty()); // at the accept
  for (const auto* kind : {&create_server, &server_install}) {
    const auto& steps = kind->steps;
    const auto pivot = std::ranges::find(steps, step_class::pivot, &step::cls);
    const auto image = std::ranges::find(steps, "server_image", &step::name);
    const auto container =
        std::ranges::find(steps, "server_container", &step::name);
    REQUIRE(container != steps.end());
    CHECK(pivot < image);
    CHECK(image < container);
    CHECK(image->pool == "pull");
    CHECK(container->pool != "pull");
  }
}

TEST_CASE("the plans before a container was made ahead are run as they were",
          "[kinds]") {
  using names = std::vector<std::string_view>;
  const auto first_of = [](const kind& k, std::size_t count) {
    names out;
    for (std::size_t i = 0; i < count; ++i)
      out.push_back(k.steps.at(i).name);
    return out;
  };
  CHECK(create_server.oldest_plan == 2);
  CHECK(first_of(create_server, 5)
        == names{"find_volume", "ask_panel", "prepare_volume",
                 "adopt_container", "activate"});
  CHECK(server_install.oldest_plan == 1);
  CHECK(first_of(server_install, 10)
        == names{"begin", "sync", "script", "image", "container", "run",
                 "clean", "own_files", "finish", "announce"});
}

TEST_CASE("an image that is here is not pulled for a container ahead",
          "[kinds]") {
  create_world w;
  w.life.factory.images.insert("game:1");
  CHECK(w.result_of(w.accept_create()) == R"({"container":"made"})");
  CHECK(w.life.factory.count("pull") == 0);
}

TEST_CASE("what cannot be had leaves the container to the first start",
          "[kinds]") {
  create_world w;
  std::string why;
  SECTION("an image that cannot be pulled") {
    w.life.factory.fail_next("pull", no_registry);
    why = no_registry.what;
  }
  SECTION("an image that may not be pulled") {
    w.config = R"({"settings":{"container":{"image":"~game:1"}}})";
    w.keep();
    why = "its image is not on this node";
  }
  SECTION("no image") {
    w.config = R"({"settings":{}})";
    w.keep();
    why = "no image is configured for the server";
  }
  SECTION("a container that Docker does not make") {
    w.life.factory.fail_next(
        "create", {.code = fault_code::docker_refused, .what = "no such CPU"});
    why = "no such CPU";
  }
  SECTION("Docker") {
    w.docker.set_down(true);
    w.life.factory.set_down(true);
    why = "no dockerd at fake.sock";
  }
  CHECK(w.result_of(w.accept_create()) == left(why));
  w.docker.set_down(false);
  CHECK_FALSE(w.docker.has(w.uuid()));
}

TEST_CASE("a container that is there is taken as it is", "[kinds]") {
  create_world w;
  w.docker.put("of-wings", w.uuid(), GENERATE(false, true));
  auto job = w.accept_create();
  const auto outcome = w.run_all(create_server, job);
  CHECK(only_change<set_container>(outcome).container_id == "of-wings");
  CHECK(done(outcome).job_result == R"({"container":"found"})");
  CHECK(w.made() == 0);
  CHECK(w.life.factory.count("pull") == 0);
}

TEST_CASE("a container that was made before a crash is the server's",
          "[kinds]") {
  create_world w;
  auto job = w.accept_create();
  done(w.run_all(create_server, job));
  const auto id = w.docker.inspect(w.uuid()).value()->id;
  const auto again = w.run(create_server, job, "server_container");
  CHECK(only_change<set_container>(again).container_id == id);
  CHECK(w.made() == 1);
}

TEST_CASE("no container is tried again once the process has died over it",
          "[kinds]") {
  create_world w;
  auto job = w.accept_create();
  SECTION("in the pull") {
    step_of(job, "server_image").crashes = 1;
    CHECK(w.result_of(job) == left("alula died while it got the image"));
    CHECK(w.life.factory.count("pull") == 0);
  }
  SECTION("in the making, of which nothing was left") {
    step_of(job, "server_container").crashes = 1;
    CHECK(w.result_of(job) == left("alula died while it made it"));
  }
  SECTION("in the making, when it was done") {
    step_of(job, "server_container").crashes = 1;
    w.life.factory.images.insert("game:1");
    w.docker.put("c0ffee", w.uuid(), false);
    CHECK(w.result_of(job) == R"({"container":"found"})");
  }
  SECTION("in the look for it") {
    step_of(job, "server_container").crashes = 2;
    w.docker.put("c0ffee", w.uuid(), false);
    CHECK(w.result_of(job) == left("alula died while it made it"));
  }
  CHECK(w.made() == 0);
}

TEST_CASE("an installation that follows waits for no pull", "[kinds]") {
  create_world w;
  auto job = w.accept_panels();
  CHECK(state_of(job, "server_image") == step_state::skipped);
  SECTION("the image is here") {
    w.life.factory.images.insert("game:1");
    CHECK(w.result_of(job) == R"({"container":"made"})");
  }
  SECTION("it is not") {
    CHECK(w.result_of(job) == left("its image is not on this node"));
  }
  CHECK(w.life.factory.count("pull") == 0);
}

TEST_CASE(
    "no container is made ahead of a start, or of what is only registered",
    "[kinds]") {
  create_world w;
  auto job = w.accept_create(R"(,"start_on_completion":true)");
  CHECK(state_of(job, "server_image") == step_state::skipped);
  CHECK(state_of(job, "server_container") == step_state::skipped);
  job = w.accept_panels(R"(,"skip_install":true)");
  CHECK(state_of(job, "server_image") == step_state::skipped);
  CHECK(state_of(job, "server_container") == step_state::skipped);
}

TEST_CASE("a pull ahead stands back for whoever starts or deletes the server",
          "[kinds]") {
  create_world w;
  std::string why = "the server is to be started, which makes it";
  auto meanwhile = [&](std::string_view) { w.record().wanted_up = true; };
  SECTION("a start") {
    w.life.factory.before_pull = meanwhile;
  }
  SECTION("a deletion") {
    why = "the server is deleting";
    w.life.factory.before_pull = [&](std::string_view) {
      w.record().state = server_state::deleting;
    };
  }
  CHECK(w.result_of(w.accept_create()) == left(why));
  CHECK_FALSE(w.life.factory.images.contains("game:1"));
  CHECK(w.made() == 0);
}

TEST_CASE("a pull ahead stands back for whatever job waits in its lane",
          "[kinds]") {
  create_world w;
  auto job = w.accept_create();
  job.lane = "server:12";
  auto other = w.accept(server_power, R"({"action":"stop"})");
  other.id = make_job_id(2);
  other.row = 2;
  other.lane = "server:12";
  const auto comes = [&] {
    const std::scoped_lock lock{w.store->mutex};
    w.store->jobs[other.row] = other;
  };
  const auto given_way = left("its image was not waited for: server.power "
                              + other.id.to_string() + " stood in line");
  std::string expected = given_way;
  std::size_t pulls = 0;
  SECTION("before it has begun") {
    comes();
  }
  SECTION("while it is under way") {
    w.life.factory.before_pull = [&](std::string_view) { comes(); };
    pulls = 1;
  }
  SECTION("and for none of another lane") {
    other.lane = "server:12:backup";
    comes();
    expected = R"({"container":"made"})";
    pulls = 1;
  }
  SECTION("and for none that has ended") {
    other.state = job_state::succeeded;
    comes();
    expected = R"({"container":"made"})";
    pulls = 1;
  }
  CHECK(w.result_of(job) == expected);
  CHECK(w.life.factory.count("pull") == pulls);
}

TEST_CASE("a pull ahead that is broken off by a stop goes on later",
          "[kinds]") {
  create_world w;
  auto job = w.accept_create();
  w.life.factory.before_pull = [&](std::string_view) { w.stop.request_stop(); };
  CHECK(failed(w.run(create_server, job, "server_image")).code
        == fault_code::interrupted);
  w.life.factory.before_pull = nullptr;
  w.stop = {};
  CHECK(w.result_of(job) == R"({"container":"made"})");
}

TEST_CASE("a create that is given up over its container has made a server",
          "[kinds]") {
  create_world w;
  auto job = w.accept_panels();
  CHECK(create_server.when_over(job).size() == 1);
  for (auto& step : job.steps)
    if (step.cls == step_class::pivot)
      step.state = step_state::done;
  CHECK(create_server.when_over(job).empty());
}

TEST_CASE("an installation that went well makes the container", "[install]") {
  install_world w;
  auto job = w.accept_until("run");
  done(w.run_while(job, [&] { w.end_installer(0); }));
  for (const auto* name : {"clean", "own_files"})
    done(w.run(server_install, job, name));
  job.result = done(w.run(server_install, job, "finish")).job_result;
  done(w.run(server_install, job, "announce"));
  std::string expected = R"({"container":"made","ran":true})";
  SECTION("and has its image got") {}
  SECTION("unless one is there") {
    w.docker.put("c0ffee", w.uuid(), false);
    expected = R"({"container":"found","ran":true})";
  }
  SECTION("unless its image cannot be had, which is no failure") {
    w.life.factory.fail_next("pull", no_registry);
    expected = R"({"container":"left","container_why":")" + no_registry.what
               + R"(","ran":true})";
  }
  SECTION("unless a start follows") {
    w.record().wanted_up = true;
    expected = R"({"container":"left","container_why":"the server is to be )"
               R"(started, which makes it","ran":true})";
  }
  done(w.run(server_install, job, "server_image"));
  CHECK(done(w.run(server_install, job, "server_container")).job_result
        == expected);
}
