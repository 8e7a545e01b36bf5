// Large bodies over real sockets: files, and bodies that are pulled.
#include "http/file_answers.hpp"
#include "jobs/descriptor.hpp"
#include "tests/http/door_world.hpp"
#include "tests/http/heard_log.hpp"
#include "tests/http/tls_world.hpp"

#include <algorithm>
#include <atomic>
#include <fcntl.h>
#include <fstream>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#include <utility>
#include <vector>

using namespace alula;
using namespace alula::http;
using std::chrono::milliseconds;

namespace {

constexpr std::int64_t gib = 1'024 * 1'024 * 1'024;
constexpr std::int64_t mib = 1'024 * 1'024;

/// Gives pieces of `piece` bytes, from its own thread if asked.
class counting_source final : public body_source {
public:
  counting_source(happening& news, std::int64_t piece, std::int64_t all)
    : news_(news), piece_(piece), left_(all) {}
  ~counting_source() override {
    news_.change([&] { ++ended; });
  }
  void pull(std::function<void(jobs::result<std::string>)> give) override {
    ++pulls;
    const auto size = std::min(piece_, left_);
    left_ -= size;
    if (fails)
      give(jobs::fault{.what = "the disk broke"});
    else
      give(std::string(static_cast<std::size_t>(size), 'p'));
  }
  static inline std::atomic<int> pulls{0}, ended{0};
  static inline std::atomic<bool> fails{false};

private:
  happening& news_;
  std::int64_t piece_, left_;
};

/// A door to one sparse file, with what holds it, counted.
struct file_door {
  explicit file_door(std::int64_t length,
                     server_settings settings = door_world::make_settings(),
                     const char* place = "/tmp")
    : size(length), door(std::move(settings), make_routes()) {
    counting_source::pulls = counting_source::ended = 0;
    counting_source::fails = false;
    file =
        jobs::descriptor{::open(place, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)};
    REQUIRE(::ftruncate(file.get(), size) == 0);
    REQUIRE(door.start());
  }

  void mark(std::int64_t at, std::string_view what) {
    REQUIRE(::pwrite(file.get(), what.data(), what.size(), at)
            == static_cast<ssize_t>(what.size()));
  }
  raw_client client() { return raw_client{door.port()}; }
  bool wait_released() {
    return news.wait([&] { return held == 0; });
  }
  /// From now on a file is closed when the disk answers.
  void hang_disk() {
    news.change([&] { hangs = true; });
  }
  void mend_disk() {
    news.change([&] { hangs = false; });
  }
  bool wait_closing() {
    return news.wait([&] { return closing > 0; });
  }
  bool is_closing() {
    return news.wait([&] { return closing > 0; }, milliseconds{0});
  }
  bool wait_idle() {
    return wait_count([](const auto& now) { return now.transfers == 0; });
  }
  bool wait_alone() {
    return wait_count([](const auto& now) { return now.connections == 0; });
  }

  happening news;
  int held = 0, closing = 0;
  bool hangs = false;
  exchange_ptr later; ///< whose file is still being opened
  std::int64_t size;
  jobs::descriptor file;
  server door;

