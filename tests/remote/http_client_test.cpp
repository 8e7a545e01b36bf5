#include "remote/http_client.hpp"
#include "tests/doubles/scripted_dockerd.hpp"

#include <catch2/catch.hpp>

#include <cerrno>
#include <future>
#include <latch>
#include <sys/stat.h>
#include <thread>

using namespace alula::remote;
using namespace std::chrono_literals;
using std::chrono::steady_clock;

namespace {

const http_answer& answer_of(const http_outcome& outcome) {
  if (const auto* error = std::get_if<http_error>(&outcome))
    FAIL("no answer: " << error->what);
  return std::get<http_answer>(outcome);
}

const http_error& error_of(const http_outcome& outcome) {
  REQUIRE(std::holds_alternative<http_error>(outcome));
  return std::get<http_error>(outcome);
}

http_request get(const std::string& path,
                 std::chrono::milliseconds limit = 5s) {
  http_request request;
  request.url = "http://peer" + path;
  request.limit = limit;
  return request;
}

} // namespace

TEST_CASE("a request is sent whole and its answer comes back", "[remote]") {
  scripted_dockerd peer;
  peer.on("POST /things", {scripted_dockerd::answers(201, R"({"ok":1})")});
  http_client client{{.unix_socket = peer.socket()}};

  http_request request = get("/things?a=%20b");
  request.method = "POST";
  request.body = R"({"x":"y"})";
  request.headers = {{"Content-Type", "application/json"}};
  const auto outcome = client.send(request);

  CHECK(answer_of(outcome).status == 201);
  CHECK(answer_of(outcome).body == R"({"ok":1})");
  const auto seen = peer.requests().at(0);
  CHECK(seen.target == "/things?a=%20b");
  CHECK(seen.body == R"({"x":"y"})");
  CHECK(seen.head.find("\r\nContent-Type: application/json")
        != std::string::npos);
  CHECK(seen.head.find("Expect") == std::string::npos);
}

TEST_CASE("TCP peers are reached without a socket path", "[remote]") {
  scripted_dockerd peer{scripted_dockerd::transport::tcp};
  peer.on("GET /", {scripted_dockerd::answers(200, "hello")});
  http_client client{{}};
  auto request = get("/");
  request.url = "http://127.0.0.1:" + std::to_string(peer.port()) + "/";
  CHECK(answer_of(client.send(request)).body == "hello");
}

TEST_CASE("an error status, an empty and a chunked answer are answers",
          "[remote]") {
  scripted_dockerd peer;
  peer.on("GET /missing", {scripted_dockerd::says(404, "gone")});
  peer.on("DELETE /", {scripted_dockerd::answers(204)});
  peer.on("GET /chunks",
          {scripted_dockerd::cuts_after(
              "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
              "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")});
  http_client client{{.unix_socket = peer.socket()}};
  CHECK(answer_of(client.send(get("/missing"))).status == 404);
  auto request = get("/thing");
  request.method = "DELETE";
  CHECK(answer_of(client.send(request)).status == 204);
  CHECK(answer_of(client.send(get("/chunks"))).body == "abcde");
}

TEST_CASE("one connection serves one caller's requests", "[remote]") {
  scripted_dockerd peer;
  peer.on("GET /", {scripted_dockerd::answers(200, "x")});
  http_client client{{.unix_socket = peer.socket()}};
  for (int i = 0; i < 20; ++i)
    CHECK(answer_of(client.send(get("/"))).status == 200);
  CHECK(peer.connections() == 1);
}

TEST_CASE("a kept connection that died is replaced unnoticed", "[remote]") {
  scripted_dockerd peer;
  peer.on("GET /", {scripted_dockerd::answers(200, "x")});
  http_client client{{.unix_socket = peer.socket()}};
  CHECK(answer_of(client.send(get("/"))).status == 200);
  peer.drop_connections();
  CHECK(answer_of(client.send(get("/"))).status == 200);
  CHECK(peer.connections() == 2);
}

