#include "jobs/descriptor.hpp"
#include "jobs/log.hpp"
#include "jobs/part_upload.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <latch>
#include <mutex>
#include <string>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

using namespace alula::jobs;

namespace {

part_sender sender_of(decltype(part_sender::send) send) {
  part_sender by;
  by.send = std::move(send);
  by.keep = [](const object_part&) -> status { return {}; };
  by.tell = [](std::int64_t, const std::string&) {};
  return by;
}

/// One that takes whatever is sent.
part_sender willing_sender() {
  return sender_of([](int number, const byte_source& from, const transfer_tell&,
                      std::stop_token) -> result<object_part> {
    return object_part{number, from.size(), "e"};
  });
}

enum class child_says { no, yes, it_has_threads };

/// What `is_so` says in a process of its own, to which the system gives no
/// further thread. Root is above such limits, so it becomes somebody else.
child_says without_threads(const std::function<bool()>& is_so) {
  const auto child = fork();
  if (child == 0) {
    const rlimit none{1, 1};
    constexpr uid_t nobody = 65'534;
    if (setrlimit(RLIMIT_NPROC, &none) != 0
        || (geteuid() == 0 && setresuid(nobody, nobody, nobody) != 0))
      _exit(static_cast<int>(child_says::it_has_threads));
    try {
      std::thread{[] {}}.join();
      _exit(static_cast<int>(child_says::it_has_threads));
    } catch (const std::system_error&) {
    }
    _exit(static_cast<int>(is_so() ? child_says::yes : child_says::no));
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? child_says{WEXITSTATUS(status)} : child_says::no;
}

} // namespace

TEST_CASE("parts are sent one by one where no thread can be started",
          "[jobs][far]") {
  const descriptor file{memfd_create("archive", MFD_CLOEXEC)};
  REQUIRE(ftruncate(file.get(), 10) == 0);
  const auto said = without_threads([&] {
    const auto parts = send_parts(file.get(), 10, 4, {}, willing_sender(), {});
    return parts && parts->size() == 3 && parts->back().size == 2;
  });
  if (said == child_says::it_has_threads)
    WARN("skipped: the number of threads cannot be limited here");
  else
    CHECK(said == child_says::yes);
}

TEST_CASE("the log says for which job a part is sent again, also from threads "
          "of the upload",
          "[jobs][far]") {
  std::mutex mutex;
  std::vector<std::string> lines;
  set_log_sink([&](log_level, std::string_view event, std::string_view fields) {
    const std::scoped_lock lock{mutex};
    lines.push_back(std::string{event} + " " + std::string{fields});
  });
  // All parts are under way before one fails, so each has a thread of its own.
  std::latch begun{3};
  std::array<std::atomic<int>, 4> tries{};
  auto by =
      sender_of([&](int number, const byte_source& from, const transfer_tell&,
                    std::stop_token) -> result<object_part> {
        if (tries.at(static_cast<std::size_t>(number))++ > 0)
          return object_part{number, from.size(), "e"};
        begun.arrive_and_wait();
        return fault{.code = fault_code::timed_out, .what = "slow"};
      });
  by.rules.parallel = 3;
  by.rules.first_wait = std::chrono::milliseconds{1};
  {
    const log_scope whose{"job", "j1"};
    part_stream stream{4, 4, 10, by, {}};
    CHECK(stream.write("aaaabbbbcc"));
    CHECK(stream.finish());
  }
  set_log_sink({});
  std::ranges::sort(lines);
  CHECK(lines
        == std::vector<std::string>{
            "part-retried part=1 tries=1 why=slow job=j1",
            "part-retried part=2 tries=1 why=slow job=j1",
            "part-retried part=3 tries=1 why=slow job=j1"});
}

TEST_CASE("while a part is sent again, the job says why", "[jobs][far]") {
  const bool is_streamed = GENERATE(false, true);
  std::mutex mutex;
  std::vector<std::string> told;
  int tries = 0;
  auto by = sender_of([&](int number, const byte_source& from,
                          const transfer_tell& tell,
                          std::stop_token) -> result<object_part> {
    tell(1);
    if (++tries < 3)
      return fault{.code = fault_code::store_unavailable, .what = "it hangs"};
    return object_part{number, from.size(), "e"};
  });
  by.tell = [&](std::int64_t, const std::string& message) {
    const std::scoped_lock lock{mutex};
    if (told.empty() || told.back() != message)
      told.push_back(message);
  };
  by.rules.tries = 5;
  by.rules.first_wait = std::chrono::milliseconds{1};
  if (is_streamed) {
    part_stream stream{4, 2, 10, by, {}};
    CHECK(stream.write("aa"));
    CHECK(stream.finish());
  } else {
    const descriptor file{memfd_create("archive", MFD_CLOEXEC)};
    REQUIRE(ftruncate(file.get(), 2) == 0);
    CHECK(send_parts(file.get(), 2, 4, {}, by, {}));
  }
  CHECK(told
        == std::vector<std::string>{
            "sending part 1", "sending part 1 again, try 2 of 5: it hangs",
            "sending part 1 again, try 3 of 5: it hangs"});
}

TEST_CASE("a stream that no thread can be started for says so", "[jobs][far]") {
  const auto said = without_threads([&] {
    part_stream stream{4, 3, 10, willing_sender(), {}};
    const auto written = stream.write("aaaabbbb");
    return !written && written.error().code == fault_code::io_error
           && !stream.finish();
  });
  if (said == child_says::it_has_threads)
    WARN("skipped: the number of threads cannot be limited here");
  else
    CHECK(said == child_says::yes);
}

TEST_CASE("the progress of a stream counts all parts that are under way",
          "[jobs][far]") {
  std::latch begun{2}, told{2};
  std::mutex mutex;
  std::int64_t most = 0;
  auto by = sender_of([&](int number, const byte_source& from,
                          const transfer_tell& tell,
                          std::stop_token) -> result<object_part> {
    begun.arrive_and_wait();
    tell(from.size());
    told.arrive_and_wait();
    return object_part{number, from.size(), "e"};
  });
  by.tell = [&](std::int64_t bytes, const std::string&) {
    const std::scoped_lock lock{mutex};
    most = std::max(most, bytes);
  };
  part_stream stream{4, 3, 10, by, {}};
  REQUIRE(stream.write("aaaabbbb"));
  const auto parts = stream.finish();
  REQUIRE(parts);
  CHECK(parts->size() == 2);
  CHECK(most == 8);
}

TEST_CASE("a stream that is stopped before it begins sends nothing",
          "[jobs][far]") {
  std::stop_source stop;
  stop.request_stop();
  bool was_sent = false;
  const auto by =
      sender_of([&](int number, const byte_source& from, const transfer_tell&,
                    std::stop_token) -> result<object_part> {
        was_sent = true;
        return object_part{number, from.size(), "e"};
      });
  part_stream stream{4, 2, 10, by, stop.get_token()};
  const auto written = stream.write("aaaabbbb");
  REQUIRE_FALSE(written);
  CHECK(written.error().code == fault_code::interrupted);
  CHECK_FALSE(was_sent);
}

TEST_CASE("a stream ends at the parts that were asked for", "[jobs][far]") {
  part_stream stream{4, 2, 2, willing_sender(), {}};
  REQUIRE(stream.write("aaaabbbb"));
  const auto written = stream.write("c");
  REQUIRE_FALSE(written);
  CHECK(written.error().code == fault_code::store_refused);
}
