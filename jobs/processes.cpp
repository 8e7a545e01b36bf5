#include "jobs/processes.hpp"

#include <nlohmann/json.hpp>

#include <array>
#include <cmath>
#include <utility>

namespace alula::jobs {

namespace {

constexpr std::array<std::pair<process_state, std::string_view>, 4> words{{
    {process_state::offline, "offline"},
    {process_state::starting, "starting"},
    {process_state::running, "running"},
    {process_state::stopping, "stopping"},
}};

} // namespace

std::string_view to_string(process_state s) {
  for (const auto& [state, word] : words)
    if (state == s)
      return word;
  return "offline";
}

std::string to_json(const process_usage& usage) {
  constexpr double decimals = 1'000; // as Wings rounds it
  const auto cpu =
      std::isfinite(usage.sample.cpu_percent)
          ? std::round(usage.sample.cpu_percent * decimals) / decimals
          : 0.0;
  return nlohmann::json{{"memory_bytes", usage.sample.memory_bytes},
                        {"memory_limit_bytes", usage.sample.memory_limit_bytes},
                        {"cpu_absolute", cpu},
                        {"network",
                         {{"rx_bytes", usage.sample.received_bytes},
                          {"tx_bytes", usage.sample.sent_bytes}}},
                        {"uptime", usage.uptime_ms},
                        {"state", to_string(usage.state)},
                        {"disk_bytes", usage.disk_bytes}}
      .dump();
}

} // namespace alula::jobs