  void send(const exchange_ptr& to) {
    auto plan = plan_file(
        to->req(),
        {.size = size, .modified_at = 1'000, .etag = "\"e\"", .name = "f"});
    if (!plan.body)
      return to->reply(std::move(plan.head));
    to->reply_file(std::move(plan.head),
                   {file.get(), plan.body->offset, plan.body->length, hold()});
  }

private:
  template<class Condition>
  bool wait_count(Condition condition) {
    const auto end =
        std::chrono::steady_clock::now() + std::chrono::seconds{20};
    while (!condition(door.count()))
      if (std::chrono::steady_clock::now() > end)
        return false;
    return true;
  }

  std::shared_ptr<void> hold() {
    news.change([&] { ++held; });
    return {static_cast<void*>(this), [this](void*) {
              news.change([&] { ++closing; });
              news.wait([&] { return !hangs; });
              news.change([&] {
                --closing;
                --held;
              });
            }};
  }

  std::vector<route> make_routes() {
    const auto at_once = [this](const exchange_ptr& to) { send(to); };
    const auto keep = [this](const exchange_ptr& to) {
      news.change([&] { later = to; });
    };
    const auto pull = [this](const exchange_ptr& to) {
      to->reply_pulled(
          {200, {}, {}}, 3 * mib + 5,
          std::make_shared<counting_source>(news, mib, 3 * mib + 5));
    };
    // It promises more than it has.
    const auto promise = [this](const exchange_ptr& to) {
      to->reply_pulled({200, {}, {}}, 2 * mib,
                       std::make_shared<counting_source>(news, mib, mib));
    };
    const auto poll = [](const exchange_ptr& to) {
      to->reply({200, {}, "polled"});
    };
    return {{"GET", "/file", access::open, at_once},
            {"HEAD", "/file", access::open, at_once},
            {"GET", "/later", access::open, keep},
            {"GET", "/pull", access::open, pull},
            {"HEAD", "/pull", access::open, pull},
            {"GET", "/promise", access::open, promise},
            {"GET", "/poll", access::open, poll}};
  }
};

/// Whether files there are sent by the I/O thread alone.
bool promises_nowait(const char* place) {
  const jobs::descriptor file{
      ::open(place, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)};
  char byte = 'x';
  REQUIRE(::pwrite(file.get(), &byte, 1, 0) == 1);
  iovec one{&byte, 1};
  return ::preadv2(file.get(), &one, 1, 0, RWF_NOWAIT) == 1;
}

/// Takes bytes off the wire without keeping them.
std::int64_t swallow(raw_client& from, std::int64_t most) {
  std::int64_t taken = static_cast<std::int64_t>(from.pending().size());
  from.pending().clear();
  std::vector<char> buffer(1 << 20);
  const timeval limit{20, 0};
  ::setsockopt(from.descriptor(), SOL_SOCKET, SO_RCVTIMEO, &limit,
               sizeof limit);
  while (taken < most) {
    const auto n = ::recv(from.descriptor(), buffer.data(), buffer.size(), 0);
    if (n <= 0)
      break;
    taken += n;
  }
  return taken;
}

/// Whether the node says that it has ended an answer before its end.
bool says_cut(const heard_log& log) {
  return std::ranges::any_of(log.lines(), [](const auto& line) {
    return line.starts_with("answer-cut remote=127.0.0.1 ");
  });
}

/// Bytes of this process in memory that belong to no file.
std::int64_t anonymous_memory() {
  std::ifstream status{"/proc/self/status"};
  std::string word;
  while (status >> word)
    if (word == "RssAnon:") {
      std::int64_t kib = 0;
      status >> kib;
      return kib * 1'024;
    }
  return 0;
}

} // namespace

TEST_CASE("a file is sent whole and the connection goes on", "[http][door]") {
  file_door w{3 * mib + 17};
  w.mark(0, "begin");
  w.mark(3 * mib + 14, "end");
  auto client = w.client();
  const auto answer = client.ask(get("/file"));
  REQUIRE(answer);
  CHECK(answer->status == 200);
  CHECK(answer->header("Content-Length") == std::to_string(3 * mib + 17));
  CHECK(answer->count("Transfer-Encoding") == 0);
  CHECK(answer->count("Content-Encoding") == 0);
  CHECK(answer->body.substr(0, 5) == "begin");
  CHECK(answer->body.ends_with("end"));
  CHECK(w.wait_released());
  CHECK(client.ask(get("/poll"))->body == "polled");
  CHECK(client.ask(get("/file"))->body.size() == answer->body.size());
}

TEST_CASE("a file goes out over HTTP/1.0 and closes", "[http][door]") {
  file_door w{mib};
  auto client = w.client();
  const auto answer = client.ask("GET /file HTTP/1.0\r\n\r\n");
  REQUIRE(answer);
  CHECK(static_cast<std::int64_t>(answer->body.size()) == mib);
  CHECK(client.has_ended());
}

TEST_CASE("HEAD of a file is its length", "[http][door]") {
  file_door w{5 * gib};
  auto client = w.client();
  const auto answer = client.ask("HEAD /file HTTP/1.1\r\nHost: n\r\n\r\n");
  REQUIRE(answer);
  CHECK(answer->header("Content-Length") == "5368709120");
  CHECK(w.wait_released());
  CHECK(client.ask(get("/poll"))->body == "polled");
}

TEST_CASE("an empty file is an answer without a body", "[http][door]") {
  file_door w{0};
  auto client = w.client();
  CHECK(client.ask(get("/file"))->header("Content-Length") == "0");
  CHECK(client.ask(get("/poll"))->body == "polled");
}

TEST_CASE("a range beyond 4 GiB is sent from its place", "[http][door]") {
  file_door w{5 * gib};
  w.mark(4 * gib + 100, "here");
  auto client = w.client();
  const auto answer =
      client.ask(get("/file", "Range: bytes=4294967396-4294967399\r\n"));
  REQUIRE(answer);
  CHECK(answer->status == 206);
  CHECK(answer->header("Content-Range")
        == "bytes 4294967396-4294967399/5368709120");
  CHECK(answer->body == "here");
  CHECK(client.ask(get("/file", "Range: bytes=5368709120-\r\n"))->status
        == 416);
}

TEST_CASE("a huge file takes no memory of ours", "[http][door]") {
  const heard_log log;
  file_door w{5 * gib};
  auto client = w.client();
  client.send(get("/file"));
  REQUIRE(swallow(client, 8 * mib) >= 8 * mib);
  const auto before = anonymous_memory();
  CHECK(swallow(client, 400 * mib) >= 400 * mib);
  CHECK(anonymous_memory() - before < 16 * mib);
  CHECK(w.held == 1);
  // Gone in the middle.
  SECTION("closing") {
    client.close();
  }
  SECTION("resetting") {
    client.abort();
  }
  CHECK(w.wait_released());
  CHECK(w.wait_idle());
  CHECK(w.client().ask(get("/poll"))->body == "polled");
  CHECK_FALSE(says_cut(log)); // the node has done its part
}

TEST_CASE("others are answered while a file is sent", "[http][door]") {
  file_door w{gib};
  auto slow = w.client();
  slow.send(get("/file"));
  REQUIRE(swallow(slow, mib) >= mib);
  CHECK(w.door.count().transfers == 1);
  CHECK(w.client().ask(get("/poll"))->body == "polled");
  CHECK(w.held == 1);
}

TEST_CASE("others are answered while a file is closed", "[http][door]") {
  file_door w{64 * mib};
  w.hang_disk();
  auto client = w.client();
  SECTION("that was sent whole") {
    client.send(get("/file"));
    REQUIRE(swallow(client, 64 * mib) >= 64 * mib);
  }
  SECTION("of which only the length was asked") {
    client.send("HEAD /file HTTP/1.1\r\nHost: n\r\n\r\n");
  }
  SECTION("whose client has gone in the middle") {
    client.send(get("/file"));
    REQUIRE(swallow(client, mib) >= mib);
    client.abort();
  }
  SECTION("whose client has gone before it was open") {
    client.send(get("/later"));
    REQUIRE(w.news.wait([&] { return w.later != nullptr; }));
    client.abort();
    REQUIRE(w.wait_alone());
    w.send(std::exchange(w.later, nullptr));
  }
  REQUIRE(w.wait_closing());
  const auto answer = w.client().ask(get("/poll"));
  CHECK(w.is_closing());
  w.mend_disk();
  REQUIRE(answer);
  CHECK(answer->body == "polled");
  CHECK(w.wait_released());
}

TEST_CASE("who only stopped sending gets its file", "[http][door]") {
  file_door w{64 * mib};
  auto client = w.client();
  client.send(get("/file"));
  client.half_close();
  CHECK(swallow(client, 64 * mib) >= 64 * mib);
  CHECK(w.wait_released());
}

TEST_CASE("who does not read its file is cut", "[http][door]") {
  auto settings = door_world::make_settings();
  settings.limits.writing = milliseconds{300};
  file_door w{5 * gib, settings};
  raw_client client;
  client.shrink_receive_buffer(4'096);
  REQUIRE(client.connect_to(w.door.port()));
  client.send(get("/file"));
  CHECK(w.wait_released());
  CHECK(w.wait_idle());
}

TEST_CASE("a file that became shorter ends the connection", "[http][door]") {
  const heard_log log;
  file_door w{2 * mib};
  REQUIRE(::ftruncate(w.file.get(), mib) == 0);
  auto client = w.client();
  client.send(get("/file"));
  const auto all = client.read_to_end();
  REQUIRE(all);
  CHECK(static_cast<std::int64_t>(all->size()) < 2 * mib);
  CHECK(w.wait_released());
  CHECK(says_cut(log));
}

TEST_CASE("a file goes out through TLS", "[http][door]") {
  tls_folder folder;
  const auto who = folder.make("node");
  auto settings = door_world::make_settings();
  settings.tls = tls_files{who.certificate, who.key};
  file_door w{5 * mib + 3, settings};
  w.mark(5 * mib, "end");
  tls_client client{w.door.port()};
  REQUIRE(client.is_open);
  const auto all = client.ask(get("/file"), "end");
  CHECK(static_cast<std::int64_t>(all.size() - all.find("\r\n\r\n") - 4)
        == 5 * mib + 3);
  CHECK(w.wait_released());
  CHECK(client.ask(get("/poll")).ends_with("polled"));
}

TEST_CASE("a file that is read beside the I/O thread is sent whole",
          "[http][door]") {
  // A file system in memory promises no more than a network mount does, mostly.
  constexpr auto place = "/dev/shm";
  if (promises_nowait(place)) {
    WARN("the file system of /dev/shm promises what the kernel has at hand");
    return;
  }
  tls_folder folder;
  auto settings = door_world::make_settings();
  std::string got;
  SECTION("as it is") {
    file_door w{3 * mib + 17, settings, place};
    w.mark(131'070, "over the edge");
    w.mark(3 * mib + 14, "end");
    auto client = w.client();
    got = client.ask(get("/file"))->body;
    CHECK(w.wait_released());
    CHECK(client.ask(get("/poll"))->body == "polled");
  }
  SECTION("through TLS") {
    const auto who = folder.make("node");
    settings.tls = tls_files{who.certificate, who.key};
    file_door w{3 * mib + 17, settings, place};
    w.mark(131'070, "over the edge");
    w.mark(3 * mib + 14, "end");
    tls_client client{w.door.port()};
    REQUIRE(client.is_open);
    got = client.ask(get("/file"), "end");
    got.erase(0, got.find("\r\n\r\n") + 4);
    CHECK(w.wait_released());
    CHECK(client.ask(get("/poll")).ends_with("polled"));
  }
  CHECK(static_cast<std::int64_t>(got.size()) == 3 * mib + 17);
  CHECK(got.substr(131'070, 13) == "over the edge");
  CHECK(got.ends_with("end"));
}

TEST_CASE("a stop cuts a file and lets go of it", "[http][door]") {
  file_door w{5 * gib};
  auto client = w.client();
  client.send(get("/file"));
  REQUIRE(swallow(client, mib) >= mib);
  w.door.stop(milliseconds{0});
  CHECK(w.wait_released());
}

TEST_CASE("a body is pulled as the client takes it", "[http][door]") {
  file_door w{0};
  auto client = w.client();
  const auto answer = client.ask(get("/pull"));
  REQUIRE(answer);
  CHECK(answer->header("Content-Length") == std::to_string(3 * mib + 5));
  CHECK(answer->body == std::string(3 * mib + 5, 'p'));
  CHECK(counting_source::pulls == 4);
  CHECK(w.news.wait([] { return counting_source::ended == 1; }));
  CHECK(client.ask(get("/poll"))->body == "polled");
  CHECK(client.ask("HEAD /pull HTTP/1.1\r\nHost: n\r\n\r\n")
            ->header("Content-Length")
        == std::to_string(3 * mib + 5));
  CHECK(counting_source::pulls == 4);
}

TEST_CASE("a source that breaks its promise cuts the connection",
          "[http][door]") {
  file_door w{0};
  SECTION("with a fault") {
    counting_source::fails = true;
  }
  SECTION("with less than it said") {}
  auto client = w.client();
  client.send(get("/promise"));
  const auto all = client.read_to_end();
  REQUIRE(all);
  CHECK(static_cast<std::int64_t>(all->size()) < 2 * mib);
  CHECK(w.news.wait([] { return counting_source::ended == 1; }));
}
