// Uploads over a real connection: what is refused before its body is read, what
// flows past the door's memory, and what is left of one that breaks.
#include "http/server.hpp"
#include "tests/doubles/raw_client.hpp"
#include "tests/http/systems_world.hpp"

#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

using namespace alula;
using namespace alula::http;
using doubles::raw_client;

namespace {

constexpr std::string_view path = "/api/systems/backups";
/// "key:secret"
constexpr std::string_view good = "Authorization: Basic a2V5OnNlY3JldA==\r\n";

std::string head_of(std::string_view length, std::string_view more = good) {
  return "POST " + std::string{path} + " HTTP/1.1\r\nHost: node\r\n"
         + std::string{more} + std::string{length} + "\r\n";
}

std::string length_of(std::size_t bytes) {
  return "Content-Length: " + std::to_string(bytes) + "\r\n";
}

door_limits waits_for_bodies(std::chrono::milliseconds time) {
  door_limits limits;
  limits.body_time = time;
  return limits;
}

struct upload_door : systems_world {
  explicit upload_door(jobs::system_limits limits = {},
                       door_limits of_door = {})
    : systems_world(limits) {
    server_settings settings;
    settings.port = 0;
    settings.token = "node";
    settings.limits = of_door;
    settings.principals.basic =
        [](std::string_view user,
           std::string_view password) -> jobs::principal_ptr {
      return user == "key" && password == "secret" ? appliance("d1c1")
                                                   : nullptr;
    };
    door = std::make_unique<server>(std::move(settings),
                                    http::make_routes(all_parts()));
    if (const auto started = door->start(); !started)
      throw std::runtime_error{started.error().what};
  }
  ~upload_door() { door.reset(); }

  raw_client client() { return raw_client{door->port()}; }

  /// Nothing of it on the disk, on record, reserved, or in the door.
  bool is_clean() {
    const auto end =
        std::chrono::steady_clock::now() + std::chrono::seconds{20};
    while (door->count().pending > 0 || door->count().connections > 0)
      if (std::chrono::steady_clock::now() > end)
        return false;
    // A head whose client is gone may be on its way to the engine still.
    std::promise<void> arrived;
    later.run([&] { arrived.set_value(); });
    arrived.get_future().wait();
    engine.join();
    return objects.is_empty() && store->system_backups.empty()
           && objects.reserved.empty();
  }

  std::unique_ptr<server> door;
};

json body_of(const doubles::raw_answer& answer) {
  return json::parse(answer.body);
}

} // namespace

