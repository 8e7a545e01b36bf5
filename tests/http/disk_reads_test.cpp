#include "http/disk_reads.hpp"
#include "jobs/descriptor.hpp"

#include <catch2/catch.hpp>

#include <asio.hpp>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <future>
#include <optional>
#include <string>
#include <sys/mman.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

using namespace alula;
using namespace alula::http;

namespace {

using file_ptr = std::shared_ptr<const jobs::descriptor>;

/// A file in memory.
file_ptr make_file(const std::string& text) {
  auto file = std::make_shared<const jobs::descriptor>(
      ::memfd_create("alula-test", MFD_CLOEXEC));
  REQUIRE(::pwrite(file->get(), text.data(), text.size(), 0)
          == static_cast<ssize_t>(text.size()));
  return file;
}

/// One that lies on another disk.
file_ptr file_elsewhere() {
  return std::make_shared<const jobs::descriptor>(
      ::open("/proc/version", O_RDONLY | O_CLOEXEC));
}

/// The I/O thread, which is the test's.
struct reads_world {
  disk_read of(file_ptr file, std::size_t size = 8) {
    const int number = file->get();
    return {.file = number,
            .hold = std::move(file),
            .offset = 0,
            .ahead = 4'096,
            .into = std::vector<char>(size),
            .whose = client,
            .done = [this](std::vector<char> bytes, const std::error_code& ec) {
              came.emplace_back(bytes.begin(), bytes.end());
              why = ec;
            }};
  }
  bool wait_for(std::size_t count) {
    const auto end =
        std::chrono::steady_clock::now() + std::chrono::seconds{20};
    while (came.size() < count && std::chrono::steady_clock::now() < end)
      context.run_one_for(std::chrono::milliseconds{20});
    return came.size() == count;
  }

  asio::io_context context;
  asio::executor_work_guard<asio::io_context::executor_type> busy =
      asio::make_work_guard(context);
  std::shared_ptr<io_thread> back = std::make_shared<io_thread>(context);
  std::shared_ptr<int> client = std::make_shared<int>();
  std::vector<std::string> came;
  std::error_code why;
};

/// Somebody's open file, and the thread that it is let go of by.
struct held_file {
  explicit held_file(file_ptr what)
    : slice{what->get(), 0, 1,
            std::shared_ptr<void>{static_cast<void*>(this),
                                  [this, open = std::move(what)](void*) {
                                    closed.set_value(
                                        std::this_thread::get_id());
                                  }}} {}

  bool is_closed(std::chrono::seconds within = {}) const {
    return who.wait_for(within) == std::future_status::ready;
  }

  std::promise<std::thread::id> closed;
  std::future<std::thread::id> who = closed.get_future();
  file_slice slice;
};

/// A disk that does not answer until it is mended.
struct hung_disk {
  explicit hung_disk(file_ptr on) : file(std::move(on)) {}
  ssize_t read(int of, void* into, std::size_t size, off_t at) {
    if (of == file->get()) {
      ++asked;
      answer.wait_for(std::chrono::seconds{20});
    }
    return ::pread(of, into, size, at);
  }
  disk_reads::read_function how() {
    return [this](int of, void* into, std::size_t size, off_t at) {
      return read(of, into, size, at);
    };
  }
  void mend() { mended.set_value(); }
  bool wait_asked() const {
    const auto end =
        std::chrono::steady_clock::now() + std::chrono::seconds{20};
    while (asked == 0 && std::chrono::steady_clock::now() < end)
      std::this_thread::yield();
    return asked > 0;
  }

  file_ptr file;
  std::atomic<int> asked{0};
  std::promise<void> mended;
  std::shared_future<void> answer = mended.get_future().share();
};

} // namespace

TEST_CASE("what was read on another thread comes back to the I/O thread",
          "[http]") {
  reads_world w;
  std::thread::id where;
  disk_reads reads{w.back, [&](int of, void* into, std::size_t size, off_t at) {
                     where = std::this_thread::get_id();
                     return ::pread(of, into, size, at);
                   }};
  REQUIRE(reads.run(w.of(make_file("0123456789"))));
  REQUIRE(w.wait_for(1));
  CHECK(w.came.front() == "01234567");
  CHECK(where != std::this_thread::get_id());
  REQUIRE(reads.run(w.of(make_file("end"))));
  REQUIRE(w.wait_for(2));
  CHECK(w.came.back() == "end");
}

