/// The door, the hub and an engine of two servers as a program, for the real
/// clients of websocket_client.py. Prints "port N"; then answers one line for
/// each line it reads:
///
///   announce UUID EVENT [ARG]   dismiss UUID GRACE_MS
///   flood UUID COUNT BYTES      delete UUID GRACE_MS
///   running UUID yes|no         count UUID          sockets    memory
///
/// Arguments NAME=MILLISECONDS shorten a limit: auth, ping, tick, unsent.
#include "http/server.hpp"
#include "http/socket_hub.hpp"
#include "jobs/clock.hpp"
#include "tests/http/servers_only.hpp"

#include <atomic>
#include <chrono>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <string_view>
#include <unistd.h>

using namespace alula;
using namespace alula::http;

namespace {

/// Of a hub that is older than it is: tokens of the second it was made in count
/// as later ones.
class earlier_start final : public jobs::clock {
public:
  jobs::time_ms now() const override {
    constexpr jobs::time_ms earlier = 2'000;
    return system_.now() - (is_made ? 0 : earlier);
  }
  std::atomic<bool> is_made{false};

private:
  jobs::system_clock system_;
};

constexpr const char* token = "the-node-token";

std::size_t resident_kib() {
  std::ifstream statm{"/proc/self/statm"};
  std::size_t all = 0, resident = 0;
  statm >> all >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)) / 1024;
}

void read_limit(std::string_view text, socket_limits& sockets,
                door_limits& door) {
  const auto at = text.find('=');
  const auto name = text.substr(0, at);
  const auto value = std::stoll(std::string{text.substr(at + 1)});
  const std::chrono::milliseconds time{value};
  if (name == "auth")
    sockets.auth_deadline = time;
  else if (name == "ping")
    sockets.ping_every = time;
  else if (name == "tick")
    sockets.expiry_tick = time;
  else if (name == "unsent")
    door.socket_unsent = static_cast<std::size_t>(value);
  else
    throw std::invalid_argument{std::string{text}};
}

struct desk {
  socket_hub& hub;
  servers_only& engine;
  server& door;

  std::string obey(std::istringstream line) {
    std::string verb, uuid;
    line >> verb >> uuid;
    if (verb == "sockets")
      return std::to_string(door.count().websockets);
    if (verb == "memory")
      return std::to_string(resident_kib());
    const auto id = jobs::server_id::parse(uuid);
    if (!id)
      return "no server";
    return obey(verb, *id, line);
  }

  std::string obey(const std::string& verb, const jobs::server_id& id,
                   std::istringstream& line) {
    std::string word;
    long first = 0, second = 0;
    if (verb == "announce") {
      std::string event, arg;
      line >> event;
      std::getline(line >> std::ws, arg);
      hub.announce(id, event,
                   arg.empty() ? std::vector<std::string>{} : std::vector{arg});
    } else if (verb == "flood") {
      line >> first >> second;
      const std::string text(static_cast<std::size_t>(second), 'x');
      for (long i = 0; i < first; ++i)
        hub.announce(id, "console", {std::to_string(i) + " " + text});
    } else if (verb == "dismiss") {
      line >> first;
      hub.dismiss(id, 1001, "server deleted", std::chrono::milliseconds{first});
    } else if (verb == "delete") {
      line >> first;
      engine.add(id, jobs::server_state::deleting);
      hub.announce(id, "transfer status", {"completed"});
      hub.announce(id, "deleted", {"null"});
      hub.dismiss(id, 1001, "server deleted", std::chrono::milliseconds{first});
    } else if (verb == "running") {
      line >> word;
      engine.answer_running(word == "yes");
    } else if (verb == "count") {
      return std::to_string(hub.count(id));
    } else {
      return "what?";
    }
    return "ok";
  }
};

} // namespace

int main(int argc, char** argv) {
  socket_limits limits;
  limits.per_server = 1'000;
  limits.guests_per_server = 1'000;
  door_limits door;
  for (int i = 1; i < argc; ++i)
    read_limit(argv[i], limits, door);

  earlier_start clock;
  servers_only engine;
  for (const auto* uuid : {"8d3fb5e2-5c47-4f0a-9b1e-0d3a2c1f5a7d",
                           "1c9a4a8e-7b6d-4d43-9c0b-6a5b4c3d2e1f"})
    engine.add(*jobs::server_id::parse(uuid));
  socket_hub hub{
      {token, "https://panel.example", {}}, {.limits = limits}, clock};
  clock.is_made = true;
  std::vector<route> routes{{"GET", "/api/servers/:server/ws", access::open,
                             make_socket_handler(hub, engine)},
                            {"POST", "/api/servers/:server/ws/deny",
                             access::bearer, make_deny_handler(hub, engine)}};
  server listening{{.port = 0, .token = token, .limits = door},
                   std::move(routes)};
  if (const auto started = listening.start(); !started) {
    std::cerr << started.error().what << '\n';
    return 1;
  }
  std::cout << "port " << listening.port() << std::endl;

  desk at{hub, engine, listening};
  for (std::string line; std::getline(std::cin, line);)
    std::cout << at.obey(std::istringstream{line}) << std::endl;
  hub.dismiss_all(1001, "the node goes down", std::chrono::milliseconds{100});
  listening.stop(std::chrono::milliseconds{100});
  hub.stop();
}
