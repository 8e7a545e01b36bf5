#include "tests/http/door_world.hpp"

using namespace alula;
using namespace alula::http;
using doubles::make_frame;
using doubles::read_frame;
using std::chrono::milliseconds;

namespace {

std::shared_ptr<const std::string> shared(std::string text) {
  return std::make_shared<const std::string>(std::move(text));
}

bool wait_text(door_world& w, std::string_view text) {
  return w.news.wait(
      [&] { return !w.texts.empty() && w.texts.back() == text; });
}

std::uint16_t wait_closed(door_world& w) {
  if (!w.news.wait([&] { return !w.closed_with.empty(); }))
    return 0;
  return w.closed_with.front();
}

/// The close frame says so, and the connection ends soon.
void expect_close(door_world& w, raw_client& peer, std::uint16_t code) {
  const auto frame = read_frame(peer);
  REQUIRE(frame);
  CHECK(frame->opcode == 8);
  CHECK(frame->close_code() == code);
  peer.half_close();
  CHECK(peer.has_ended());
  CHECK(wait_closed(w) == code);
}

} // namespace

TEST_CASE("an upgrade answers as RFC 6455 says", "[http][door]") {
  door_world w;
  auto peer = w.client();
  const auto answer = peer.ask(doubles::upgrade_request("/ws"));
  REQUIRE(answer);
  CHECK(answer->status == 101);
  // The example of section 1.3.
  CHECK(answer->header("Sec-WebSocket-Accept")
        == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  CHECK(answer->header("Upgrade") == "websocket");
  CHECK(answer->header("Connection") == "Upgrade");
}

TEST_CASE("what is no upgrade is no websocket", "[http][door]") {
  door_world w;
  CHECK(w.client().ask(get("/ws"))->status == 426);
  CHECK(w.client()
            .ask(get("/ws", "Connection: Upgrade\r\nUpgrade: websocket\r\n"
                            "Sec-WebSocket-Version: 8\r\n"
                            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"))
            ->status
        == 426);
  CHECK(w.client()
            .ask(get("/ws", "Connection: Upgrade\r\nUpgrade: websocket\r\n"
                            "Sec-WebSocket-Version: 13\r\n"))
            ->status
        == 426);
}

TEST_CASE("texts go both ways", "[http][door]") {
  door_world w;
  auto peer = w.open_socket();
  peer.send(make_frame(1, "hello"));
  CHECK(wait_text(w, "hello"));
  peer.send(make_frame(1, ""));
  CHECK(wait_text(w, ""));
  CHECK(w.sockets[0]->send(shared("back")));
  CHECK(read_frame(peer)->payload == "back");
  CHECK(w.sockets[0]->send(shared(std::string(70'000, 'x'))));
  CHECK(read_frame(peer)->payload.size() == 70'000);
}

TEST_CASE("frames sent with the upgrade are not lost", "[http][door]") {
  door_world w;
  auto peer = w.client();
  peer.send(doubles::upgrade_request("/ws") + make_frame(1, "early"));
  CHECK(peer.read_answer()->status == 101);
  CHECK(wait_text(w, "early"));
}

TEST_CASE("fragments become one message", "[http][door]") {
  door_world w;
  auto peer = w.open_socket();
  peer.send(make_frame(1, "\xC3", false) + make_frame(9, "p")
            + make_frame(0, "\xA4", false) + make_frame(0, "", false)
            + make_frame(0, "b"));
  // RESTinio 0.6.16 checks UTF-8 at the end of every final frame, a ping
  // included, so the ping must not stand inside a character.
  const auto pong = read_frame(peer);
  REQUIRE(pong);
  if (pong->opcode == 10) {
    CHECK(pong->payload == "p");
    CHECK(wait_text(w, "\xC3\xA4"
                       "b"));
  } else {
    CHECK(pong->close_code() == 1007);
  }
}

TEST_CASE("fragments with a ping between become one message", "[http][door]") {
  door_world w;
  auto peer = w.open_socket();
  peer.send(make_frame(1, "one ", false) + make_frame(9, "p")
            + make_frame(0, "two ", false) + make_frame(0, "three"));
  CHECK(read_frame(peer)->payload == "p");
  CHECK(wait_text(w, "one two three"));
  CHECK(w.texts.size() == 1);
}

TEST_CASE("a ping is answered with its payload", "[http][door]") {
  door_world w;
  auto peer = w.open_socket();
  peer.send(make_frame(9, "are you there"));
  const auto frame = read_frame(peer);
  REQUIRE(frame);
  CHECK(frame->opcode == 10);
  CHECK(frame->payload == "are you there");
}

TEST_CASE("our ping brings a pong", "[http][door]") {
  door_world w;
  auto peer = w.open_socket();
  CHECK(w.sockets[0]->ping());
  const auto frame = read_frame(peer);
  REQUIRE(frame);
  CHECK(frame->opcode == 9);
  peer.send(make_frame(10, frame->payload));
  CHECK(w.news.wait([&] { return w.pongs == 1; }));
}

TEST_CASE("each broken rule has its close code on the wire", "[http][door]") {
  door_world w;
  auto peer = w.open_socket();
  SECTION("unmasked") {
    peer.send(make_frame(1, "a", true, false));
    expect_close(w, peer, 1002);
  }
  SECTION("reserved bits") {
    peer.send("\xF1\x80");
    expect_close(w, peer, 1002);
  }
  SECTION("bad UTF-8") {
    peer.send(make_frame(1, "\xff\xfe"));
    expect_close(w, peer, 1007);
  }
  SECTION("binary") {
    peer.send(make_frame(2, "a"));
    expect_close(w, peer, 1003);
  }
  SECTION("too big") {
    peer.send(make_frame(1, std::string(65'537, 'x')));
    expect_close(w, peer, 1009);
  }
  SECTION("too big in fragments") {
    for (int i = 0; i < 20; ++i)
      peer.send(make_frame(i == 0 ? 1 : 0, std::string(5'000, 'x'), false));
    expect_close(w, peer, 1009);
  }
  SECTION("too many") {
    std::string many;
    for (int i = 0; i < 1'000; ++i)
      many += make_frame(1, "x");
    peer.send(many);
    expect_close(w, peer, 1008);
    CHECK(w.texts.size() <= 250);
  }
}

TEST_CASE("the peer's close is answered and told once", "[http][door]") {
  door_world w;
  auto peer = w.open_socket();
  peer.send(make_frame(8, "\x03\xE9"
                          "bye"));
  const auto frame = read_frame(peer);
  REQUIRE(frame);
  CHECK(frame->opcode == 8);
  CHECK(frame->close_code() == 1001);
  CHECK(peer.has_ended());
  CHECK(wait_closed(w) == 1001);
  CHECK_FALSE(w.sockets[0]->is_open());
  CHECK_FALSE(w.sockets[0]->send(shared("x")));
  CHECK(w.wait_count([](const auto& count) { return count.websockets == 0; }));
  CHECK(w.closed_with.size() == 1);
}

TEST_CASE("a close without a code is 1005", "[http][door]") {
  door_world w;
  auto peer = w.open_socket();
  peer.send(make_frame(8, ""));
  CHECK(wait_closed(w) == 1005);
}

TEST_CASE("our close comes after what is queued", "[http][door]") {
  auto settings = door_world::make_settings();
  settings.limits.socket_close = milliseconds{2'000};
  door_world w{std::move(settings)};
  auto peer = w.open_socket();
  for (int i = 0; i < 100; ++i)
    CHECK(w.sockets[0]->send(shared("m" + std::to_string(i))));
  w.sockets[0]->close(1001, "server deleted");
  CHECK_FALSE(w.sockets[0]->send(shared("late")));
  CHECK_FALSE(w.sockets[0]->is_open());
  for (int i = 0; i < 100; ++i)
    CHECK(read_frame(peer)->payload == "m" + std::to_string(i));
  const auto frame = read_frame(peer);
  REQUIRE(frame);
  CHECK(frame->close_code() == 1001);
  CHECK(frame->payload.substr(2) == "server deleted");
  SECTION("and is agreed to") {
    peer.send(make_frame(8, "\x03\xE9"));
    CHECK(peer.has_ended());
    CHECK(wait_closed(w) == 1001);
  }
  SECTION("and is ignored") {
    CHECK(peer.has_ended());
    CHECK(wait_closed(w) == 1006);
  }
}

TEST_CASE("kill ends the connection now", "[http][door]") {
  door_world w;
  auto peer = w.open_socket();
  w.sockets[0]->kill();
  CHECK(peer.has_ended());
  CHECK(wait_closed(w) == 1006);
}

TEST_CASE("kill ends a connection that was asked to close", "[http][door]") {
  door_world w;
  auto peer = w.open_socket();
  w.sockets[0]->close(1001, "");
  w.sockets[0]->kill();
  CHECK(peer.has_ended());
  CHECK(wait_closed(w) != 0);
}

TEST_CASE("a peer that vanishes is told once", "[http][door]") {
  door_world w;
  auto peer = w.open_socket();
  SECTION("closing") {
    peer.close();
  }
  SECTION("resetting") {
    peer.abort();
  }
  CHECK(wait_closed(w) == 1006);
  CHECK(w.wait_count([](const auto& count) {
    return count.websockets == 0 && count.connections == 0;
  }));
  CHECK(w.closed_with.size() == 1);
}

TEST_CASE("a peer that does not read is killed", "[http][door]") {
  auto settings = door_world::make_settings();
  settings.limits.socket_unsent = 100'000;
  door_world w{std::move(settings)};
  auto peer = w.client();
  peer.shrink_receive_buffer(4'096);
  CHECK(peer.ask(doubles::upgrade_request("/ws"))->status == 101);
  REQUIRE(w.news.wait([&] { return !w.sockets.empty(); }));
  const auto payload = shared(std::string(50'000, 'x'));
  int taken = 0;
  while (taken < 2'000 && w.sockets[0]->send(payload))
    ++taken;
  CHECK(taken < 2'000);
  CHECK(wait_closed(w) == 1006);
}

TEST_CASE("one payload is shared by many sockets", "[http][door]") {
  door_world w;
  std::vector<raw_client> peers;
  for (int i = 0; i < 20; ++i)
    peers.push_back(w.open_socket());
  const auto payload = shared("to all");
  for (const auto& socket : w.sockets)
    CHECK(socket->send(payload));
  for (auto& peer : peers)
    CHECK(read_frame(peer)->payload == "to all");
}

TEST_CASE("a storm of opening and closing leaves nothing", "[http][door]") {
  door_world w;
  for (int i = 0; i < 300; ++i) {
    auto peer = w.open_socket();
    switch (i % 5) {
    case 0:
      peer.abort();
      break;
    case 1:
      peer.send(make_frame(8, "\x03\xE8"));
      break;
    case 2:
      w.sockets.back()->close(1000, "");
      peer.close();
      break;
    case 3:
      w.sockets.back()->kill();
      break;
    default:
      w.sockets.back()->send(shared(std::string(100'000, 'x')));
      peer.abort();
    }
  }
  CHECK(w.news.wait([&] { return w.closed_with.size() == 300; }));
  CHECK(w.wait_count([](const auto& count) {
    return count.websockets == 0 && count.connections == 0;
  }));
}
