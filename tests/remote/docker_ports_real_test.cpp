// The Docker ports on a real dockerd.
#include "remote/docker_factory.hpp"
#include "remote/docker_link.hpp"
#include "remote/docker_streams.hpp"
#include "tests/contracts/container_factory_contract.hpp"
#include "tests/contracts/container_streams_contract.hpp"
#include "tests/doubles/real_dockerd.hpp"

#include <catch2/catch.hpp>

#include <csignal>
#include <filesystem>
#include <future>

using namespace alula;
using namespace alula::remote;
using doubles::console_recorder;
using doubles::event_recorder;
using jobs::fault_code;
using namespace std::chrono_literals;
using std::chrono::steady_clock;

namespace {

std::shared_ptr<docker_link> link_to(const std::string& socket) {
  docker_settings settings;
  settings.socket = socket;
  return std::make_shared<docker_link>(settings);
}

struct real_factory_world final : contracts::container_factory_world {
  real_dockerd real;
  docker_factory subject{link_to(real.socket())};

  ~real_factory_world() override {
    real.try_docker("network rm " + unique("network"));
  }
  jobs::container_factory& port() override { return subject; }
  std::string unique(const std::string& word) override {
    return real.unique(word);
  }
  std::string image() override { return "alula/test-server:1"; }
  std::string unknown_image() override { return "127.0.0.1:1/none/such:1"; }
  std::string network_driver() override {
    static const bool has_bridges = [this] {
      const auto name = unique("probe");
      const bool made = real.try_docker("network create " + name).first == 0;
      real.try_docker("network rm " + name);
      return made;
    }();
    return has_bridges ? "bridge" : "";
  }
};

/// Reads its console into a file, and says what it is told to.
const std::string reader =
    "sh -c 'while read -r l; do echo \"$l\" >>/tmp/read; done; sleep 3600'";

struct real_streams_world final : contracts::container_streams_world {
  real_dockerd real;
  docker_streams subject{link_to(real.socket())};

  jobs::container_streams& port() override { return subject; }
  std::string unique(const std::string& word) override {
    return real.unique(word);
  }
  void create(const std::string& name) override { create(name, "-it"); }
  void create(const std::string& name, const std::string& options,
              const std::string& command = reader) {
    real.docker("create " + options + " --network none --name " + name
                + " alula/test-server:1 " + command);
  }
  void run(const std::string& name) override { real.docker("start " + name); }
  void say(const std::string& name, const std::string& line) override {
    real.docker("exec " + name + " sh -c 'echo \"" + line
                + "\" >/proc/1/fd/1'");
  }
  void end(const std::string& name) override { real.docker("kill " + name); }
  void remove(const std::string& name) override {
    real.docker("rm -f " + name);
  }
  bool has_read(const std::string& name, const std::string& line) override {
    const auto give_up = steady_clock::now() + doubles::longest_wait;
    while (steady_clock::now() < give_up)
      if (real.try_docker("exec " + name + " grep -qx \"" + line
                          + "\" /tmp/read")
              .first
          == 0)
        return true;
    return false;
  }
  void appear() override {}
};

std::size_t threads() {
  const std::filesystem::directory_iterator tasks{"/proc/self/task"};
  return static_cast<std::size_t>(std::distance(begin(tasks), end(tasks)));
}

} // namespace

TEST_CASE("dockerd keeps the contract of a factory", "[remote][docker]") {
  if (is_skipped_without_docker())
    return;
  contracts::container_factory_keeps_its_contract(
      +[]() -> std::unique_ptr<contracts::container_factory_world> {
        return std::make_unique<real_factory_world>();
      });
}

TEST_CASE("dockerd keeps the contract of consoles", "[remote][docker]") {
  if (is_skipped_without_docker())
    return;
  real_streams_world world;
  contracts::consoles_keep_their_contract(world);
}

TEST_CASE("dockerd keeps the contract of events", "[remote][docker]") {
  if (is_skipped_without_docker())
    return;
  real_streams_world world;
  contracts::events_keep_their_contract(world);
}

