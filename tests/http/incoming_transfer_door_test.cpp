// A server that comes over a real connection, through the door, the real
// handlers and the real kind.
#include "http/server.hpp"
#include "jobs/incoming_transfers.hpp"
#include "tests/doubles/raw_client.hpp"
#include "tests/doubles/transfer_form.hpp"
#include "tests/http/systems_world.hpp"
#include "tests/http/token_maker.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>

using namespace alula;
using namespace alula::http;
using doubles::raw_client;

namespace {

const std::string signing_key(64, 'k');
const std::string the_server = "8d3f2a10-5b7c-4e21-9a44-0c1d2e3f5a7d";

struct transfer_door : systems_world {
  transfer_door() {
    node.incoming = &incoming;
    panel.put(id);
    auto all = all_parts();
    all.incoming = &incoming;
    all.settings.signing_key = [] { return signing_key; };
    server_settings settings;
    settings.port = 0;
    settings.token = "node";
    // Less than any archive here.
    settings.limits.body = 4'096;
    door = std::make_unique<server>(std::move(settings),
                                    http::make_routes(std::move(all)));
    if (const auto started = door->start(); !started)
      throw std::runtime_error{started.error().what};
  }
  ~transfer_door() { door.reset(); }

  raw_client client() { return raw_client{door->port()}; }

  std::string head_of(const std::string& length) {
    const auto now = clock.now() / 1'000;
    const json claims{{"sub", the_server},
                      {"iat", now},
                      {"nbf", now - 300},
                      {"exp", now + 900}};
    return "POST /api/transfers HTTP/1.1\r\nHost: node\r\nAuthorization: "
           "Bearer "
           + sign(claims, signing_key) + "\r\nContent-Type: "
           + doubles::forms::type + "\r\n" + length + "\r\n";
  }
  static std::string length_of(const std::string& body) {
    return "Content-Length: " + std::to_string(body.size()) + "\r\n";
  }
  /// As nodes send it: nobody knows how long it will be.
  static std::string in_chunks(const std::string& body, std::size_t size) {
    std::string out;
    for (std::size_t at = 0; at < body.size(); at += size) {
      const auto piece = body.substr(at, size);
      char head[20];
      std::snprintf(head, sizeof head, "%zx\r\n", piece.size());
      out += head + piece + "\r\n";
    }
    return out + "0\r\n\r\n";
  }

  jobs::job_record job() {
    const auto all = engine.all_jobs();
    REQUIRE(all.size() == 1);
    return all.front();
  }
  /// Nothing of it on the disks, on record, or in the door.
  bool is_clean() {
    const auto end =
        std::chrono::steady_clock::now() + std::chrono::seconds{30};
    while (door->count().pending > 0 || door->count().connections > 0)
      if (std::chrono::steady_clock::now() > end)
        return false;
    engine.join();
    return disk.live.empty() && disk.staging.empty() && disk.trash.empty()
           && archives.fetched.empty() && !store->live_server.contains(id);
  }

  const jobs::server_id id = jobs::server_id::parse(the_server).value();
  jobs::incoming_transfers incoming;
  std::unique_ptr<server> door;
};

} // namespace

