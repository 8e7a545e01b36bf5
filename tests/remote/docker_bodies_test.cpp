#include "remote/docker_bodies.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace alula;
using namespace alula::remote;
using nlohmann::json;

namespace {

/// The example of wings-protocol 8.3.
jobs::container_spec example() {
  jobs::container_spec spec;
  spec.name = "3f1d3a0e-7a55-4c3c-9d4f-0a4f5c1f2b11";
  spec.hostname = spec.name;
  spec.image = "ghcr.io/example/runtime:21";
  spec.user = "988:988";
  spec.environment = {"TZ=Europe/Berlin", "STARTUP=./run"};
  spec.labels = {{"Service", "Pterodactyl"},
                 {"ContainerType", "server_process"}};
  spec.limits = {.memory = 2'355'200'000,
                 .memory_reservation = 2'048'000'000,
                 .memory_swap = 2'355'200'000,
                 .cpu_quota = 200'000,
                 .cpu_period = 100'000,
                 .cpu_shares = 1'024,
                 .cpus = "0-1",
                 .io_weight = 500,
                 .pids = 512,
                 .oom_killer_disabled = true};
  spec.mounts = {{"/srv/volumes/3f1d", "/home/container", false}};
  spec.ports = {{"203.0.113.5", 25'565}, {"203.0.113.6", 25'565}};
  spec.tmpfs_mib = 100;
  spec.dns = {"1.1.1.1", "1.0.0.1"};
  spec.log_options = {{"max-size", "5m"}};
  spec.network_mode = "pterodactyl_nw";
  spec.dropped_capabilities = {"setpcap", "mknod"};
  spec.read_only_root = true;
  return spec;
}

} // namespace

TEST_CASE("a server's container is made as the Panel's users know it",
          "[remote]") {
  const auto body = json::parse(create_body(example()));
  CHECK(body == json::parse(R"({
  "Hostname": "3f1d3a0e-7a55-4c3c-9d4f-0a4f5c1f2b11", "Domainname": "",
  "User": "988:988",
  "AttachStdin": true, "AttachStdout": true, "AttachStderr": true,
  "OpenStdin": true, "Tty": true,
  "Env": ["TZ=Europe/Berlin", "STARTUP=./run"],
  "Image": "ghcr.io/example/runtime:21",
  "ExposedPorts": {"25565/tcp": {}, "25565/udp": {}},
  "Labels": {"Service": "Pterodactyl", "ContainerType": "server_process"},
  "HostConfig": {
    "PortBindings": {
      "25565/tcp": [{"HostIp": "203.0.113.5", "HostPort": "25565"},
                    {"HostIp": "203.0.113.6", "HostPort": "25565"}],
      "25565/udp": [{"HostIp": "203.0.113.5", "HostPort": "25565"},
                    {"HostIp": "203.0.113.6", "HostPort": "25565"}]},
    "Mounts": [{"Type": "bind", "Source": "/srv/volumes/3f1d",
                "Target": "/home/container", "ReadOnly": false}],
    "Tmpfs": {"/tmp": "rw,exec,nosuid,size=100M"},
    "Memory": 2355200000, "MemoryReservation": 2048000000,
    "MemorySwap": 2355200000,
    "BlkioWeight": 500, "OomKillDisable": true, "PidsLimit": 512,
    "CpuQuota": 200000, "CpuPeriod": 100000, "CpuShares": 1024,
    "CpusetCpus": "0-1",
    "Dns": ["1.1.1.1", "1.0.0.1"],
    "LogConfig": {"Type": "local", "Config": {"max-size": "5m"}},
    "SecurityOpt": ["no-new-privileges"], "ReadonlyRootfs": true,
    "CapDrop": ["setpcap", "mknod"],
    "NetworkMode": "pterodactyl_nw", "UsernsMode": "",
    "RestartPolicy": {"Name": "no"}}})"));
}

TEST_CASE("an installer's container has no more limits than it is given",
          "[remote]") {
  jobs::container_spec spec;
  spec.image = "installer:1";
  spec.command = {"bash", "/mnt/install/install.sh"};
  spec.no_new_privileges = false;
  const auto body = json::parse(create_body(spec));
  CHECK(body["Cmd"] == json{"bash", "/mnt/install/install.sh"});
  CHECK(body["User"] == "");
  const auto& host = body["HostConfig"];
  for (const auto* key :
       {"Memory", "MemorySwap", "CpuQuota", "PidsLimit", "BlkioWeight", "Tmpfs",
        "SecurityOpt", "OomKillDisable", "PortBindings", "CpusetCpus"}) {
    INFO(key);
    CHECK_FALSE(host.contains(key));
  }
  CHECK(host["ReadonlyRootfs"] == false);
}

TEST_CASE("bytes that are no UTF-8 make a body all the same", "[remote]") {
  jobs::container_spec spec;
  spec.environment = {"MOTD=\xff\xfe"};
  CHECK(json::accept(create_body(spec)));
}

