#include "remote/docker.hpp"
#include "tests/contracts/containers_contract.hpp"
#include "tests/doubles/fake_containers.hpp"
#include "tests/doubles/real_dockerd.hpp"

#include <catch2/catch.hpp>

#include <csignal>
#include <future>
#include <latch>

using namespace alula::remote;
using alula::jobs::fault_code;
using namespace std::chrono_literals;
using std::chrono::steady_clock;

namespace {

struct fake_world final : alula::contracts::containers_world {
  alula::jobs::fake_containers fake;
  int made = 0;
  alula::jobs::containers& port() override { return fake; }
  std::string unique(const std::string& word) override { return word; }
  std::string add(const std::string& name, bool running,
                  const std::string& label) override {
    auto id = "id" + std::to_string(++made);
    std::vector<std::string> labels;
    if (!label.empty())
      labels.push_back(label);
    fake.put(id, name, running, labels);
    return id;
  }
};

struct docker_world final : alula::contracts::containers_world {
  real_dockerd real;
  docker subject{{.socket = real.socket()}};
  alula::jobs::containers& port() override { return subject; }
  std::string unique(const std::string& word) override {
    return real.unique(word);
  }
  std::string add(const std::string& name, bool running,
                  const std::string& label) override {
    auto id = real.start(name, label.empty() ? "" : "--label " + label,
                         running ? "sleep 3600" : "true");
    if (!running)
      real.docker("wait " + name);
    return id;
  }
};

template<class World>
std::unique_ptr<alula::contracts::containers_world> make() {
  return std::make_unique<World>();
}

} // namespace

TEST_CASE("the fake container engine keeps the contract", "[remote]") {
  alula::contracts::containers_keep_their_contract(make<fake_world>);
}

TEST_CASE("dockerd keeps the contract", "[remote][docker]") {
  if (is_skipped_without_docker())
    return;
  alula::contracts::containers_keep_their_contract(make<docker_world>);
}

TEST_CASE("the process in a container sees the signal of a kill",
          "[remote][docker]") {
  if (is_skipped_without_docker())
    return;
  real_dockerd real;
  docker subject{{.socket = real.socket()}};
  const auto name = real.unique("kill");
  real.start(name, "",
             "sh -c 'trap \"exit 7\" INT; echo up; while :; do sleep 0.1; "
             "done'");
  const auto give_up = steady_clock::now() + 20s;
  while (real.docker("logs " + name).find("up") == std::string::npos)
    REQUIRE(steady_clock::now() < give_up);
  SECTION("running") {}
  SECTION("paused") {
    real.docker("pause " + name);
  }
  CHECK(subject.kill(name, "SIGINT"));
  real.docker("wait " + name);
  const auto info = subject.inspect(name);
  REQUIRE(info);
  REQUIRE(*info);
  CHECK((*info)->exit_code == 7);
  CHECK_FALSE((*info)->oom_killed);
  CHECK((*info)->finished_at > (*info)->started_at);
  CHECK((*info)->image == "alula/test-server:1");
  CHECK((*info)->image_id.starts_with("sha256:"));
}

TEST_CASE("destroy ends a container in every state", "[remote][docker]") {
  if (is_skipped_without_docker())
    return;
  real_dockerd real;
  docker subject{{.socket = real.socket()}};
  const auto name = real.unique("any");
  SECTION("created, never started") {
    real.docker("create --network none --name " + name
                + " alula/test-server:1");
    CHECK(real.state_of(name) == "created");
  }
  SECTION("running, deaf to SIGTERM") {
    real.start(name, "", "sh -c 'trap : TERM INT; while :; do sleep 1; done'");
  }
  SECTION("running, and restarted by dockerd whenever it ends") {
    real.start(name, "--restart always");
  }
  SECTION("running, and removed by dockerd when it ends") {
    real.start(name, "--rm");
  }
  SECTION("exited") {
    real.start(name, "", "true");
    real.docker("wait " + name);
  }
  SECTION("paused") {
    real.start(name);
    real.docker("pause " + name);
    CHECK(real.state_of(name) == "paused");
  }
  SECTION("restarting") {
    real.start(name, "--restart always", "false");
    const auto give_up = steady_clock::now() + 20s;
    while (real.state_of(name) != "restarting")
      REQUIRE(steady_clock::now() < give_up);
  }
  const auto begin = steady_clock::now();
  CHECK(subject.destroy(name, {}));
  CHECK(steady_clock::now() - begin < 20s);
  CHECK_FALSE(real.has(name));
}