TEST_CASE("a container is what it was asked to be", "[remote][docker]") {
  if (is_skipped_without_docker())
    return;
  real_factory_world world;
  const auto directory =
      std::filesystem::temp_directory_path() / world.unique("volume");
  std::filesystem::create_directory(directory);
  auto spec = contracts::spec_of(world, "game");
  spec.hostname = "games-host";
  spec.user = "988:988";
  spec.command = {"sh", "-c",
                  "id -u; hostname; echo $WORD; cat /etc/resolv.conf; "
                  "touch /no || echo read-only; touch /home/container/yes "
                  "|| echo bound-read-only; touch /tmp/yes && echo tmp; "
                  "grep -E 'NoNewPrivs|CapBnd' /proc/self/status; sleep 3600"};
  spec.environment = {"WORD=hello there"};
  spec.labels = {{"Service", "Pterodactyl"}};
  spec.limits = {.memory = std::int64_t{64} << 20,
                 .memory_swap = -1,
                 .cpu_quota = 50'000,
                 .cpu_period = 100'000,
                 .cpu_shares = 512,
                 .pids = 100};
  spec.mounts = {{directory.string(), "/home/container", true}};
  spec.tmpfs_mib = 10;
  spec.read_only_root = true;
  spec.log_driver = "local";
  spec.log_options = {{"max-size", "5m"}};
  spec.dropped_capabilities = {"setpcap", "mknod", "net_raw"};
  REQUIRE(world.subject.create(spec));

  docker_streams streams{link_to(world.real.socket())};
  const auto listener = std::make_shared<console_recorder>();
  REQUIRE(streams.attach(spec.name, listener));
  world.real.docker("start " + spec.name);
  for (const auto* line : {"988", "games-host", "hello there", "read-only",
                           "bound-read-only", "tmp", "NoNewPrivs:\t1"}) {
    INFO(line);
    CHECK(listener->heard(line));
  }
  const auto inspect = [&](const std::string& what) {
    return world.real.docker("inspect -f '{{" + what + "}}' " + spec.name);
  };
  CHECK(inspect(".HostConfig.Memory") == "67108864");
  CHECK(inspect(".HostConfig.CpuQuota") == "50000");
  CHECK(inspect(".HostConfig.PidsLimit") == "100");
  CHECK(inspect(".HostConfig.LogConfig.Type") == "local");
  CHECK(inspect(".HostConfig.CapDrop") == "[setpcap mknod net_raw]");
  CHECK(inspect(".Config.Labels.Service") == "Pterodactyl");

  CHECK(world.subject.update(spec.name, {.memory = std::int64_t{96} << 20,
                                         .cpu_quota = 70'000,
                                         .cpu_period = 100'000,
                                         .pids = 50}));
  CHECK(inspect(".HostConfig.Memory") == "100663296");
  CHECK(inspect(".HostConfig.CpuQuota") == "70000");
  const auto lifted = world.subject.update(spec.name, {});
  INFO((lifted ? "" : lifted.error().what));
  CHECK(lifted);
  CHECK(world.real.docker("exec " + spec.name
                          + " sh -c 'cat /sys/fs/cgroup/pids/pids.max "
                            "2>/dev/null || cat /sys/fs/cgroup/pids.max'")
        == "max");
  CHECK(listener->sampled([](const jobs::resource_sample& sample) {
    return sample.memory_bytes > 0 && sample.memory_limit_bytes > 0;
  }));
  std::filesystem::remove_all(directory);
}

TEST_CASE("a container echoes what it is told, and uses something",
          "[remote][docker]") {
  if (is_skipped_without_docker())
    return;
  real_streams_world world;
  const auto name = world.unique("game");
  const auto listener = std::make_shared<console_recorder>();
  SECTION("with a TTY") {
    world.create(name, "-it", "/game-server");
  }
  SECTION("without one") {
    world.create(name, "-i", "/game-server");
  }
  REQUIRE(world.subject.attach(name, listener));
  world.run(name);
  CHECK(listener->heard_part("[server] Done"));
  CHECK(world.subject.write(name, "say hello\n"));
  CHECK(listener->heard("[chat] hello"));
  const auto sample = listener->sampled([](const jobs::resource_sample& one) {
    return one.memory_bytes > 0 && one.cpu_percent > 0;
  });
  CHECK(sample);
  CHECK(world.subject.write(name, "stop\n"));
  CHECK(listener->heard("[server] saved, bye"));
  CHECK(listener->ends());
}