TEST_CASE("an update lifts what has no limit", "[remote]") {
  const auto lifted = json::parse(update_body({}, "0-3"));
  CHECK(lifted["Memory"] > std::int64_t{1} << 60);
  CHECK(lifted["MemorySwap"] > lifted["Memory"]);
  CHECK(lifted["CpuQuota"] == -1);
  CHECK(lifted["CpuShares"] == 1'024);
  CHECK(lifted["PidsLimit"] == -1);
  CHECK(lifted["CpusetCpus"] == "0-3");

  const auto limited = json::parse(update_body(
      {.memory = 1'000, .cpu_quota = 5'000, .cpus = "1", .pids = 9}, "0-3"));
  CHECK(limited["Memory"] == 1'000);
  CHECK(limited["MemorySwap"] == 2'000);
  CHECK(limited["MemoryReservation"] == 1'000);
  CHECK(limited["CpuQuota"] == 5'000);
  CHECK(limited["CpusetCpus"] == "1");
  CHECK(limited["PidsLimit"] == 9);
  const auto raised =
      json::parse(update_body({.memory = 5, .memory_swap = -1}, ""));
  CHECK(raised["MemorySwap"] > std::int64_t{1} << 60);
}

TEST_CASE("an update changes the weight of the disk where there is one",
          "[remote]") {
  const auto weighed = json::parse(update_body({.io_weight = 300}, ""));
  CHECK(weighed["BlkioWeight"] == 300);
  CHECK_FALSE(json::parse(update_body({}, "")).contains("BlkioWeight"));
  // dockerd would take it and do nothing.
  const auto deaf = json::parse(update_body({.oom_killer_disabled = true}, ""));
  CHECK_FALSE(deaf.contains("OomKillDisable"));
}

TEST_CASE("what the kernel cannot do of an update is read", "[remote]") {
  CHECK(read_warnings(R"({"Warnings":["Weight discarded.", 7]})")
        == std::vector<std::string>{"Weight discarded."});
  for (const auto* text : {"", "[]", "{}", R"({"Warnings":null})"})
    CHECK(read_warnings(text).empty());
}

TEST_CASE("a network is made with what it is given", "[remote]") {
  const auto body =
      json::parse(network_body({.name = "pterodactyl_nw",
                                .ipv6 = true,
                                .subnet = "172.18.0.0/16",
                                .gateway = "172.18.0.1",
                                .subnet_v6 = "fdba:17c8:6c94::/64",
                                .options = {{"mtu", "1500"}}}));
  CHECK(body["Driver"] == "bridge");
  CHECK(body["EnableIPv6"] == true);
  CHECK(body["Options"]["mtu"] == "1500");
  CHECK(body["IPAM"]["Config"]
        == json::parse(R"([{"Subnet":"172.18.0.0/16","Gateway":"172.18.0.1"},
                           {"Subnet":"fdba:17c8:6c94::/64"}])"));
  CHECK_FALSE(json::parse(network_body({.name = "x"})).contains("IPAM"));
}

TEST_CASE("credentials go into the header as Docker reads them", "[remote]") {
  CHECK(registry_auth({"user", "p?>"})
        == "eyJwYXNzd29yZCI6InA_PiIsInVzZXJuYW1lIjoidXNlciJ9");
}

TEST_CASE("names of images are read", "[remote]") {
  const auto read = [](const std::string& text) {
    const auto name = read_image_name(text);
    return name ? name->repository + " " + name->tag : "none";
  };
  CHECK(read("debian") == "debian latest");
  CHECK(read("debian:12") == "debian 12");
  CHECK(read("ghcr.io/a/b:21") == "ghcr.io/a/b 21");
  CHECK(read("host:5000/a/b") == "host:5000/a/b latest");
  CHECK(read("host:5000/a/b:c") == "host:5000/a/b c");
  CHECK(read("a/b@sha256:ab") == "a/b sha256:ab");
  for (const std::string text : {"", "../x", "a/../b", "a//b", "a b", "a?b",
                                 "/a", "a:", "~local", "a\n", ":a"})
    CHECK(read(text) == "none");
  CHECK(read(std::string(1'000, 'a')) == "none");
}

TEST_CASE("facts are read of both answers", "[remote]") {
  const auto facts = read_facts(
      R"({"Version":"25.0.4","Components":[{"Name":"runc","Version":"9"}]})",
      R"({"Containers":12,"ContainersRunning":7,"ContainersPaused":1,
          "ContainersStopped":4,"Driver":"overlay2",
          "DriverStatus":[["Supports d_type","true"],
                          ["Backing Filesystem","extfs"]],
          "CgroupDriver":"systemd","CgroupVersion":"2",
          "RuncCommit":{"ID":"v1.1.12-0-g51d5e94"},
          "KernelVersion":"6.1.0","OperatingSystem":"Debian GNU/Linux 12",
          "MemTotal":33501757440})");
  REQUIRE(facts);
  CHECK(facts->version == "25.0.4");
  CHECK(facts->containers == 12);
  CHECK(facts->running == 7);
  CHECK(facts->paused == 1);
  CHECK(facts->stopped == 4);
  CHECK(facts->storage_driver == "overlay2");
  CHECK(facts->filesystem == "extfs");
  CHECK(facts->cgroup_driver == "systemd");
  CHECK(facts->cgroup_version == "2");
  CHECK(facts->runc_version == "v1.1.12-0-g51d5e94");
  CHECK(facts->memory_bytes == 33'501'757'440);

  const auto old = read_facts(
      R"({"Version":"19","Components":[{"Name":"runc","Version":"9"}]})", "{}");
  REQUIRE(old);
  CHECK(old->cgroup_version == "1");
  CHECK(old->runc_version == "9");
  CHECK_FALSE(read_facts("{}", "{}"));
  CHECK_FALSE(read_facts("garbage", "{}"));
}
