// Files on their way to a client, and the thread that reads beside.
#include "jobs/descriptor.hpp"
#include "tests/http/connection_world.hpp"
#include "tests/http/heard_log.hpp"

#include <cerrno>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <sys/uio.h>
#include <unistd.h>
#include <utility>
#include <vector>

using namespace alula;
using namespace alula::http;

namespace {

/// Read by nothing but read(2) and its like, on a file system that promises
/// nothing, as network mounts do not.
const std::string unpromised = "/proc/version";

std::string text_of(const std::string& path) {
  std::ifstream file{path};
  return {std::istreambuf_iterator<char>{file}, {}};
}

struct file_world : connection_world {
  explicit file_world(socket_is at_first = socket_is::empty)
    : connection_world(at_first) {
    on->answered();
  }

  void send(std::shared_ptr<jobs::descriptor> file, std::size_t size) {
    const int number = file->get();
    on->take_file(std::make_shared<const file_slice>(file_slice{
        number, 0, static_cast<std::int64_t>(size), std::move(file)}));
    on->send_file([this](const std::error_code& ec, std::size_t count) {
      ++told;
      why = ec;
      sent = count;
    });
  }
  void send_unpromised() {
    send(slow, text.size());
    run_until([&] { return !all.reads.empty(); });
    REQUIRE(all.reads.size() == 1);
  }
  void wait_told() {
    run_until([&] { return told > 0; });
    REQUIRE(told == 1);
  }
  /// What an hour without any progress leads to.
  void let_an_hour_pass() {
    on->check(connection::clock::now() + std::chrono::hours{1});
  }

  const std::string text = text_of(unpromised);
  std::shared_ptr<jobs::descriptor> slow = std::make_shared<jobs::descriptor>(
      ::open(unpromised.c_str(), O_RDONLY | O_CLOEXEC));
  int told = 0;
  std::error_code why;
  std::size_t sent = 0;
};

/// The request that the connection has brought, of which a file is the answer.
class sending_tenant final : public tenant {
public:
  void connection_ended() override {}
  void deadline_passed() override {}
  void frame_refused(std::uint16_t) override {}
  bool survives_half_close() const override { return true; }
  bool is_sending() const override { return true; }
};

/// A client that may close its sending side.
struct half_closed_world : file_world {
  half_closed_world() {
    limits.handling = std::chrono::hours{2};
    limits.half_closed = std::chrono::minutes{30};
    on->let(std::make_shared<sending_tenant>());
    peer.send("GET / HTTP/1.1\r\nHost: n\r\n\r\n");
    run_until([&] { return is_due_in(limits.handling); });
    REQUIRE(is_due_in(limits.handling));
  }
  /// Returns when the connection has seen it.
  void half_close() {
    peer.half_close();
    run_until([&] { return is_due_in(limits.half_closed); });
    REQUIRE(is_due_in(limits.half_closed));
  }
  bool is_due_in(std::chrono::milliseconds time) const {
    return on->is_due(connection::clock::now() + time);
  }
};

} // namespace

TEST_CASE("what a disk may be waited for is read beside the I/O thread",
          "[http]") {
  file_world w;
  w.send_unpromised();
  CHECK(w.told == 0);
  w.all.finish_read();
  w.wait_told();
  CHECK_FALSE(w.why);
  CHECK(w.sent == w.text.size());
  CHECK(w.said(w.text.size()) == w.text);
}

