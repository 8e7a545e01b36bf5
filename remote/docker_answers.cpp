#include "remote/docker_answers.hpp"

#include "jobs/ascii.hpp"
#include "remote/docker_json.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <initializer_list>
#include <map>

namespace alula::remote {

using jobs::fault_code;
using nlohmann::json;

namespace {

/// Parses without keeping what nobody asked for: an inspect has about 200
/// members, a list of 10,000 containers about 300,000. Keys are filtered at
/// `depth`: 1 in an object, 2 in an array of objects.
json parse_only(std::string_view text, int depth,
                std::initializer_list<std::string_view> wanted) {
  const auto keep = [&](int at, json::parse_event_t event, const json& parsed) {
    if (event != json::parse_event_t::key || at != depth)
      return true;
    const auto& key = parsed.get_ref<const std::string&>();
    return std::find(wanted.begin(), wanted.end(), key) != wanted.end();
  };
  return json::parse(text, keep, /* allow_exceptions */ false);
}

std::optional<bool> is_true(const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_boolean())
    return std::nullopt;
  return found->get<bool>();
}

std::map<std::string, std::string> labels_of(const json& object) {
  std::map<std::string, std::string> labels;
  const auto found = object.find("Labels");
  if (found != object.end() && found->is_object())
    for (const auto& [key, value] : found->items())
      if (value.is_string())
        labels.emplace(key, value.get<std::string>());
  return labels;
}

/// Docker's names begin with a slash.
std::string bare_name(std::string name) {
  if (name.starts_with('/'))
    name.erase(0, 1);
  return name;
}

/// A container linked into others has more names, with more slashes.
std::string own_name(const json& names) {
  if (names.is_array())
    for (const auto& entry : names)
      if (entry.is_string()) {
        auto name = bare_name(entry.get<std::string>());
        if (name.find('/') == std::string::npos)
          return name;
      }
  return {};
}

/// Paused and restarting containers hold their files open, or soon will:
/// dockerd's inspect calls them running, its list does not.
bool is_up(std::string_view state) {
  return state == "running" || state == "paused" || state == "restarting";
}

std::optional<int> read_version(std::string_view text) {
  int major = 0;
  int minor = 0;
  const auto* end = text.data() + text.size();
  const auto [dot, failed] = std::from_chars(text.data(), end, major);
  if (failed != std::errc{} || dot == end || *dot != '.')
    return std::nullopt;
  const auto [rest, failed_too] = std::from_chars(dot + 1, end, minor);
  if (failed_too != std::errc{} || rest != end || major < 1 || major > 9
      || minor < 0 || minor > 999)
    return std::nullopt;
  return major * 1000 + minor;
}

bool says(const http_answer& answer,
          std::initializer_list<std::string_view> any_of) {
  const auto message = jobs::lowered(message_of(answer));
  return std::any_of(any_of.begin(), any_of.end(), [&](std::string_view words) {
    return message.find(words) != std::string::npos;
  });
}

} // namespace

// -- JSON --------------------------------------------------------------------

std::optional<jobs::container_info> read_container(std::string_view text) {
  const auto answer =
      parse_only(text, 1, {"Id", "Name", "State", "Image", "Config"});
  if (!answer.is_object())
    return std::nullopt;
  jobs::container_info info;
  info.id = text_at(answer, "Id");
  info.name = bare_name(text_at(answer, "Name"));
  const auto state = answer.find("State");
  if (info.id.empty() || info.name.empty() || state == answer.end()
      || !state->is_object())
    return std::nullopt;
  info.status = text_at(*state, "Status");
  info.running = is_true(*state, "Running").value_or(is_up(info.status));
  info.started_at = read_time(text_at(*state, "StartedAt"));
  info.finished_at = read_time(text_at(*state, "FinishedAt"));
  info.oom_killed = is_true(*state, "OOMKilled").value_or(false);
  info.error = text_at(*state, "Error");
  if (const auto code = state->find("ExitCode");
      code != state->end() && code->is_number_integer())
    info.exit_code = static_cast<int>(code->get<std::int64_t>());
  info.image_id = text_at(answer, "Image");
  if (const auto config = answer.find("Config");
      config != answer.end() && config->is_object()) {
    info.image = text_at(*config, "Image");
    info.labels = labels_of(*config);
  }
  return info;
}

std::string read_stop_signal(std::string_view text) {
  const auto answer = parse_only(text, 1, {"Config"});
  std::string signal;
  if (answer.is_object())
    if (const auto config = answer.find("Config");
        config != answer.end() && config->is_object())
      signal = text_at(*config, "StopSignal");
  return signal.empty() ? "SIGTERM" : signal;
}

bool read_tty(std::string_view text) {
  const auto answer = parse_only(text, 1, {"Config"});
  if (!answer.is_object())
    return false;
  const auto config = answer.find("Config");
  return config != answer.end() && config->is_object()
         && is_true(*config, "Tty").value_or(false);
}

std::optional<std::vector<jobs::container_info>>
read_containers(std::string_view text) {
  const auto answer = parse_only(
      text, 2, {"Id", "Names", "State", "Labels", "Image", "ImageID"});
  if (!answer.is_array())
    return std::nullopt;
  std::vector<jobs::container_info> containers;
  containers.reserve(answer.size());
  for (const auto& entry : answer) {
    if (!entry.is_object())
      return std::nullopt;
    jobs::container_info one;
    one.id = text_at(entry, "Id");
    if (one.id.empty())
      return std::nullopt;
    one.name = own_name(entry.value("Names", json{}));
    one.status = text_at(entry, "State");
    one.running = is_up(one.status);
    one.image = text_at(entry, "Image");
    one.image_id = text_at(entry, "ImageID");
    one.labels = labels_of(entry);
    containers.push_back(std::move(one));
  }
  return containers;
}

