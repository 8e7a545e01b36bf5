/// A door on a free port with routes that do one thing each, and what they saw.
#pragma once

#include "http/server.hpp"
#include "tests/doubles/raw_client.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace alula::http {

using doubles::raw_client;

/// Something that happens on another thread, waited for with a limit.
class happening {
public:
  template<class Change>
  void change(Change what) {
    std::lock_guard lock{mutex_};
    what();
    changed_.notify_all();
  }
  template<class Condition>
  bool wait(Condition condition,
            std::chrono::milliseconds limit = std::chrono::seconds{20}) {
    std::unique_lock lock{mutex_};
    return changed_.wait_for(lock, limit, condition);
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
};

/// More than the kernel's buffers take.
constexpr std::size_t big_size = 32 * 1'024 * 1'024;

struct door_world {
  static server_settings make_settings() {
    server_settings settings;
    settings.port = 0;
    settings.token = "secret";
    return settings;
  }

  explicit door_world(server_settings settings = make_settings())
    : door(std::make_unique<server>(std::move(settings), make_routes())) {
    const auto started = door->start();
    if (!started)
      throw std::runtime_error{started.error().what};
  }

  // Declared before the door: its routes use them to its last moment.
  happening news;
  std::vector<exchange_ptr> held;
  std::vector<std::shared_ptr<stream>> streams;
  std::vector<std::shared_ptr<websocket>> sockets;
  std::vector<std::string> texts;
  std::vector<std::uint16_t> closed_with;
  int pongs = 0;
  std::unique_ptr<server> door;

  raw_client client() { return raw_client{door->port()}; }

  bool wait_held(std::size_t count) {
    return news.wait([&] { return held.size() >= count; });
  }
  exchange_ptr take_held() {
    exchange_ptr taken;
    news.change([&] {
      taken = std::move(held.back());
      held.pop_back();
    });
    return taken;
  }
  /// Waits until the door counts so; it counts on its own thread.
  template<class Condition>
  bool wait_count(Condition condition) {
    const auto end =
        std::chrono::steady_clock::now() + std::chrono::seconds{20};
    while (!condition(door->count()))
      if (std::chrono::steady_clock::now() > end)
        return false;
    return true;
  }

  /// Upgrades, and takes the 101 off the wire.
  raw_client open_socket() {
    auto peer = client();
    const auto before = sockets.size();
    const auto answer = peer.ask(doubles::upgrade_request("/ws"));
    REQUIRE(answer);
    REQUIRE(answer->status == 101);
    REQUIRE(news.wait([&] { return sockets.size() > before; }));
    return peer;
  }

private:
  std::vector<route> make_routes() {
    return {{"GET", "/healthz", access::open,
             [](const exchange_ptr& to) {
               to->reply({200, {}, "ok"});
             }},
            {"GET", "/readyz", access::open,
             [](const exchange_ptr& to) {
               to->reply({200, {}, "ready"});
             }},
            {"GET", "/poll", access::open,
             [](const exchange_ptr& to) {
               to->reply({200, {{"Content-Type", "text/plain"}}, "polled"});
             }},
            {"HEAD", "/poll", access::open,
             [](const exchange_ptr& to) {
               to->reply({200, {}, "polled"});
             }},
            {"GET", "/status/:code", access::open,
             [](const exchange_ptr& to) {
               to->reply(
                   {std::stoi(std::string{to->req().param("code")}), {}, "x"});
             }},
            {"GET", "/items/:a/:b", access::bearer,
             [](const exchange_ptr& to) {
               const auto& req = to->req();
               std::string body =
                   std::string{req.param("a")} + "|"
                   + std::string{req.param("b")} + "|"
                   + std::string{req.query_value("q").value_or("-")} + "|"
                   + (req.who ? req.who->id : std::string{}) + "|" + req.remote;
               to->reply({200, {}, std::move(body)});
             }},
            {"POST", "/echo", access::bearer,
             [](const exchange_ptr& to) {
               to->reply({200, {}, to->req().body});
             }},
            {"POST", "/open-echo", access::open,
             [](const exchange_ptr& to) {
               to->reply({200, {}, to->req().body});
             }},
            {"GET", "/big", access::open,
             [](const exchange_ptr& to) {
               to->reply({200, {}, std::string(big_size, 'x')});
             }},
            {"GET", "/throw", access::open,
             [](const exchange_ptr&) { throw std::runtime_error{"boom"}; }},
            {"GET", "/throw-int", access::open,
             [](const exchange_ptr&) { throw 7; }},
            {"GET", "/drop", access::open, [](const exchange_ptr&) {}},
            {"GET", "/hold", access::open,
             [this](const exchange_ptr& to) {
               news.change([&] { held.push_back(to); });
             }},
            {"POST", "/hold", access::open,
             [this](const exchange_ptr& to) {
               news.change([&] { held.push_back(to); });
             }},
            {"GET", "/inject", access::open,
             [](const exchange_ptr& to) {
               to->reply({200,
                          {{"X-Bad", "a\r\nX-Evil: 1"},
                           {"Content-Length", "99"},
                           {"Connection", "upgrade"}},
                          "x"});
             }},
            {"GET", "/stream", access::open,
             [this](const exchange_ptr& to) {
               auto opened = to->start_stream(
                   {200, {{"Content-Type", "text/event-stream"}}, {}});
               news.change([&] { streams.push_back(std::move(opened)); });
             }},
            {"GET", "/ws", access::open, [this](const exchange_ptr& to) {
               websocket_events events;
               events.on_text = [this](std::string text) {
                 news.change([&] { texts.push_back(std::move(text)); });
               };
               events.on_pong = [this] { news.change([&] { ++pongs; }); };
               events.on_closed = [this](std::uint16_t code) {
                 news.change([&] { closed_with.push_back(code); });
               };
               auto opened = to->upgrade(std::move(events));
               if (!opened) {
                 to->reply({426, {{"Upgrade", "websocket"}}, {}});
                 return;
               }
               news.change([&] { sockets.push_back(std::move(opened)); });
             }}};
  }
};

inline std::string get(std::string_view path, std::string_view headers = "") {
  return "GET " + std::string{path} + " HTTP/1.1\r\nHost: node\r\n"
         + std::string{headers} + "\r\n";
}

inline std::string
post(std::string_view path, std::string_view body,
     std::string_view headers = "Authorization: Bearer secret\r\n") {
  return "POST " + std::string{path} + " HTTP/1.1\r\nHost: node\r\n"
         + std::string{headers} + "Content-Length: "
         + std::to_string(body.size()) + "\r\n\r\n" + std::string{body};
}

constexpr std::string_view bearer = "Authorization: Bearer secret\r\n";

} // namespace alula::http