TEST_CASE("what the kernel has at hand needs no other thread", "[http]") {
  const auto file = std::make_shared<jobs::descriptor>(
      ::open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  const std::string bytes(60'000, 'x');
  REQUIRE(::pwrite(file->get(), bytes.data(), bytes.size(), 0)
          == static_cast<ssize_t>(bytes.size()));
  char byte = 0;
  iovec one{&byte, 1};
  if (::preadv2(file->get(), &one, 1, 0, RWF_NOWAIT) != 1) {
    WARN("the file system of /tmp promises nothing");
    return;
  }
  file_world w;
  w.send(file, bytes.size());
  CHECK(w.said(bytes.size()) == bytes);
  w.wait_told();
  CHECK_FALSE(w.why);
  CHECK(w.all.reads.empty());
}

TEST_CASE("the time a disk takes is not the client's", "[http]") {
  file_world w{file_world::socket_is::full};
  w.send_unpromised();
  w.let_an_hour_pass();
  CHECK_FALSE(w.all.has_ended);
  // What the client takes is its own again.
  w.all.finish_read();
  w.let_an_hour_pass();
  CHECK(w.all.has_ended);
  w.wait_told();
  CHECK(w.why == asio::error::operation_aborted);
}

TEST_CASE("who sends nothing more is not waited with for a disk that hangs",
          "[http]") {
  half_closed_world w;
  if (GENERATE(true, false)) { // since before a piece is read
    w.half_close();
    w.on->answered();
    w.send_unpromised();
    CHECK(w.is_due_in(w.limits.half_closed));
  } else { // meanwhile
    w.on->answered();
    w.send_unpromised();
    CHECK_FALSE(w.is_due_in(w.limits.handling));
    w.half_close();
  }
  CHECK_FALSE(w.is_due_in(std::chrono::minutes{10}));
  SECTION("a disk that answers in time is no reason") {
    w.all.finish_read();
    CHECK(w.said(w.text.size()) == w.text);
    w.wait_told();
    CHECK_FALSE(w.why);
  }
  SECTION("one that does not ends it") {
    w.let_an_hour_pass();
    CHECK(w.all.has_ended);
    w.wait_told();
    CHECK(w.why == asio::error::operation_aborted);
  }
}

TEST_CASE("what a client takes of a piece counts as it takes it", "[http]") {
  constexpr std::size_t piece = 100'000;
  file_world w;
  w.limits.writing_pace = 1'024;
  w.send(w.slow, piece);
  w.run_until([&] { return !w.all.reads.empty(); });
  REQUIRE(w.all.reads.size() == 1);
  const auto read = std::move(w.all.reads.front());
  w.all.reads.clear();
  read.done(std::vector<char>(piece, 'x'), {});
  CHECK(w.said(20'000).size() < piece);
  w.let_an_hour_pass();
  CHECK_FALSE(w.all.has_ended);
  w.let_an_hour_pass();
  CHECK(w.all.has_ended);
}

TEST_CASE("a connection that ends does not wait for its disk", "[http]") {
  const heard_log log;
  file_world w;
  w.send_unpromised();
  w.on->end();
  w.wait_told();
  CHECK(w.why == asio::error::operation_aborted);
  CHECK(w.sent == 0);
  CHECK(w.all.reads.front().whose.expired());
  // Whoever reads it keeps it open, and nobody else.
  const std::weak_ptr<jobs::descriptor> open = w.slow;
  w.slow.reset();
  CHECK_FALSE(open.expired());
  w.all.finish_read();
  CHECK(open.expired());
  CHECK(w.told == 1);
  CHECK(log.lines().empty()); // nothing of this was the node's
}

TEST_CASE("a file that was never begun goes with its connection", "[http]") {
  file_world w;
  const std::weak_ptr<jobs::descriptor> open = w.slow;
  w.on->take_file(std::make_shared<const file_slice>(
      file_slice{w.slow->get(), 0, 10, std::exchange(w.slow, nullptr)}));
  w.on->end();
  CHECK(open.expired());
  w.on->send_file([&](const std::error_code& ec, std::size_t) {
    ++w.told;
    w.why = ec;
  });
  w.wait_told();
  CHECK(w.why == asio::error::operation_aborted);
}

TEST_CASE("a file whose disk fails is sent no further, and the log says why",
          "[http]") {
  const heard_log log;
  file_world w;
  w.on->remote = "203.0.113.7";
  std::error_code expected;
  std::string words;
  SECTION("with an error") {
    w.send_unpromised();
    expected = {EIO, std::system_category()};
    words = "Input/output error";
    w.all.finish_read(expected);
  }
  SECTION("with the end of the file") {
    w.send(w.slow, 1'000'000);
    w.run_until([&] { return !w.all.reads.empty(); });
    w.all.finish_read();
    w.run_until([&] { return !w.all.reads.empty(); });
    expected = asio::error::eof;
    words = "the file became shorter";
    w.all.finish_read();
  }
  SECTION("with too many reads that wait") {
    w.all.takes_reads = false;
    w.send(w.slow, w.text.size());
    expected = asio::error::no_buffer_space;
    words = "too many pieces wait for its disk, or no thread is left";
  }
  w.wait_told();
  CHECK(w.why == expected);
  CHECK(log.lines()
        == std::vector{"answer-cut remote=203.0.113.7 why=\"" + words + "\""});
}