TEST_CASE("many threads send at once", "[remote]") {
  scripted_dockerd peer;
  peer.on("GET /", {[](auto& to, const auto& what) {
            return to.send(scripted_dockerd::head(200, what.target.size())
                           + what.target);
          }});
  http_client client{{.unix_socket = peer.socket(), .idle_connections = 4}};
  std::atomic<int> right = 0;
  {
    std::latch go{16};
    std::vector<std::jthread> threads;
    threads.reserve(16);
    for (int t = 0; t < 16; ++t)
      threads.emplace_back([&, t] {
        go.arrive_and_wait();
        for (int i = 0; i < 25; ++i) {
          const auto path = "/" + std::to_string(t) + "/" + std::to_string(i);
          const auto outcome = client.send(get(path));
          const auto* answer = std::get_if<http_answer>(&outcome);
          if (answer != nullptr && answer->body == path)
            ++right;
        }
      });
  }
  CHECK(right == 16 * 25);
}

TEST_CASE("a peer that says nothing costs the limit, no more", "[remote]") {
  scripted_dockerd peer;
  peer.on("GET /", {scripted_dockerd::hangs()});
  http_client client{{.unix_socket = peer.socket()}};
  const auto begin = steady_clock::now();
  const auto outcome = client.send(get("/", 300ms));
  const auto took = steady_clock::now() - begin;
  CHECK(error_of(outcome).kind == http_failure::timed_out);
  CHECK(took >= 290ms);
  CHECK(took < 20s);
}

