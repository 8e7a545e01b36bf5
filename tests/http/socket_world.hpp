/// What the tests of the websocket stand on: an engine that only knows
/// servers, a clock that is moved by hand, and tokens of a Panel.
#pragma once

#include "http/socket_hub.hpp"
#include "tests/doubles/fake_exchange.hpp"
#include "tests/http/servers_only.hpp"
#include "tests/http/token_maker.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace alula::http {

using doubles::fake_exchange;
using doubles::fake_websocket;
using lines = std::vector<std::string>;

inline const auto server_a =
    *jobs::server_id::parse("8d3fb5e2-5c47-4f0a-9b1e-0d3a2c1f5a7d");
inline const auto server_b =
    *jobs::server_id::parse("1c9a4a8e-7b6d-4d43-9c0b-6a5b4c3d2e1f");

/// Both clocks, standing still until they are moved.
class held_clock final : public jobs::clock {
public:
  explicit held_clock(std::chrono::milliseconds passed = {})
    : passed_(passed.count()) {}
  jobs::time_ms now() const override { return 1'700'000'000'000 + passed_; }
  steady_time steady() const {
    return steady_time{} + std::chrono::milliseconds{passed_};
  }
  void move(std::chrono::milliseconds by) { passed_ += by.count(); }

private:
  std::atomic<std::int64_t> passed_;
};

struct socket_world {
  static constexpr const char* key = "the-node-token";
  static constexpr const char* panel = "https://panel.example";

  explicit socket_world(socket_limits limits = {},
                        std::chrono::milliseconds later = {})
    : clock(later), hub({key, panel, {}}, settings(limits), clock) {
    engine.add(server_a);
    engine.add(server_b);
    // A token issued in the second of the start would be denied.
    clock.move(std::chrono::seconds{1});
  }

  socket_settings settings(socket_limits limits) {
    return {.limits = limits, .own_thread = false, .now = [this] {
              return clock.steady();
            }};
  }

  std::shared_ptr<fake_exchange> ask(std::string server, header_list headers) {
    auto req = doubles::make_request("GET", "/api/servers/" + server + "/ws",
                                     {}, std::move(headers));
    req.params.emplace_back("server", server);
    auto asked = std::make_shared<fake_exchange>(std::move(req));
    make_socket_handler(hub, engine)(asked);
    return asked;
  }
  std::shared_ptr<fake_exchange> ask(const jobs::server_id& server) {
    return ask(server.to_string(),
               {{"Origin", panel}, {"Upgrade", "websocket"}});
  }
  /// A guest.
  std::shared_ptr<fake_websocket> open(const jobs::server_id& server) {
    auto socket = ask(server)->opened_socket();
    REQUIRE(socket);
    return socket;
  }

  nlohmann::json claims(const jobs::server_id& server,
                        std::vector<std::string> permissions = {"*"}) const {
    const auto second = clock.now() / 1'000;
    return {{"jti", "jti-1"},
            {"iat", second},
            {"nbf", second - 300},
            {"exp", second + 600},
            {"server_uuid", server.view()},
            {"user_uuid", "user-1"},
            {"permissions", permissions}};
  }
  static void authenticate(fake_websocket& socket,
                           const nlohmann::json& claims) {
    say(socket, "auth", {sign(claims, key)});
  }
  /// Authenticated, and what it was told until now taken away.
  std::shared_ptr<fake_websocket> join(const jobs::server_id& server,
                                       const nlohmann::json& with) {
    auto socket = open(server);
    authenticate(*socket, with);
    REQUIRE(heard(*socket) == lines{"auth success", "status offline"});
    return socket;
  }
  std::shared_ptr<fake_websocket> join(const jobs::server_id& server) {
    return join(server, claims(server));
  }

  static void say(fake_websocket& socket, std::string_view event,
                  const nlohmann::json& args) {
    socket.receive(nlohmann::json{{"event", event}, {"args", args}}.dump());
  }

  /// What came since the last call, one line per frame: the event and its
  /// arguments. The random number of an error is taken out.
  lines heard(const fake_websocket& socket) {
    const auto all = socket.sent();
    auto& from = seen_[&socket];
    lines out;
    for (; from < all.size(); ++from)
      out.push_back(line_of(all[from]));
    return out;
  }
  static std::string line_of(const std::string& frame) {
    const auto value = nlohmann::json::parse(frame);
    auto line = value.at("event").get<std::string>();
    for (const auto& arg : value.value("args", nlohmann::json::array()))
      line += " " + arg.get<std::string>();
    const auto open = line.find('[');
    if (open != std::string::npos && line.find(']') == open + 37)
      line.erase(open + 1, 36);
    return line;
  }

  void pass(std::chrono::milliseconds by) {
    clock.move(by);
    hub.run_due(clock.steady());
  }

  held_clock clock;
  servers_only engine;
  socket_hub hub;

private:
  std::map<const fake_websocket*, std::size_t> seen_;
};

/// Of an answer that is there already; 0 and "" when none is.
inline int status_of(const std::shared_ptr<fake_exchange>& asked) {
  const auto answer = asked->wait_for_answer(std::chrono::milliseconds{0});
  return answer ? answer->status : 0;
}

inline std::string code_of(const std::shared_ptr<fake_exchange>& asked) {
  const auto answer = asked->wait_for_answer(std::chrono::milliseconds{0});
  return answer ? nlohmann::json::parse(answer->body).at("code") : "";
}

/// The Panel takes tokens back.
inline void deny(socket_world& world, const std::string& body,
                 int expected = 204) {
  auto req = doubles::make_request("POST", "/", body);
  req.params.emplace_back("server", server_a.to_string());
  auto asked = std::make_shared<fake_exchange>(std::move(req));
  make_deny_handler(world.hub, world.engine)(asked);
  CHECK(status_of(asked) == expected);
}

} // namespace alula::http
