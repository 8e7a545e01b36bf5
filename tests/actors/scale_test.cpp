#include "actors/actor_engine.hpp"
#include "tests/actors/engine_world.hpp"
#include "tests/doubles/instrumented.hpp"

#include <cstdio>
#include <ctime>
#include <fstream>
#include <sys/resource.h>
#include <unistd.h>

using namespace alula;
using namespace alula::actors_test;
using namespace std::chrono_literals;

namespace {

// A sanitizer's shadow of the memory is resident too.
constexpr std::size_t copies = doubles::is_instrumented ? 4 : 1;

std::size_t resident_bytes() {
  std::ifstream statm{"/proc/self/statm"};
  std::size_t total = 0, resident = 0;
  statm >> total >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

std::chrono::nanoseconds processor_time() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return std::chrono::seconds{t.tv_sec} + std::chrono::nanoseconds{t.tv_nsec};
}

} // namespace

TEST_CASE("ten thousand servers cost little memory, and nothing when idle",
          "[actors]") {
  constexpr int servers = doubles::is_instrumented ? 1'000 : 10'000;
  constexpr std::size_t mebibyte = 1024 * 1024;
  const auto before = resident_bytes();
  engine_world w{servers};
  w.settings.uptime = {}; // the steady clock: nothing is held
  w.boot();
  CHECK(w.engine->list_servers().size() == servers);
  const auto booted = resident_bytes();

  std::atomic<int> left = servers;
  std::promise<void> all;
  const auto begun = std::chrono::steady_clock::now();
  for (int i = 1; i <= servers; ++i)
    w.engine->submit(w.request(single, i),
                     [&](const jobs::result<jobs::ticket>& got) {
                       if (got && --left == 0)
                         all.set_value();
                     });
  REQUIRE(all.get_future().wait_for(4 * patience) == std::future_status::ready);
  jobs::job_id last;
  {
    const std::scoped_lock lock{w.store->mutex};
    last = w.store->jobs.at(servers).id;
  }
  w.end_of(last);
  w.pass_until(
      0ms, [&] { return w.engine->summarize().ended_since_boot == servers; });
  const std::chrono::duration<double> took =
      std::chrono::steady_clock::now() - begun;
  const auto worked = resident_bytes();

  // Idle: only the clock of this process is asked, while nothing happens.
  const auto cpu = processor_time();
  std::promise<void> nothing;
  nothing.get_future().wait_for(500ms);
  const auto idle = processor_time() - cpu;
  std::printf("%d servers: %zu MiB before, %zu MiB booted, %zu MiB after "
              "one job each in %.2f s (the fake ledger's rows included); "
              "%.3f ms of processor time in 500 ms of idleness\n",
              servers, before / mebibyte, booted / mebibyte, worked / mebibyte,
              took.count(),
              std::chrono::duration<double, std::milli>(idle).count());
  CHECK(booted - before < copies * 64 * mebibyte);
  CHECK(idle < 50ms); // a scheduler that spins takes all of it
}