TEST_CASE("a read that fails says why", "[http]") {
  reads_world w;
  disk_reads reads{w.back, [](int, void*, std::size_t, off_t) -> ssize_t {
                     errno = EIO;
                     return -1;
                   }};
  REQUIRE(reads.run(w.of(make_file("0123456789"))));
  REQUIRE(w.wait_for(1));
  CHECK(w.why == std::errc::io_error);
  CHECK(w.came.front().empty());
}

TEST_CASE("a disk that does not answer holds up what lies on it alone",
          "[http]") {
  reads_world w;
  hung_disk disk{file_elsewhere()};
  disk_reads reads{w.back, disk.how()};
  for (int i = 0; i < 5; ++i)
    REQUIRE(reads.run(w.of(disk.file)));
  REQUIRE(reads.run(w.of(make_file("others"))));
  REQUIRE(w.wait_for(1));
  CHECK(w.came.front() == "others");
  CHECK(disk.asked <= 2);
  disk.mend();
  CHECK(w.wait_for(6));
}

TEST_CASE("what nobody waits for any more is not read", "[http]") {
  reads_world w;
  const auto file = make_file("0123456789");
  std::atomic<int> asked{0};
  {
    disk_reads reads{w.back,
                     [&](int of, void* into, std::size_t size, off_t at) {
                       ++asked;
                       return ::pread(of, into, size, at);
                     }};
    auto left = w.of(file);
    left.whose.reset();
    REQUIRE(reads.run(std::move(left)));
    REQUIRE(reads.run(w.of(file)));
    REQUIRE(w.wait_for(1));
  }
  CHECK(asked == 1);
}

TEST_CASE("a disk keeps only so many waiting", "[http]") {
  reads_world w;
  hung_disk disk{file_elsewhere()};
  disk_reads reads{w.back, disk.how()};
  int taken = 0;
  while (taken < 1'000 && reads.run(w.of(disk.file)))
    ++taken;
  CHECK(taken >= 64); // as many as there are places for downloads
  CHECK(taken < 1'000);
  CHECK(reads.run(w.of(make_file("others"))));
  disk.mend();
}

TEST_CASE("a file that was lent is closed by a thread of its disk", "[http]") {
  reads_world w;
  held_file file{make_file("0123456789")};
  disk_reads reads{w.back};
  auto lent = reads.lend(std::move(file.slice));
  auto copy = lent;
  lent.reset();
  CHECK_FALSE(file.is_closed());
  copy.reset();
  REQUIRE(file.is_closed(std::chrono::seconds{20}));
  CHECK(file.who.get() != std::this_thread::get_id());
}

TEST_CASE("who lets go of a file does not wait for its disk", "[http]") {
  reads_world w;
  hung_disk disk{file_elsewhere()};
  held_file file{disk.file};
  disk_reads reads{w.back, disk.how()};
  SECTION("when its threads do") {
    REQUIRE(reads.run(w.of(disk.file)));
    REQUIRE(reads.run(w.of(disk.file)));
  }
  SECTION("nor when as many wait as may") {
    int taken = 0;
    while (taken < 1'000 && reads.run(w.of(disk.file)))
      ++taken;
    REQUIRE(taken < 1'000);
  }
  reads.lend(std::move(file.slice)).reset();
  CHECK_FALSE(file.is_closed());
  disk.mend();
  REQUIRE(file.is_closed(std::chrono::seconds{20}));
  CHECK(file.who.get() != std::this_thread::get_id());
}

TEST_CASE("a file that was lent is closed when all this has ended", "[http]") {
  reads_world w;
  hung_disk disk{file_elsewhere()};
  held_file file{disk.file};
  std::optional<disk_reads> reads{std::in_place, w.back, disk.how()};
  REQUIRE(reads->run(w.of(disk.file)));
  reads->lend(std::move(file.slice)).reset();
  disk.mend();
  reads.reset();
  CHECK(file.is_closed());
}

TEST_CASE("a read may outlive the I/O thread", "[http]") {
  reads_world w;
  hung_disk disk{file_elsewhere()};
  std::optional<disk_reads> reads{std::in_place, w.back, disk.how()};
  REQUIRE(reads->run(w.of(disk.file)));
  CHECK(disk.wait_asked());
  w.back->close();
  disk.mend();
  reads.reset();
  w.context.poll();
  CHECK(w.came.empty());
}
