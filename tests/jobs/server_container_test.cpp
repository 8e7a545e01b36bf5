#include "jobs/server_container.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <limits>

using namespace alula::jobs;

namespace {

const server_id its_id =
    *server_id::parse("3f1d3a0e-7a55-4c3c-9d4f-0a4f5c1f2b11");

container_rules rules() {
  container_rules out;
  out.data_directory = "/var/lib/pterodactyl/volumes";
  out.timezone = "Europe/Berlin";
  out.user = "988:988";
  out.allowed_mounts = {"/srv/map", "/opt/shared/"};
  return out;
}

server_config demo() {
  server_config c;
  c.invocation = "./run";
  c.build.memory = 2'048;
  c.build.cpu = 200;
  c.build.io_weight = 500;
  c.image = "ghcr.io/example/runtime:21";
  c.allocations.ip = "203.0.113.5";
  c.allocations.port = 25'565;
  c.allocations.mappings = {{"203.0.113.5", {25'565}}};
  return c;
}

container_spec spec_of(const server_config& c, const container_rules& r) {
  return server_container(its_id, c, r).spec;
}

bool mounts_source(const server_config& c, const std::string& source) {
  return std::ranges::any_of(
      spec_of(c, rules()).mounts,
      [&](const auto& mount) { return mount.source == source; });
}

} // namespace

TEST_CASE("a server's container is as Wings makes it", "[container]") {
  const auto s = spec_of(demo(), rules());
  CHECK(s.name == its_id.view());
  CHECK(s.hostname == its_id.view());
  CHECK(s.user == "988:988");
  CHECK(s.image == "ghcr.io/example/runtime:21");
  CHECK(s.environment
        == std::vector<std::string>{
            "TZ=Europe/Berlin", "STARTUP=./run", "SERVER_MEMORY=2048",
            "SERVER_IP=203.0.113.5", "SERVER_PORT=25565"});
  CHECK(s.labels.at("Service") == "Pterodactyl");
  CHECK(s.labels.at("ContainerType") == "server_process");
  CHECK(s.labels.at("alula.server") == its_id.view());
  REQUIRE(s.mounts.size() == 1);
  CHECK(s.mounts[0].source
        == "/var/lib/pterodactyl/volumes/" + its_id.to_string());
  CHECK(s.mounts[0].target == "/home/container");
  CHECK(s.tmpfs_mib == 100);
  CHECK(s.network_mode == "pterodactyl_nw");
  CHECK(s.read_only_root);
  CHECK(s.no_new_privileges);
  CHECK(s.dropped_capabilities.size() == 10);
  REQUIRE(s.ports.size() == 1);
  CHECK(s.ports[0].host_ip == "203.0.113.5");
}

TEST_CASE("servers have the node's domain, their installers none",
          "[container]") {
  auto r = rules();
  r.domainname = "games.example";
  CHECK(spec_of(demo(), r).domainname == "games.example");
  CHECK(installer_container(its_id, demo(), r, "debian", "bash", "/tmp/x")
            .domainname.empty());
}

TEST_CASE("the driver of the network decides what stands for the loopback",
          "[container]") {
  auto c = demo();
  c.allocations.mappings = {{"127.0.0.1", {25'565}}};
  const auto ports = [&](std::string_view driver) {
    return spec_of(c, on_network(rules(), driver)).ports;
  };
  REQUIRE(ports("bridge").size() == 1);
  CHECK(ports("bridge")[0].host_ip == "172.18.0.1");
  REQUIRE(ports("host").size() == 1);
  CHECK(ports("host")[0].host_ip == "127.0.0.1");
  CHECK(ports("overlay").empty());
  CHECK(ports("weavemesh").empty());
}

TEST_CASE("memory is given with its overhead", "[container]") {
  auto c = demo();
  const auto memory = [&](std::int64_t mb) {
    c.build.memory = mb;
    return limits_of(c, rules()).memory;
  };
  CHECK(memory(2'048) == 2'355'200'000);
  CHECK(memory(2'049) == 2'253'900'000);
  CHECK(memory(4'096) == 4'505'600'000);
  CHECK(memory(4'097) == 4'301'850'000);
  CHECK(memory(0) == 0);
  c.build.memory = 2'048;
  CHECK(limits_of(c, rules()).memory_reservation == 2'048'000'000);
}

TEST_CASE("an overhead of the node's own counts instead", "[container]") {
  auto r = rules();
  r.overhead = {true, 1.0, {{1'024, 1.5}, {4'096, 1.25}}};
  auto c = demo();
  CHECK(limits_of(c, r).memory == 2'560'000'000);
  c.build.memory = 1'024;
  CHECK(limits_of(c, r).memory == 1'536'000'000);
  c.build.memory = 5'000;
  CHECK(limits_of(c, r).memory == 5'000'000'000);
}

TEST_CASE("swap comes on top of memory, and -1 is no limit", "[container]") {
  auto c = demo();
  CHECK(limits_of(c, rules()).memory_swap == 2'355'200'000);
  c.build.swap = 512;
  CHECK(limits_of(c, rules()).memory_swap == 2'867'200'000);
  c.build.swap = -1;
  CHECK(limits_of(c, rules()).memory_swap == -1);
  c.build.memory = c.build.swap = std::numeric_limits<std::int64_t>::max();
  CHECK(limits_of(c, rules()).memory_swap > 0);
  c.build.swap = 512;
  c.build.memory = 0;
  CHECK(limits_of(c, rules()).memory_swap == 0);
}

TEST_CASE("a CPU limit is a quota, and none is no field", "[container]") {
  auto c = demo();
  CHECK(limits_of(c, rules()).cpu_quota == 200'000);
  CHECK(limits_of(c, rules()).cpu_period == 100'000);
  CHECK(limits_of(c, rules()).cpu_shares == 1'024);
  c.build.cpu = 0;
  CHECK(limits_of(c, rules()).cpu_quota == 0);
  CHECK(limits_of(c, rules()).cpu_period == 0);
  c.build.io_weight = 5;
  CHECK(limits_of(c, rules()).io_weight == 0);
}

TEST_CASE("mounts are allowed by whole components of their path",
          "[container]") {
  auto c = demo();
  c.mounts = {{"/srv/map", "/a", true},     {"/srv/map/x", "/b", false},
              {"/srv/maps2", "/c", false},  {"/srv/map/../etc", "/d", false},
              {"/opt/shared", "/e", false}, {"srv/map", "/f", false},
              {"/srv/map", "g", false}};
  CHECK(mounts_source(c, "/srv/map"));
  CHECK(mounts_source(c, "/srv/map/x"));
  CHECK(mounts_source(c, "/opt/shared"));
  CHECK(server_container(its_id, c, rules()).refused_mounts
        == std::vector<std::string>{"/srv/maps2", "/srv/map/../etc", "srv/map",
                                    "/srv/map"});
}

TEST_CASE("what the node says of its own address counts inside too",
          "[container]") {
  auto c = demo();
  c.allocations.ip = "127.0.0.1";
  c.allocations.mappings = {{"127.0.0.1", {1}}};
  auto r = rules();
  CHECK(spec_of(c, r).environment[3] == "SERVER_IP=172.18.0.1");
  CHECK(spec_of(c, r).ports[0].host_ip == "172.18.0.1");
  r.ispn = true;
  CHECK(spec_of(c, r).ports.empty());
}

TEST_CASE("the Panel cannot take a built-in variable's place", "[container]") {
  auto c = demo();
  c.environment = {{"TZ", "Mars"}, {"A=B", "x"}, {"JAR", "a b"}};
  const auto env = spec_of(c, rules()).environment;
  REQUIRE(env.size() == 6);
  CHECK(env[0] == "TZ=Europe/Berlin");
  CHECK(env[5] == "JAR=a b");
}

TEST_CASE("a server with an address of its own has a network of its own",
          "[container]") {
  auto c = demo();
  CHECK_FALSE(own_network(c));
  c.allocations.force_outgoing_ip = true;
  const auto network = own_network(c);
  REQUIRE(network);
  CHECK(network->name == "ip-203-0-113-5");
  CHECK_FALSE(network->ipv6);
  CHECK(network->options.at("com.docker.network.host_ipv4") == "203.0.113.5");
  CHECK(spec_of(c, rules()).network_mode == "ip-203-0-113-5");
}

TEST_CASE("labels of the Panel do not replace the fixed ones", "[container]") {
  auto c = demo();
  c.labels = {{"Service", "mine"}, {"team", "red"}, {"alula.server", "x"}};
  const auto labels = spec_of(c, rules()).labels;
  CHECK(labels.at("Service") == "Pterodactyl");
  CHECK(labels.at("team") == "red");
  CHECK(labels.at("alula.server") == its_id.view());
}

TEST_CASE("an image with a tilde is never pulled", "[container]") {
  CHECK(image_of("~local").name == "local");
  CHECK_FALSE(image_of("~local").may_pull);
  CHECK(image_of("remote:1").may_pull);
}

TEST_CASE("credentials are those of the longest registry that fits",
          "[container]") {
  auto r = rules();
  r.registries = {{"ghcr.io", {"a", "1"}}, {"ghcr.io/example", {"b", "2"}}};
  CHECK(login_for("ghcr.io/example/x", r)->username == "b");
  CHECK(login_for("ghcr.io/other", r)->username == "a");
  CHECK_FALSE(login_for("docker.io/x", r));
}

TEST_CASE("credentials go to their own registry only", "[container]") {
  auto r = rules();
  r.registries = {{"ghcr.io", {"a", "1"}},
                  {"quay.io/me/game", {"b", "2"}},
                  {"quay.io/", {"c", "3"}},
                  {"", {"d", "4"}}};
  for (const auto* image :
       {"ghcr.io.evil.tld/x", "ghcr.io:5000/x", "ghcr.iox", "gh", "game:1"})
    CHECK_FALSE(login_for(image, r));
  CHECK(login_for("ghcr.io/x:1", r)->username == "a");
  for (const auto* image :
       {"quay.io/me/game", "quay.io/me/game:1", "quay.io/me/game@sha256:0"})
    CHECK(login_for(image, r)->username == "b");
  CHECK(login_for("quay.io/me/game2", r)->username == "c");
}

TEST_CASE("an installer has the larger of both limits and nothing dropped",
          "[container]") {
  auto c = demo();
  c.build.memory = 512;
  c.build.cpu = 50;
  auto r = rules();
  const auto spec = [&] {
    return installer_container(its_id, c, r, "debian:bookworm-slim", "bash",
                               "/tmp/x");
  };
  CHECK(spec().name == its_id.to_string() + "_installer");
  CHECK(spec().command
        == std::vector<std::string>{"bash", "/mnt/install/install.sh"});
  CHECK(spec().limits.memory == 1'177'600'000);
  CHECK(spec().limits.cpu_quota == 100'000);
  CHECK(spec().limits.pids == 0);
  CHECK(spec().limits.io_weight == 500);
  CHECK(spec().limits.cpus.empty());
  c.build.threads = "0-1";
  CHECK(spec().limits.cpus == "0-1");
  CHECK(spec().user.empty());
  CHECK_FALSE(spec().read_only_root);
  CHECK(spec().dropped_capabilities.empty());
  CHECK(spec().labels.at("ContainerType") == "server_installer");
  CHECK(spec().mounts[1].target == "/mnt/install");
  c.allocations.force_outgoing_ip = true;
  CHECK(spec().network_mode == "pterodactyl_nw");
  c.build.cpu = 0;
  c.build.memory = 0;
  CHECK(spec().limits.cpu_quota == 0);
  CHECK(spec().limits.memory == 0);
}