bool has_label(const jobs::container_info& container, std::string_view wanted) {
  const auto equals = wanted.find('=');
  const auto found =
      container.labels.find(std::string{wanted.substr(0, equals)});
  return found != container.labels.end()
         && (equals == std::string_view::npos
             || found->second == wanted.substr(equals + 1));
}

jobs::time_ms read_time(std::string_view text) {
  // 2026-11-20T18:54:12.387937454Z, or an offset in place of the Z.
  const std::string copy{text.substr(0, 40)};
  int year = 0;
  int month = 0;
  int day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
  int length = 0;
  if (std::sscanf(copy.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d%n", &year, &month,
                  &day, &hour, &minute, &second, &length)
          != 6
      || year < 1970)
    return 0;
  using namespace std::chrono;
  const year_month_day date{std::chrono::year{year},
                            std::chrono::month(static_cast<unsigned>(month)),
                            std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok())
    return 0;
  auto rest = std::string_view{copy}.substr(static_cast<std::size_t>(length));
  int thousandths = 0;
  if (rest.starts_with('.')) {
    rest.remove_prefix(1);
    for (int weight = 100; !rest.empty() && rest[0] >= '0' && rest[0] <= '9';
         weight /= 10) {
      thousandths += weight * (rest[0] - '0');
      rest.remove_prefix(1);
    }
  }
  int ahead = 0; // minutes
  if (!rest.starts_with('Z')) {
    int hours = 0;
    int minutes = 0;
    const std::string zone{rest};
    if (std::sscanf(zone.c_str(), "%*1[+-]%2d:%2d", &hours, &minutes) != 2)
      return 0;
    ahead = (zone[0] == '-' ? -1 : 1) * (hours * 60 + minutes);
  }
  const auto time = sys_days{date} + hours{hour} + minutes{minute - ahead}
                    + seconds{second} + milliseconds{thousandths};
  return duration_cast<milliseconds>(time.time_since_epoch()).count();
}

std::optional<api_range> read_api_range(std::string_view text) {
  const auto answer = parse_only(text, 1, {"ApiVersion", "MinAPIVersion"});
  if (!answer.is_object())
    return std::nullopt;
  const auto newest = read_version(text_at(answer, "ApiVersion"));
  if (!newest)
    return std::nullopt;
  const auto oldest = read_version(text_at(answer, "MinAPIVersion"));
  return api_range{std::min(oldest.value_or(*newest), *newest), *newest};
}

std::string message_of(const http_answer& answer) {
  const auto parsed = parse_only(answer.body, 1, {"message"});
  auto message = parsed.is_object() ? text_at(parsed, "message") : answer.body;
  constexpr std::size_t longest = 400;
  if (message.size() > longest)
    message.resize(longest);
  for (auto& c : message)
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f')
      c = ' ';
  while (message.ends_with(' '))
    message.pop_back();
  return message;
}

// -- meaning -----------------------------------------------------------------

bool is_missing(const http_answer& answer) {
  return answer.status == 404 && says(answer, {"no such container"});
}

bool is_image_missing(const http_answer& answer) {
  return answer.status == 404 && says(answer, {"no such image"});
}

bool is_network_missing(const http_answer& answer) {
  return answer.status == 404 && says(answer, {"network"});
}

bool is_network_there(const http_answer& answer) {
  return answer.status == 409 && says(answer, {"already exists"});
}

bool is_name_taken(const http_answer& answer) {
  return answer.status == 409 && says(answer, {"already in use"});
}

bool is_removal_in_progress(const http_answer& answer) {
  return answer.status == 409 && says(answer, {"already in progress"});
}

bool is_mount_busy(const http_answer& answer) {
  return answer.status >= 400 && says(answer, {"resource busy"});
}

bool is_unkillable(const http_answer& answer) {
  return answer.status >= 400
         && says(answer, {"could not kill", "cannot kill", "exit event"});
}

bool is_paused(const http_answer& answer) {
  return answer.status >= 400 && says(answer, {"paused", "unpause"});
}

bool is_not_running(const http_answer& answer) {
  return answer.status >= 400 && says(answer, {"is not running"});
}

bool is_wrong_signal(const http_answer& answer) {
  return answer.status >= 400 && says(answer, {"invalid signal"});
}

bool is_out_of_service(const http_answer& answer) {
  return answer.status >= 502
         || (answer.status >= 500
             && says(answer, {"shutting down", "connection error",
                              "transport is closing", "context deadline",
                              "context canceled", "containerd.sock"}));
}

bool is_wrong_version(const http_answer& answer) {
  return answer.status == 400 && says(answer, {"client version"})
         && says(answer, {"too old", "too new"});
}

jobs::fault fault_of(const http_answer& answer, std::string_view call) {
  auto code = fault_code::docker_refused;
  if (is_out_of_service(answer))
    code = fault_code::docker_unavailable;
  else if (answer.status == 501) // "does not support reading": a final no
    code = fault_code::docker_refused;
  else if (answer.status >= 500 || is_mount_busy(answer)
           || is_removal_in_progress(answer) || is_unkillable(answer))
    code = fault_code::container_busy;
  auto message = message_of(answer);
  if (message.empty())
    message = "no reason given";
  return {code,
          "dockerd answered " + std::to_string(answer.status) + ": " + message,
          std::string{call}};
}

jobs::fault fault_of_start(const http_answer& answer, std::string_view call) {
  auto why = fault_of(answer, call);
  const bool is_passing = is_mount_busy(answer)
                          || is_removal_in_progress(answer)
                          || is_unkillable(answer);
  if (why.code == fault_code::container_busy && !is_passing)
    why.code = fault_code::docker_refused;
  return why;
}

} // namespace alula::remote