TEST_CASE("stop lets a container end by its signal", "[remote][docker]") {
  if (is_skipped_without_docker())
    return;
  real_dockerd real;
  docker subject{{.socket = real.socket()}};
  const auto name = real.unique("signal");
  std::string signal;
  bool pauses = false;
  SECTION("the one that is asked for") {
    real.start(name, "",
               "sh -c 'trap \"exit 7\" INT; echo up; while :; do sleep 0.1; "
               "done'");
    signal = "SIGINT";
  }
  SECTION("its own") {
    real.start(name, "--stop-signal SIGUSR1",
               "sh -c 'trap \"exit 7\" USR1; echo up; while :; do sleep 0.1; "
               "done'");
  }
  SECTION("also when it is paused") {
    pauses = true;
    real.start(name, "--stop-signal SIGUSR1",
               "sh -c 'trap \"exit 7\" USR1; echo up; while :; do sleep 0.1; "
               "done'");
  }
  const auto give_up = steady_clock::now() + 20s;
  while (real.docker("logs " + name).find("up") == std::string::npos)
    REQUIRE(steady_clock::now() < give_up);
  if (pauses)
    real.docker("pause " + name);
  CHECK(subject.stop(name, signal, 20s, {}));
  CHECK(real.state_of(name) == "exited");
  CHECK(real.docker("inspect -f '{{.State.ExitCode}}' " + name) == "7");
}

TEST_CASE("stop ends a container in every state", "[remote][docker]") {
  if (is_skipped_without_docker())
    return;
  real_dockerd real;
  docker subject{{.socket = real.socket()}};
  const auto name = real.unique("any");
  std::string ends = "exited";
  SECTION("created, never started") {
    real.docker("create --network none --name " + name
                + " alula/test-server:1");
    ends = "created";
  }
  SECTION("running, deaf to SIGTERM") {
    real.start(name, "", "sh -c 'trap : TERM INT; while :; do sleep 1; done'");
  }
  SECTION("running, and restarted by dockerd whenever it ends") {
    real.start(name, "--restart always");
  }
  SECTION("paused") {
    real.start(name);
    real.docker("pause " + name);
  }
  SECTION("restarting") {
    real.start(name, "--restart always", "false");
    const auto give_up = steady_clock::now() + 20s;
    while (real.state_of(name) != "restarting")
      REQUIRE(steady_clock::now() < give_up);
  }
  const auto begin = steady_clock::now();
  CHECK(subject.stop(name, "", 200ms, {}));
  CHECK(steady_clock::now() - begin < 20s);
  CHECK(real.state_of(name) == ends);
}

TEST_CASE("a signal nobody knows is refused", "[remote][docker]") {
  if (is_skipped_without_docker())
    return;
  real_dockerd real;
  docker subject{{.socket = real.socket()}};
  const auto name = real.unique("unknown");
  real.start(name);
  const auto stopped = subject.stop(name, "SIGNONSENSE", 200ms, {});
  REQUIRE_FALSE(stopped);
  CHECK(real.state_of(name) == "running");
}

TEST_CASE("anonymous volumes go with their container, named ones stay",
          "[remote][docker]") {
  if (is_skipped_without_docker())
    return;
  real_dockerd real;
  docker subject{{.socket = real.socket()}};
  const auto name = real.unique("volumes");
  const auto kept = real.unique("kept");
  real.start(name, "-v /anonymous -v " + kept + ":/named");
  const auto anonymous = real.docker(
      "inspect -f '{{range .Mounts}}{{if eq .Destination \"/anonymous\"}}"
      "{{.Name}}{{end}}{{end}}' "
      + name);
  REQUIRE_FALSE(anonymous.empty());
  REQUIRE(real.try_docker("volume inspect " + anonymous).first == 0);
  CHECK(subject.destroy(name, {}));
  CHECK(real.try_docker("volume inspect " + anonymous).first != 0);
  CHECK(real.try_docker("volume inspect " + kept).first == 0);
  real.docker("volume rm " + kept);
}

