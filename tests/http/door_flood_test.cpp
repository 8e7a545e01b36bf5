#include "tests/doubles/places.hpp"
#include "tests/http/door_world.hpp"

#include <algorithm>
#include <csignal>
#include <fstream>
#include <iostream>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>

extern char** environ;

using namespace alula;
using namespace alula::http;
using std::chrono::milliseconds;

namespace {

std::size_t resident_kib(pid_t process) {
  std::ifstream status{"/proc/" + std::to_string(process) + "/status"};
  std::string line;
  while (std::getline(status, line))
    if (line.rfind("VmRSS:", 0) == 0)
      return std::stoul(line.substr(6));
  return 0;
}

/// The door as a process of its own.
class door_process {
public:
  explicit door_process(std::vector<std::string> arguments) {
    int in[2], out[2];
    REQUIRE(::pipe2(in, O_CLOEXEC) == 0);
    REQUIRE(::pipe2(out, O_CLOEXEC) == 0);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, in[0], 0);
    ::posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    std::vector<char*> argv;
    std::string program = doubles::places::door_server;
    argv.push_back(program.data());
    for (auto& argument : arguments)
      argv.push_back(argument.data());
    argv.push_back(nullptr);
    REQUIRE(::posix_spawn(&pid, program.c_str(), &actions, nullptr, argv.data(),
                          environ)
            == 0);
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(in[0]);
    ::close(out[1]);
    to_ = in[1];
    std::string line;
    char byte = 0;
    while (::read(out[0], &byte, 1) == 1 && byte != '\n')
      line += byte;
    ::close(out[0]);
    REQUIRE(line.rfind("port ", 0) == 0);
    port = static_cast<std::uint16_t>(std::stoi(line.substr(5)));
  }
  ~door_process() {
    ::close(to_);
    int status = 0;
    ::waitpid(pid, &status, 0);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
  }
  door_process(const door_process&) = delete;
  door_process& operator=(const door_process&) = delete;

  pid_t pid = 0;
  std::uint16_t port = 0;

private:
  int to_ = -1;
};

/// Raises the own limit as far as it goes, and puts it back. Who may raise the
/// hard one too (CAP_SYS_RESOURCE, up to fs.nr_open) has at least `wanted`.
class many_descriptors {
public:
  explicit many_descriptors(rlim_t wanted = 0) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const auto most = std::max(wanted, before_.rlim_max);
    if (!raise_to(most))
      raise_to(before_.rlim_max);
  }
  ~many_descriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  many_descriptors(const many_descriptors&) = delete;
  many_descriptors& operator=(const many_descriptors&) = delete;
  rlim_t room = 0;

private:
  bool raise_to(rlim_t most) {
    const rlimit raised{most, most};
    const bool is_raised = ::setrlimit(RLIMIT_NOFILE, &raised) == 0;
    if (is_raised)
      room = most;
    return is_raised;
  }

  rlimit before_{};
};

} // namespace

TEST_CASE("20,000 connections against 1,024 descriptors: the door still opens",
          "[http][door][slow]") {
  many_descriptors mine{22'000};
  const int wanted =
      mine.room > 21'000 ? 20'000 : static_cast<int>(mine.room) - 500;
  if (wanted < 20'000)
    std::cout << "skipped: " << wanted << " connections instead of 20,000: "
              << "RLIMIT_NOFILE is at most " << mine.room << std::endl;
  door_process door{{"nofile=1024"}};
  {
    std::vector<raw_client> crowd;
    for (int i = 0; i < wanted; ++i) {
      // Many sources: one alone has not that many ports.
      crowd.emplace_back(door.port, 2u + static_cast<unsigned>(i) / 5'000);
      REQUIRE(crowd.back().is_connected());
      // Some have something to say, so that not all are equally silent.
      if (i % 10 == 0)
        crowd.back().send("GET /poll HTTP/1.1\r\n");
      // In the middle of it all others are served.
      if (i % 1'000 == 999) {
        raw_client client{door.port};
        const auto answer = client.ask(get("/poll"));
        REQUIRE(answer);
        CHECK(answer->status == 200);
      }
    }
  }
  for (int i = 0; i < 100; ++i) {
    raw_client client{door.port};
    const auto answer = client.ask(get("/poll"));
    REQUIRE(answer);
    CHECK(answer->status == 200);
  }
}

TEST_CASE("running out of descriptors does not end accepting", "[http][door]") {
  door_world w;
  // Their descriptors exist already; the door needs one for each.
  std::vector<raw_client> early(5);
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  auto lowered = before;
  lowered.rlim_cur = 512;
  ::setrlimit(RLIMIT_NOFILE, &lowered);
  std::vector<int> hoard;
  for (;;) {
    const int fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
      break;
    hoard.push_back(fd);
  }
  REQUIRE(errno == EMFILE);
  for (auto& client : early) {
    CHECK(client.connect_to(w.door->port()));
    client.send(get("/poll"));
  }
  // Nobody is served: there is nothing to serve them with.
  CHECK_FALSE(early[0].read_answer(false, milliseconds{300}));
  for (const int fd : hoard)
    ::close(fd);
  ::setrlimit(RLIMIT_NOFILE, &before);
  for (auto& client : early) {
    const auto answer = client.read_answer();
    REQUIRE(answer);
    CHECK(answer->status == 200);
  }
  CHECK(w.client().ask(get("/poll"))->status == 200);
}

TEST_CASE("a frame header announcing 4 GiB costs no memory", "[http][door]") {
  door_process door{{}};
  raw_client witness{door.port};
  REQUIRE(witness.ask(doubles::upgrade_request("/ws"))->status == 101);
  const auto before = resident_kib(door.pid);
  for (int i = 0; i < 20; ++i) {
    raw_client peer{door.port};
    REQUIRE(peer.ask(doubles::upgrade_request("/ws"))->status == 101);
    peer.send(doubles::make_frame(1, "begin of it", true, true,
                                  i % 2 == 0 ? 0xFFFF'FFFFull : 1ull << 40));
    const auto frame = doubles::read_frame(peer);
    REQUIRE(frame);
    CHECK(frame->close_code() == 1009);
    peer.half_close();
    CHECK(peer.has_ended());
  }
  CHECK(resident_kib(door.pid) < before + 16 * 1'024);
  // Only those connections: another one lives.
  witness.send(doubles::make_frame(1, "still here"));
  CHECK(doubles::read_frame(witness)->payload == "still here");
}

TEST_CASE("10,000 requests over 500 connections are all answered",
          "[http][door]") {
  many_descriptors mine;
  door_world w;
  std::vector<raw_client> clients;
  for (int i = 0; i < 500; ++i)
    clients.push_back(w.client());
  for (int round = 0; round < 20; ++round) {
    for (auto& client : clients)
      client.send(get("/poll"));
    for (auto& client : clients) {
      const auto answer = client.read_answer();
      REQUIRE(answer);
      REQUIRE(answer->status == 200);
    }
  }
}
