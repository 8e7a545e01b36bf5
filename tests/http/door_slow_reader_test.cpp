// Clients that take their answers slowly, or not at all.
#include "tests/http/door_world.hpp"

#include <sys/socket.h>

using namespace alula;
using namespace alula::http;
using std::chrono::milliseconds;

namespace {

constexpr milliseconds allowed{300};

server_settings impatient(milliseconds limit = allowed) {
  auto settings = door_world::make_settings();
  settings.limits.writing = limit;
  return settings;
}

/// Its window stays small, so that the door notices what it does not read.
raw_client narrow_client(const door_world& w) {
  raw_client client;
  client.shrink_receive_buffer(4'096);
  REQUIRE(client.connect_to(w.door->port()));
  return client;
}

bool all_are_gone(door_world& w) {
  return w.wait_count([](const auto& count) { return count.connections == 0; });
}

} // namespace

TEST_CASE("who reads nothing of an answer is cut", "[http][door]") {
  door_world w{impatient()};
  auto client = narrow_client(w);
  client.send(get("/big"));
  client.read_until([](const std::string& all) { return !all.empty(); });
  CHECK(all_are_gone(w));
  // What was not sent is not kept for it either.
  CHECK(client.has_ended());
  CHECK(client.was_reset());
}

TEST_CASE("who reads nothing of a stream is cut", "[http][door]") {
  door_world w{impatient()};
  auto client = narrow_client(w);
  client.send(get("/stream"));
  REQUIRE(w.news.wait([&] { return w.streams.size() == 1; }));
  const std::string piece(64 * 1'024, 'x');
  // Either it is cut for what it leaves unsent or for the time it takes.
  while (w.streams[0]->write(piece)) {
  }
  CHECK(all_are_gone(w));
}

TEST_CASE("who takes a byte now and then is cut all the same", "[http][door]") {
  door_world w{impatient()};
  auto client = narrow_client(w);
  auto clock = w.client(); // says nothing: its reads take their whole limit
  client.send(get("/big"));
  client.read_until([](const std::string& all) { return !all.empty(); });
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{20};
  bool cut = false;
  char byte = 0;
  while (!cut && std::chrono::steady_clock::now() < end) {
    clock.read_answer(false, milliseconds{10});
    (void)::recv(client.descriptor(), &byte, 1, MSG_DONTWAIT);
    cut = w.door->count().connections == 1; // the clock's
  }
  CHECK(cut);
}

TEST_CASE("who reads slowly but steadily gets all of it", "[http][door]") {
  // A slow machine stands still for a moment, too.
  constexpr milliseconds standstill{1'000};
  door_world w{impatient(standstill)};
  raw_client client{w.door->port()};
  auto clock = w.client();
  client.send(get("/big"));
  const auto begin = std::chrono::steady_clock::now();
  std::size_t want = 0;
  while (want < big_size) {
    want += 512 * 1'024;
    client.read_until(
        [&](const std::string& all) { return all.size() >= want; });
    clock.read_answer(false, milliseconds{50});
  }
  const auto answer = client.read_answer();
  REQUIRE(answer);
  CHECK(answer->body.size() == big_size);
  // Several times what one standstill may take.
  CHECK(std::chrono::steady_clock::now() - begin > 3 * standstill);
}