TEST_CASE("dripping bytes do not extend the limit", "[remote]") {
  scripted_dockerd peer;
  peer.on("GET /", {scripted_dockerd::drips(scripted_dockerd::head(200, 5'000)
                                                + std::string(5'000, 'x'),
                                            20ms)});
  http_client client{{.unix_socket = peer.socket()}};
  const auto begin = steady_clock::now();
  CHECK(error_of(client.send(get("/", 400ms))).kind == http_failure::timed_out);
  CHECK(steady_clock::now() - begin < 20s);
}

TEST_CASE("a stop ends a waiting request at once", "[remote]") {
  scripted_dockerd peer;
  peer.on("GET /", {scripted_dockerd::hangs()});
  http_client client{{.unix_socket = peer.socket()}};
  std::stop_source stop;
  auto sending = std::async(std::launch::async, [&] {
    return client.send(get("/", 1h), stop.get_token());
  });
  REQUIRE(peer.saw("GET /"));
  const auto begin = steady_clock::now();
  stop.request_stop();
  CHECK(error_of(sending.get()).kind == http_failure::stopped);
  CHECK(steady_clock::now() - begin < 20s);
}

TEST_CASE("a stop that came before sends nothing", "[remote]") {
  scripted_dockerd peer;
  peer.on("GET /", {scripted_dockerd::answers(200)});
  http_client client{{.unix_socket = peer.socket()}};
  std::stop_source stop;
  stop.request_stop();
  CHECK(error_of(client.send(get("/"), stop.get_token())).kind
        == http_failure::stopped);
  CHECK(peer.connections() == 0);
}

TEST_CASE("an answer over the limit is cut off early", "[remote]") {
  constexpr std::uint64_t huge = 100'000'000;
  scripted_dockerd peer;
  http_client client{{.unix_socket = peer.socket()}};
  auto request = get("/", 20s);
  request.max_body = 1'000'000;

  SECTION("announced") {
    peer.on("GET /",
            {scripted_dockerd::floods(scripted_dockerd::head(200, huge),
                                      std::string(65'536, 'x'), huge)});
  }
  SECTION("not announced") {
    peer.on("GET /",
            {scripted_dockerd::floods("HTTP/1.1 200 OK\r\n\r\n",
                                      std::string(65'536, 'x'), huge)});
  }
  SECTION("as headers") {
    peer.on("GET /",
            {scripted_dockerd::floods(
                "HTTP/1.1 200 OK\r\n",
                "X-Filler: " + std::string(4'000, 'x') + "\r\n", huge)});
  }
  CHECK(error_of(client.send(request)).kind == http_failure::too_large);
  CHECK(peer.bytes_sent() < huge / 10);
}

TEST_CASE("an answer of exactly the limit fits", "[remote]") {
  scripted_dockerd peer;
  peer.on("GET /", {scripted_dockerd::answers(200, std::string(1'000, 'x'))});
  http_client client{{.unix_socket = peer.socket()}};
  auto request = get("/");
  request.max_body = 1'000;
  CHECK(answer_of(client.send(request)).body.size() == 1'000);
  request.max_body = 999;
  CHECK(error_of(client.send(request)).kind == http_failure::too_large);
}

TEST_CASE("a connection that breaks is a broken answer", "[remote]") {
  scripted_dockerd peer;
  http_client client{{.unix_socket = peer.socket()}};
  SECTION("before the first byte") {
    peer.on("GET /", {scripted_dockerd::cuts_after("")});
  }
  SECTION("in the status line") {
    peer.on("GET /", {scripted_dockerd::cuts_after("HTTP/1.1 20")});
  }
  SECTION("in the body") {
    peer.on("GET /", {scripted_dockerd::cuts_after(
                         scripted_dockerd::head(200, 100) + "half")});
  }
  SECTION("because it is not HTTP") {
    peer.on("GET /", {scripted_dockerd::cuts_after(
                         "SSH-2.0-OpenSSH_9.2\r\nwelcome\r\n\r\n")});
  }
  SECTION("because it is noise") {
    peer.on("GET /", {scripted_dockerd::cuts_after(
                         std::string("\0\xff\x01\x80\r\n\r\n\0", 9))});
  }
  CHECK(error_of(client.send(get("/", 5s))).kind == http_failure::broken);
}

TEST_CASE("a socket that cannot be reached says why", "[remote]") {
  std::string path;
  int expected = 0;
  std::string closed;
  {
    scripted_dockerd gone;
    closed = gone.socket();
  }
  SECTION("no file") {
    path = closed;
    expected = ENOENT;
  }
  SECTION("nobody listens") {
    char directory[] = "/tmp/alula-closed.XXXXXX";
    REQUIRE(mkdtemp(directory) != nullptr);
    path = std::string{directory} + "/docker.sock";
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    REQUIRE(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address)
            == 0);
    close(fd);
    expected = ECONNREFUSED;
  }
  SECTION("a path no socket can have") {
    path = "/tmp/" + std::string(200, 'x');
  }
  http_client client{{.unix_socket = path}};
  const auto outcome = client.send(get("/"));
  CHECK(error_of(outcome).kind == http_failure::unreachable);
  CHECK(error_of(outcome).os_error == expected);
  CHECK_FALSE(error_of(outcome).what.empty());
  if (expected == ECONNREFUSED)
    std::filesystem::remove_all(std::filesystem::path{path}.parent_path());
}

TEST_CASE("a socket of others is permission denied", "[remote]") {
  if (geteuid() != 0) {
    WARN("skipped: only root can become somebody without the right");
    return;
  }
  scripted_dockerd peer;
  REQUIRE(chmod(peer.socket().c_str(), 0600) == 0);
  http_client client{{.unix_socket = peer.socket()}};
  constexpr uid_t nobody = 65'534;
  REQUIRE(seteuid(nobody) == 0);
  const auto outcome = client.send(get("/"));
  REQUIRE(seteuid(0) == 0);
  CHECK(error_of(outcome).kind == http_failure::unreachable);
  CHECK(error_of(outcome).os_error == EACCES);
}

TEST_CASE("everything but unreserved characters is escaped", "[remote]") {
  CHECK(escape("aZ09-._~") == "aZ09-._~");
  CHECK(escape("a b/c?d=e&f%") == "a%20b%2Fc%3Fd%3De%26f%25");
  CHECK(escape(R"({"label":["k=v"]})")
        == "%7B%22label%22%3A%5B%22k%3Dv%22%5D%7D");
  CHECK(escape("\xc3\xa9\x01") == "%C3%A9%01");
}

TEST_CASE("a double's answer that is let go before it waits does not wait",
          "[remote]") {
  scripted_dockerd peer;
  std::promise<void> released;
  peer.on("GET /late", {[&released](auto& to, const auto& what) {
            released.get_future().wait();
            return scripted_dockerd::answers_late(200, "{}")(to, what);
          }});
  http_client client{{.unix_socket = peer.socket()}};
  auto got = std::async(std::launch::async,
                        [&] { return client.send(get("/late", 20s)); });
  REQUIRE(peer.saw("GET /late"));
  peer.let_go();
  released.set_value();
  CHECK(answer_of(got.get()).status == 200);
}