TEST_CASE("an upload flows past the door's memory", "[systems][upload]") {
  upload_door w;
  // More than the pipe, the buffers and the door's limit of bodies hold.
  std::string bytes(std::size_t{24} << 20, 'x');
  for (std::size_t i = 0; i < bytes.size(); i += 4'097)
    bytes[i] = static_cast<char>('a' + i % 26);
  auto peer = w.client();
  REQUIRE(peer.send(head_of(length_of(bytes.size()))));
  REQUIRE(peer.send(bytes));
  const auto answer = peer.read_answer();
  REQUIRE(answer);
  CHECK(answer->status == 201);
  CHECK(answer->header("Connection") == "close");
  CHECK(body_of(*answer).at("data").at("size") == bytes.size());
  const auto id = body_of(*answer).at("data").at("id").get<std::string>();
  CHECK(w.objects.published.at(id) == bytes);
  CHECK(peer.has_ended());
}

TEST_CASE("an upload may come in pieces of any size", "[systems][upload]") {
  upload_door w;
  const std::string bytes = "the body";
  const auto all = head_of(length_of(bytes.size()),
                           "X-Filename: a.tar.gz\r\n" + std::string{good})
                   + bytes;
  auto peer = w.client();
  for (const char c : all)
    REQUIRE(peer.send({&c, 1}));
  const auto answer = peer.read_answer();
  REQUIRE(answer);
  CHECK(answer->status == 201);
  CHECK(body_of(*answer).at("data").at("filename") == "a.tar.gz");
  CHECK(w.objects.published.begin()->second == bytes);
}

TEST_CASE("an upload may come in one piece", "[systems][upload]") {
  upload_door w;
  const auto answer = w.client().ask(head_of(length_of(3)) + "abc");
  REQUIRE(answer);
  CHECK(answer->status == 201);
  CHECK(w.objects.published.begin()->second == "abc");
}

TEST_CASE("what is not wanted is answered before its body",
          "[systems][upload]") {
  upload_door w{{.upload = 100, .bytes = 100}};
  struct unwanted {
    std::string head;
    int status;
    const char* message;
  };
  const auto continued = "Expect: 100-continue\r\n";
  const std::vector<unwanted> all{
      {head_of(length_of(50), continued), 401, "authentication required"},
      {head_of(length_of(50), "Authorization: Basic eDp5\r\n"), 401,
       "invalid system credentials"},
      {head_of(length_of(50), "Authorization: Bearer node\r\n"), 401,
       "invalid authentication format"},
      {head_of(length_of(101), std::string{good} + continued), 413,
       "backup exceeds max upload size"},
      {head_of(length_of(std::size_t{5} << 40)), 413,
       "backup exceeds max upload size"},
      {head_of("Transfer-Encoding: chunked\r\n"), 411,
       "Content-Length required"},
      {head_of(length_of(0)), 411, "Content-Length required"},
      {head_of(""), 411, "Content-Length required"}};
  for (const auto& one : all) {
    INFO(one.head);
    auto peer = w.client();
    REQUIRE(peer.send(one.head));
    const auto answer = peer.read_answer(); // not 100
    REQUIRE(answer);
    CHECK(answer->status == one.status);
    CHECK(body_of(*answer).at("message") == one.message);
  }
  CHECK(w.is_clean());
}

TEST_CASE("a client is told to go on when its upload is wanted",
          "[systems][upload]") {
  upload_door w;
  auto peer = w.client();
  REQUIRE(peer.send(
      head_of(length_of(3), std::string{good} + "Expect: 100-continue\r\n")));
  const auto go_on = peer.read_answer(true);
  REQUIRE(go_on);
  CHECK(go_on->status == 100);
  CHECK(w.objects.published.empty());
  REQUIRE(peer.send("abc"));
  const auto answer = peer.read_answer();
  REQUIRE(answer);
  CHECK(answer->status == 201);
}

TEST_CASE("a connection that is cut in the body leaves nothing",
          "[systems][upload]") {
  upload_door w;
  const auto how = GENERATE(0, 1, 2);
  const auto sent = GENERATE(std::size_t{0}, std::size_t{1},
                             std::size_t{100'000}, std::size_t{4'000'000});
  auto peer = w.client();
  REQUIRE(peer.send(head_of(length_of(5'000'000)) + std::string(sent, 'x')));
  if (how == 0)
    peer.close();
  else if (how == 1)
    peer.abort();
  else
    peer.half_close();
  CHECK(w.is_clean());
  for (const auto& job : w.engine.all_jobs())
    CHECK(job.state == jobs::job_state::failed);
}

TEST_CASE("a client that stops in the body is not waited for for ever",
          "[systems][upload]") {
  upload_door w{{}, waits_for_bodies(std::chrono::milliseconds{200})};
  auto peer = w.client();
  REQUIRE(peer.send(head_of(length_of(10)) + "abc"));
  const auto answer = peer.read_answer();
  REQUIRE(answer);
  CHECK(answer->status == 408);
  CHECK(json::parse(answer->body)
        == json{{"code", 408},
                {"message", "request timed out"},
                {"data", nullptr}});
  peer.close();
  CHECK(w.is_clean());
}

TEST_CASE("a client that stops in the body and stays is hung up on",
          "[systems][upload]") {
  upload_door w{{}, waits_for_bodies(std::chrono::milliseconds{200})};
  auto peer = w.client();
  REQUIRE(peer.send(head_of(length_of(10)) + "abc"));
  // Its job's own answer comes behind the 408 and changes nothing of that.
  CHECK(w.is_clean());
}

TEST_CASE("a client that sends a byte now and then is not waited for either",
          "[systems][upload]") {
  upload_door w{{}, waits_for_bodies(std::chrono::milliseconds{300})};
  auto peer = w.client();
  REQUIRE(peer.send(head_of(length_of(1'000'000))));
  std::optional<doubles::raw_answer> answer;
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{20};
  while (!answer && std::chrono::steady_clock::now() < end) {
    (void)peer.send("x", std::chrono::milliseconds{20});
    answer = peer.read_answer(false, std::chrono::milliseconds{20});
  }
  REQUIRE(answer);
  CHECK(answer->status == 408);
}

TEST_CASE("a client that is slower than the pace gives its place up",
          "[systems][upload]") {
  door_limits strict;
  strict.body_time = std::chrono::milliseconds{300};
  strict.streamed_pace = 1'000'000;
  upload_door w{{}, strict};
  auto peer = w.client();
  REQUIRE(peer.send(head_of(length_of(10'000'000))));
  // Enough for a pace of 16 KiB, and far too little for this one.
  const std::string piece(4'096, 'x');
  std::optional<doubles::raw_answer> answer;
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{20};
  while (!answer && std::chrono::steady_clock::now() < end) {
    (void)peer.send(piece, std::chrono::milliseconds{20});
    answer = peer.read_answer(false, std::chrono::milliseconds{20});
  }
  REQUIRE(answer);
  CHECK(answer->status == 408);
  peer.close();
  CHECK(w.is_clean());
}

TEST_CASE("a client that keeps the pace is waited for", "[systems][upload]") {
  door_limits strict;
  strict.body_time = std::chrono::milliseconds{1'500};
  strict.streamed_pace = 1'000;
  upload_door w{{}, strict};
  auto peer = w.client();
  const std::string piece(1'500, 'x');
  constexpr int pieces = 6;
  REQUIRE(peer.send(head_of(length_of(pieces * piece.size()))));
  // Longer than one `body_time` in all; a piece in each half of it.
  std::optional<doubles::raw_answer> answer;
  for (int i = 0; i < pieces && !answer; ++i) {
    REQUIRE(peer.send(piece));
    answer = peer.read_answer(false, std::chrono::milliseconds{500});
  }
  if (!answer)
    answer = peer.read_answer();
  REQUIRE(answer);
  CHECK(answer->status == 201);
}

TEST_CASE("a store that fails in the body ends the upload",
          "[systems][upload]") {
  upload_door w;
  w.objects.before = [](std::string_view call) -> jobs::status {
    if (call == "write")
      return jobs::fault{jobs::fault_code::insufficient_storage, "ENOSPC"};
    return {};
  };
  auto peer = w.client();
  REQUIRE(peer.send(head_of(length_of(std::size_t{8} << 20))));
  (void)peer.send(std::string(std::size_t{8} << 20, 'x'),
                  std::chrono::seconds{5});
  const auto answer = peer.read_answer();
  REQUIRE(answer);
  CHECK(answer->status == 507);
  peer.close();
  CHECK(w.is_clean());
}

TEST_CASE("a door that closes in the body leaves nothing",
          "[systems][upload]") {
  upload_door w;
  auto peer = w.client();
  REQUIRE(peer.send(head_of(length_of(1'000)) + "abc"));
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{20};
  while (w.engine.all_jobs().empty()
         && std::chrono::steady_clock::now() < end) {
  }
  w.door->stop(std::chrono::milliseconds{0});
  w.engine.join();
  CHECK(w.objects.is_empty());
  CHECK(w.store->system_backups.empty());
}
