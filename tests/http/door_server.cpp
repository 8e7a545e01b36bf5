/// The door alone as a program, for wrk and for tests that need its process:
/// descriptor limits, memory. Prints "port N" and serves until its input ends.
///
///   GET  /poll    a text of 1 KiB, open
///   GET  /ws      a websocket that sends back what it is sent, open
///   POST /echo    the body, with the bearer "secret"
///
/// Arguments: threshold=N (connections), nofile=N (RLIMIT_NOFILE).
#include "http/server.hpp"

#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <sys/resource.h>

using namespace alula;
using namespace alula::http;

namespace {

void poll(const exchange_ptr& to) {
  to->reply({200,
             {{"Content-Type", "application/json"}, {"ETag", "\"1.0\""}},
             std::string(1'024, 'x')});
}

void echo_frames(const exchange_ptr& to) {
  const auto socket = std::make_shared<std::shared_ptr<websocket>>();
  websocket_events events;
  events.on_text = [socket](std::string text) {
    (*socket)->send(std::make_shared<const std::string>(std::move(text)));
  };
  events.on_closed = [socket](std::uint16_t) { socket->reset(); };
  *socket = to->upgrade(std::move(events));
  if (!*socket)
    to->reply({426, {{"Upgrade", "websocket"}}, {}});
}

std::size_t number_of(std::string_view argument) {
  return std::stoul(std::string{argument.substr(argument.find('=') + 1)});
}

} // namespace

int main(int argc, char** argv) {
  server_settings settings;
  settings.port = 0;
  settings.token = "secret";
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument{argv[i]};
    if (argument.substr(0, 10) == "threshold=")
      settings.limits.connections = number_of(argument);
    else if (argument.substr(0, 7) == "nofile=") {
      const rlim_t most = number_of(argument);
      const rlimit limit{most, most};
      ::setrlimit(RLIMIT_NOFILE, &limit);
    }
  }
  std::vector<route> routes{
      {"GET", "/poll", access::open, poll},
      {"GET", "/ws", access::open, echo_frames},
      {"POST", "/echo", access::bearer, [](const exchange_ptr& to) {
         to->reply({200, {}, to->req().body});
       }}};
  server door{std::move(settings), std::move(routes)};
  if (const auto started = door.start(); !started) {
    std::cerr << started.error().what << "\n";
    return 1;
  }
  std::cout << "port " << door.port() << std::endl;
  std::string line;
  while (std::getline(std::cin, line))
    ;
  door.stop(std::chrono::seconds{1});
  return 0;
}
