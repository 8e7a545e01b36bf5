// How fast links that others have signed are sent and fetched, and how slow
// they may be.
#include "jobs/rate_limit.hpp"
#include "remote/s3_store.hpp"
#include "remote/signed_links.hpp"
#include "tests/contracts/object_store_contract.hpp"
#include "tests/doubles/scripted_web.hpp"
#include "tests/remote/fetched.hpp"

#include <catch2/catch.hpp>

#include <arpa/inet.h>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <netinet/in.h>
#include <poll.h>
#include <stop_token>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

using namespace alula;
using namespace alula::remote;
using alula::contracts::text_source;
using alula::doubles::scripted_web;
using jobs::fault_code;

// The least time that so many bytes take at a rate, less what may be ahead: one
// buffer of libcurl's and what the kernel's socket holds.
TEST_CASE("a download keeps to its rate", "[remote][far]") {
  constexpr std::int64_t rate = 512 * 1024;
  const std::string megabyte(1 << 20, 'x');
  scripted_web web{[&](const scripted_web::request&) {
    return scripted_web::answer(200, gzip, megabyte);
  }};
  web_links slow{{.allowed = {"127.0.0.1"}, .take_rate = rate}};
  const auto begin = std::chrono::steady_clock::now();
  CHECK(fetch(slow, web.at("/k")).text == megabyte);
  CHECK(std::chrono::steady_clock::now() - begin > std::chrono::seconds{1});
}

namespace {

/// Time that passes when somebody who sends has to wait, and only then.
struct waited_time {
  std::shared_ptr<jobs::shared_rate> at(std::uint64_t bytes_per_second) {
    return std::make_shared<jobs::shared_rate>(
        bytes_per_second,
        [this] { return std::chrono::steady_clock::time_point{passed.load()}; },
        [this](std::chrono::nanoseconds wait, const std::stop_token& stop) {
          passed = passed.load() + wait;
          return !stop.stop_requested();
        });
  }
  std::atomic<std::chrono::nanoseconds> passed{std::chrono::hours{1}};
};

} // namespace

TEST_CASE("uploads to the Panel's store and to ours share a rate",
          "[remote][far]") {
  const std::string megabyte(1 << 20, 'x');
  scripted_web web{[](const scripted_web::request&) {
    return scripted_web::answer(200, "ETag: \"e\"\r\n", "");
  }};
  waited_time time;
  const auto begin = time.passed.load();
  const auto limit = time.at(256 * 1024);
  web_links links{{.allowed = {"127.0.0.1"}, .send_limit = limit}};
  const jobs::system_clock clock;
  s3_store store{{.name = "ours",
                  .endpoint = web.at(""),
                  .bucket = "b",
                  .keys = {"a", "s", {}},
                  .send_limit = limit},
                 clock};
  REQUIRE(links.put(web.at("/k"), text_source{megabyte}, {}, {}));
  REQUIRE(store.put("k", text_source{megabyte}, {}));
  REQUIRE(links.put(web.at("/k"), text_source{megabyte}, {}, {}));
  // 3 MiB at 256 KiB per second, of which the first second's worth is free.
  const auto took = time.passed.load() - begin;
  CHECK(took > std::chrono::milliseconds{10'999});
  CHECK(took <= std::chrono::seconds{11});
  std::size_t arrived = 0;
  for (const auto& one : web.requests())
    arrived += one.body.size();
  CHECK(arrived == 3 * megabyte.size());
}

TEST_CASE("an upload that waits for its turn ends when asked to stop",
          "[remote][far]") {
  scripted_web web{[](const scripted_web::request&) {
    return scripted_web::answer(200, "ETag: \"e\"\r\n", "");
  }};
  std::stop_source stop;
  const auto limit = std::make_shared<jobs::shared_rate>(
      1, std::chrono::steady_clock::now,
      [&](std::chrono::nanoseconds, const std::stop_token& token) {
        stop.request_stop();
        return !token.stop_requested();
      });
  web_links links{{.allowed = {"127.0.0.1"}, .send_limit = limit}};
  const auto sent = links.put(web.at("/k"), text_source{std::string(100, 'x')},
                              {}, stop.get_token());
  REQUIRE_FALSE(sent);
  CHECK(sent.error().code == fault_code::interrupted);
}

// Bytes that the kernel has taken are on their way for as long as the link
// needs: here some 30 KB every 60 ms, of 1 MB, and a second of silence is
// enough.
TEST_CASE("a part on a slow link is not given up while it moves",
          "[remote][far]") {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int room = 16 * 1024;
  setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  REQUIRE(bind(listener, reinterpret_cast<sockaddr*>(&at), size) == 0);
  REQUIRE(listen(listener, 1) == 0);
  getsockname(listener, reinterpret_cast<sockaddr*>(&at), &size);
  constexpr std::size_t length = 1'000'000;
  const bool goes_on = GENERATE(true, false);
  std::thread link{[&] {
    const int peer = accept(listener, nullptr, nullptr);
    std::string seen, piece(30'000, ' ');
    for (;;) {
      const auto got = recv(peer, piece.data(), piece.size(), 0);
      if (got <= 0)
        break;
      seen.append(piece, 0, static_cast<std::size_t>(got));
      const auto end = seen.find("\r\n\r\n");
      if (end != std::string::npos && seen.size() - end - 4 == length)
        break;
      // Slow, or it hangs, until the other side has had enough.
      const bool hangs = !goes_on && seen.size() > length / 3;
      pollfd gone{peer, POLLRDHUP, 0};
      if (poll(&gone, 1, hangs ? 10'000 : 60) > 0 || hangs)
        break;
    }
    const std::string answer =
        "HTTP/1.1 200 OK\r\nETag: \"e\"\r\nContent-Length: 0\r\n\r\n";
    (void)!send(peer, answer.data(), answer.size(), MSG_NOSIGNAL);
    close(peer);
  }};
  web_links links{{.stall = std::chrono::seconds{1}}};
  const auto answer =
      links.put("http://127.0.0.1:" + std::to_string(ntohs(at.sin_port)) + "/k",
                text_source{std::string(length, 'x')}, {}, {});
  link.join();
  close(listener);
  CHECK(answer.has_value() == goes_on);
  if (!goes_on)
    CHECK(answer.error().code == fault_code::store_unavailable);
}
