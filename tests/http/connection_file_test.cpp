// Files on their way to a client, and the thread that reads beside.
#include "jobs/descriptor.hpp"
#include "tests/http/connection_world.hpp"

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

TEST_CASE("a file whose disk fails is sent no further", "[http]") {
  file_world w;
  std::error_code expected;
  SECTION("with an error") {
    w.send_unpromised();
    expected = std::make_error_code(std::errc::io_error);
    w.all.finish_read(expected);
  }
  SECTION("with the end of the file") {
    w.send(w.slow, 1'000'000);
    w.run_until([&] { return !w.all.reads.empty(); });
    w.all.finish_read();
    w.run_until([&] { return !w.all.reads.empty(); });
    expected = asio::error::eof;
    w.all.finish_read();
  }
  SECTION("with too many reads that wait") {
    w.all.takes_reads = false;
    w.send(w.slow, w.text.size());
    expected = asio::error::no_buffer_space;
  }
  w.wait_told();
  CHECK(w.why == expected);
}