TEST_CASE("a server flows past the door's memory", "[transfers][upload]") {
  transfer_door w;
  std::string content(std::size_t{24} << 20, 'x');
  for (std::size_t i = 0; i < content.size(); i += 4'097)
    content[i] = static_cast<char>('a' + i % 26);
  const auto body =
      doubles::forms::body(w.archives, doubles::forms::archive(content));
  auto peer = w.client();
  SECTION("with its length") {
    REQUIRE(peer.send(w.head_of(w.length_of(body)) + body));
  }
  SECTION("in chunks, as nodes send it") {
    REQUIRE(peer.send(w.head_of("Transfer-Encoding: chunked\r\n")));
    REQUIRE(peer.send(w.in_chunks(body, 32'749)));
  }
  const auto answer = peer.read_answer();
  REQUIRE(answer);
  INFO(answer->body);
  CHECK(answer->status == 200);
  CHECK(answer->body.empty());
  w.engine.join();
  CHECK(answer->header("Location") == "/api/jobs/" + w.job().id.to_string());
  CHECK(w.archives.extracted.at("level.dat") == content);
  CHECK(w.archives.fetched.empty());
  CHECK(w.disk.live.contains(w.id));
  CHECK(w.store->servers.at(w.job().server_row).record.state
        == jobs::server_state::active);
  CHECK_FALSE(w.store->servers.at(w.job().server_row).record.transferring);
}

TEST_CASE("a server may come byte by byte", "[transfers][upload]") {
  transfer_door w;
  const auto body = doubles::forms::body(w.archives);
  const auto all = w.head_of(w.length_of(body)) + body;
  auto peer = w.client();
  for (const char c : all)
    REQUIRE(peer.send({&c, 1}));
  const auto answer = peer.read_answer();
  REQUIRE(answer);
  CHECK(answer->status == 200);
}

TEST_CASE("an archive that is not what was sent becomes no server",
          "[transfers][upload]") {
  transfer_door w;
  auto body = doubles::forms::body(w.archives);
  body.replace(body.find("world"), 5, "sworn");
  const auto answer = w.client().ask(w.head_of(w.length_of(body)) + body);
  REQUIRE(answer);
  CHECK(answer->status == 400);
  CHECK(json::parse(answer->body).at("code") == "backup-damaged");
  CHECK(w.is_clean());
}

TEST_CASE("a server that is here already is refused before its body",
          "[transfers][upload]") {
  transfer_door w;
  const auto body = doubles::forms::body(w.archives);
  REQUIRE(w.client().ask(w.head_of(w.length_of(body)) + body));
  w.engine.join();
  auto peer = w.client();
  REQUIRE(peer.send(w.head_of("Content-Length: 1000000\r\n")));
  const auto answer = peer.read_answer();
  REQUIRE(answer);
  CHECK(answer->status == 409);
  CHECK(json::parse(answer->body).at("code") == "server-exists");
  CHECK(w.disk.live.contains(w.id));
}

TEST_CASE("a sender that is cut off leaves nothing", "[transfers][upload]") {
  transfer_door w;
  const auto body = doubles::forms::body(
      w.archives, doubles::forms::archive(std::string(3'000'000, 'x')));
  const auto sent = GENERATE(std::size_t{0}, std::size_t{1}, std::size_t{100},
                             std::size_t{2'000'000});
  auto peer = w.client();
  REQUIRE(peer.send(w.head_of(w.length_of(body)) + body.substr(0, sent)));
  if (GENERATE(false, true))
    peer.abort();
  else
    peer.close();
  CHECK(w.is_clean());
  for (const auto& job : w.engine.all_jobs())
    CHECK(job.state == jobs::job_state::failed);
}

TEST_CASE("a sender that goes behind its body gets no server",
          "[transfers][upload]") {
  transfer_door w;
  w.archives.hold("extract");
  const auto body = doubles::forms::body(w.archives);
  auto peer = w.client();
  REQUIRE(peer.send(w.head_of(w.length_of(body)) + body));
  REQUIRE(w.archives.wait_until_held("extract"));
  peer.abort();
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{30};
  while (w.door->count().connections > 0
         && std::chrono::steady_clock::now() < end) {
  }
  w.archives.let_go("extract");
  CHECK(w.is_clean());
  CHECK(w.job().state == jobs::job_state::failed);
}

TEST_CASE("a Panel that fails is an answer", "[transfers][upload]") {
  transfer_door w;
  w.panel.fail(jobs::fault{.code = jobs::fault_code::panel_unavailable,
                           .what = "the Panel is away"});
  const auto body = doubles::forms::body(w.archives);
  const auto answer = w.client().ask(w.head_of(w.length_of(body)) + body);
  REQUIRE(answer);
  CHECK(answer->status == 502);
  CHECK(json::parse(answer->body).at("code") == "transfer-failed");
  CHECK(json::parse(answer->body).at("detail") == "the Panel is away");
  CHECK(w.is_clean());
}
