#include "app/heartbeat.hpp"

#include "app/notify.hpp"
#include "jobs/rest.hpp"

#include <charconv>
#include <cstdlib>
#include <cstring>
#include <stop_token>
#include <unistd.h>

namespace alula::app {

namespace {

std::optional<long long> number_in(const char* name) {
  const char* text = std::getenv(name);
  long long value = 0;
  if (!text)
    return std::nullopt;
  const auto* end = text + std::strlen(text);
  const auto [stop, error] = std::from_chars(text, end, value);
  return error == std::errc{} && stop == end ? std::optional{value}
                                             : std::nullopt;
}

} // namespace

std::optional<std::chrono::microseconds> wanted_heartbeat() {
  const auto every = number_in("WATCHDOG_USEC");
  const auto whose = number_in("WATCHDOG_PID");
  if (!every || *every <= 0 || (whose && *whose != getpid()))
    return std::nullopt;
  return std::chrono::microseconds{*every};
}

heartbeat::heartbeat(std::function<void()> look) {
  const auto every = wanted_heartbeat();
  if (!every)
    return;
  thread_ = std::jthread{[look = std::move(look),
                          pause = *every / 3](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      look();
      notify_supervisor("WATCHDOG=1");
      (void)jobs::rest(pause, stop);
    }
  }};
}

} // namespace alula::app