TEST_CASE("a real game answers what is typed into its console",
          "[remote][docker]") {
  if (is_skipped_without_docker())
    return;
  if (!std::filesystem::exists("/usr/games/openttd")) {
    WARN("skipped: no OpenTTD; scripts/setup --with-docker installs it");
    return;
  }
  real_streams_world world;
  const auto [failed, output] =
      run_command("DOCKER_HOST=unix://" + world.real.socket() + " "
                  + doubles::places::scripts + "/pack-openttd");
  INFO(output);
  REQUIRE(failed == 0);
  const auto name = world.unique("openttd");
  world.real.docker("create -it --network none --user 988:988 --name " + name
                    + " alula/openttd:13");
  const auto listener = std::make_shared<console_recorder>();
  REQUIRE(world.subject.attach(name, listener));
  world.run(name);
  REQUIRE(listener->heard_part("Map generated, starting game"));
  CHECK(world.subject.write(name, "save before-backup\n"));
  CHECK(listener->heard_part("Map successfully saved"));
  CHECK(world.subject.write(name, "quit\n"));
  CHECK(listener->ends());
  CHECK(world.real.docker("inspect -f '{{.State.ExitCode}}' " + name) == "0");
}

TEST_CASE("a container that is removed behind our back has ended",
          "[remote][docker]") {
  if (is_skipped_without_docker())
    return;
  real_streams_world world;
  const auto name = world.unique("game");
  const auto listener = std::make_shared<console_recorder>();
  world.create(name);
  SECTION("while it runs") {
    world.run(name);
  }
  SECTION("before it ever ran") {}
  REQUIRE(world.subject.attach(name, listener));
  world.remove(name);
  CHECK(listener->ends());
  CHECK_FALSE(world.subject.is_attached(name));
}

TEST_CASE("twenty containers are heard with three threads",
          "[remote][docker]") {
  if (is_skipped_without_docker())
    return;
  const auto before = threads();
  real_streams_world world;
  constexpr int count = 20;
  const auto name = [&](int i) {
    return world.unique("many") + std::to_string(i);
  };
  const auto host = "unix://" + world.real.socket();
  const auto [failed, output] = run_command(
      "seq 0 " + std::to_string(count - 1) + " | DOCKER_HOST=" + host
      + " xargs -P 4 -I{} timeout 120 docker run "
        "-dit --network none --name "
      + world.unique("many") + "{} alula/test-server:1 cat");
  INFO(output);
  REQUIRE(failed == 0);
  std::vector<std::shared_ptr<console_recorder>> listeners;
  for (int i = 0; i < count; ++i) {
    listeners.push_back(std::make_shared<console_recorder>());
    REQUIRE(world.subject.attach(name(i), listeners.back()));
  }
  const auto begin = steady_clock::now();
  for (int i = 0; i < count; ++i)
    CHECK(world.subject.write(name(i), "word-" + std::to_string(i) + "\n"));
  for (int i = 0; i < count; ++i)
    CHECK(listeners[static_cast<std::size_t>(i)]->heard("word-"
                                                        + std::to_string(i)));
  CHECK(steady_clock::now() - begin < 20s);
  for (const auto& one : listeners)
    CHECK(one->sampled([](const auto& s) { return s.memory_bytes > 0; }));
  CHECK(threads() - before <= 3);
}

TEST_CASE("a dockerd that hangs is away, and back until it is killed",
          "[remote][docker]") {
  if (is_skipped_without_docker())
    return;
  own_dockerd own;
  if (doubles::is_skipped(own.why_not()))
    return;
  real_dockerd real{own.host()};
  docker_settings settings;
  settings.socket = real.socket();
  settings.inspect = 1s;
  docker_stream_settings limits;
  limits.attach = 1s;
  limits.ping = 300ms;
  limits.ping_limit = 1s;
  const auto link = std::make_shared<docker_link>(settings);
  docker_streams streams{link, limits};
  const auto watcher = std::make_shared<event_recorder>();
  const auto listener = std::make_shared<console_recorder>();
  const auto name = real.unique("game");
  real.start(name, "-it", "cat");
  streams.watch(watcher);
  REQUIRE(watcher->hears("missed"));
  REQUIRE(streams.attach(name, listener));

  kill(own.process(), SIGSTOP);
  CHECK(watcher->hears("away docker-unavailable"));
  CHECK_FALSE(streams.attach("another", std::make_shared<console_recorder>()));
  CHECK(streams.write(name, "kept\n"));
  CHECK(streams.is_attached(name));
  kill(own.process(), SIGCONT);
  CHECK(watcher->hears("missed", 2));
  CHECK(listener->heard("kept"));
  CHECK_FALSE(listener->has_ended());

  kill(own.process(), SIGKILL);
  CHECK(listener->ends());
  CHECK(watcher->hears("away docker-unavailable", 2));
  CHECK_FALSE(streams.is_attached(name));
}
