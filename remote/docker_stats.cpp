#include "remote/docker_stats.hpp"

#include <nlohmann/json.hpp>

#include <cmath>
#include <cstdint>

namespace alula::remote {

using nlohmann::json;

namespace {

/// An object below an object; an empty one when there is none.
const json& object_at(const json& parent, const char* key) {
  static const json none = json::object();
  const auto found = parent.find(key);
  return found != parent.end() && found->is_object() ? *found : none;
}

/// cgroup v1 says "no limit" by a number near 2⁶³, which must not overflow.
double number_at(const json& parent, const char* key) {
  const auto found = parent.find(key);
  return found != parent.end() && found->is_number() ? found->get<double>()
                                                     : 0.0;
}

std::int64_t bytes_of(double number) {
  constexpr double largest = 9.0e18;
  if (!(number > 0))
    return 0;
  return number >= largest ? INT64_MAX : static_cast<std::int64_t>(number);
}

double memory_of(const json& memory) {
  const auto usage = number_at(memory, "usage");
  const auto& details = object_at(memory, "stats");
  // Only cgroup v1 has the word with `total_`.
  for (const auto* word : {"total_inactive_file", "inactive_file"})
    if (details.contains(word)) {
      const auto cache = number_at(details, word);
      return cache < usage ? usage - cache : usage;
    }
  return usage;
}

double cpu_of(const json& now, const json& before) {
  const auto& usage = object_at(now, "cpu_usage");
  const auto used = number_at(usage, "total_usage")
                    - number_at(object_at(before, "cpu_usage"), "total_usage");
  const auto passed = number_at(now, "system_cpu_usage")
                      - number_at(before, "system_cpu_usage");
  auto cores = number_at(now, "online_cpus");
  if (cores <= 0)
    if (const auto list = usage.find("percpu_usage");
        list != usage.end() && list->is_array())
      cores = static_cast<double>(list->size());
  if (used <= 0 || passed <= 0)
    return 0;
  return std::round(used / passed * cores * 100 * 1'000) / 1'000;
}

} // namespace

std::optional<jobs::resource_sample> read_stats(std::string_view text) {
  const auto keep = [](int depth, json::parse_event_t event,
                       const json& parsed) {
    if (event != json::parse_event_t::key || depth != 1)
      return true;
    const auto& key = parsed.get_ref<const std::string&>();
    return key == "cpu_stats" || key == "precpu_stats" || key == "memory_stats"
           || key == "networks" || key == "read";
  };
  const auto record = json::parse(text, keep, /* allow_exceptions */ false);
  if (!record.is_object())
    return std::nullopt;
  // Go's zero time: nothing was read, because nothing runs.
  const auto read = record.find("read");
  if (read == record.end() || !read->is_string()
      || read->get_ref<const std::string&>().starts_with("0001-"))
    return std::nullopt;
  const auto& memory = object_at(record, "memory_stats");
  const auto& cpu = object_at(record, "cpu_stats");
  if (!memory.contains("usage") && number_at(cpu, "system_cpu_usage") <= 0)
    return std::nullopt; // the last record of a container that just ended
  jobs::resource_sample sample;
  sample.memory_bytes = bytes_of(memory_of(memory));
  sample.memory_limit_bytes = bytes_of(number_at(memory, "limit"));
  sample.cpu_percent = cpu_of(cpu, object_at(record, "precpu_stats"));
  double received = 0;
  double sent = 0;
  for (const auto& [name, network] : object_at(record, "networks").items())
    if (network.is_object()) {
      received += number_at(network, "rx_bytes");
      sent += number_at(network, "tx_bytes");
    }
  sample.received_bytes = bytes_of(received);
  sample.sent_bytes = bytes_of(sent);
  return sample;
}

} // namespace alula::remote