TEST_CASE("a container is known by its start time", "[remote][docker]") {
  if (is_skipped_without_docker())
    return;
  real_dockerd real;
  docker subject{{.socket = real.socket()}};
  const auto name = real.unique("time");
  const auto before = std::time(nullptr);
  const auto id = real.start(name);
  const auto found = subject.inspect(name);
  REQUIRE(found);
  REQUIRE(*found);
  CHECK((*found)->started_at / 1'000 >= before - 1);
  CHECK((*found)->started_at / 1'000 <= std::time(nullptr) + 1);
  CHECK_FALSE(*subject.inspect(id.substr(0, 12)));
}

TEST_CASE("twenty containers are destroyed at once", "[remote][docker]") {
  if (is_skipped_without_docker())
    return;
  real_dockerd real;
  docker subject{{.socket = real.socket()}};
  constexpr int count = 20;
  for (int i = 0; i < count; ++i)
    if (i % 2 == 0)
      real.start(real.unique(std::to_string(i)));
    else
      real.docker("create --network none --name "
                  + real.unique(std::to_string(i)) + " alula/test-server:1");
  std::atomic<int> destroyed = 0;
  {
    std::latch go{count};
    std::vector<std::jthread> threads;
    threads.reserve(count);
    for (int i = 0; i < count; ++i)
      threads.emplace_back([&, i] {
        go.arrive_and_wait();
        if (subject.destroy(real.unique(std::to_string(i)), {}))
          ++destroyed;
      });
  }
  CHECK(destroyed == count);
  CHECK(real.docker("ps -aq --filter name=" + real.unique("")).empty());
}

TEST_CASE("a removal started twice at once succeeds twice",
          "[remote][docker]") {
  if (is_skipped_without_docker())
    return;
  real_dockerd real;
  docker_settings settings;
  settings.socket = real.socket();
  settings.circuit.patience = 20s; // a slow machine is not a hung container
  docker one{settings};
  docker other{settings};
  const auto name = real.unique("twice");
  for (const bool running : {true, false}) {
    real.start(name, "", running ? "sleep 3600" : "true");
    std::atomic<int> succeeded = 0;
    {
      std::latch go{4};
      std::vector<std::jthread> threads;
      threads.reserve(4);
      for (int t = 0; t < 4; ++t)
        threads.emplace_back([&, t] {
          go.arrive_and_wait();
          if ((t % 2 == 0 ? one : other).destroy(name, {}))
            ++succeeded;
        });
    }
    CHECK(succeeded == 4);
    CHECK_FALSE(real.has(name));
  }
}

TEST_CASE("a stopped dockerd is waited for in time, and works when continued",
          "[remote][docker]") {
  if (is_skipped_without_docker())
    return;
  own_dockerd own;
  if (alula::doubles::is_skipped(own.why_not()))
    return;
  real_dockerd real{own.host()};
  const auto name = real.unique("stopped");
  const auto other = real.unique("other");
  real.start(name);
  real.start(other);

  docker_settings settings;
  settings.socket = real.socket();
  settings.inspect = settings.list = 400ms;
  settings.circuit.first_pause = settings.circuit.longest_pause = 50ms;
  docker subject{settings};
  REQUIRE(*subject.inspect(name));

  REQUIRE(kill(own.process(), SIGSTOP) == 0);
  // It may still answer what its threads had begun when the signal came.
  const auto stands_by = steady_clock::now() + 20s;
  while (subject.inspect(name))
    REQUIRE(steady_clock::now() < stands_by);
  const auto begin = steady_clock::now();
  for (const auto& fault :
       {subject.inspect(name).error(), subject.list({}).error(),
        subject.find_by_label("a=b", {}).error(),
        subject.destroy(other, {}).error()})
    CHECK(fault.code == fault_code::docker_unavailable);
  CHECK(steady_clock::now() - begin < 5s);

  // A call that began while dockerd was stopped ends well once it goes on.
  settings.inspect = 30s;
  docker patient{settings};
  auto destroying =
      std::async(std::launch::async, [&] { return patient.destroy(name, {}); });
  CHECK(destroying.wait_for(300ms) == std::future_status::timeout);
  std::stop_source stop;
  docker stoppable{settings};
  auto stopping = std::async(std::launch::async, [&] {
    return stoppable.destroy(other, stop.get_token());
  });
  CHECK(stopping.wait_for(100ms) == std::future_status::timeout);
  stop.request_stop();
  CHECK(stopping.get().error().code == fault_code::interrupted);

  REQUIRE(kill(own.process(), SIGCONT) == 0);
  CHECK(destroying.get());
  CHECK_FALSE(real.has(name));
  const auto give_up = steady_clock::now() + 20s;
  while (!subject.destroy(other, {}))
    REQUIRE(steady_clock::now() < give_up);
  CHECK_FALSE(real.has(other));
  CHECK(subject.unresponsive().empty());

  // And killed: the socket file stays, nobody listens.
  REQUIRE(kill(own.process(), SIGKILL) == 0);
  alula::jobs::fault last;
  do {
    const auto found = subject.inspect(name);
    REQUIRE(steady_clock::now() < give_up);
    if (!found)
      last = found.error();
  } while (last.what.find("nothing listens") == std::string::npos);
  CHECK(last.code == fault_code::docker_unavailable);
}
