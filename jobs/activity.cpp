#include "jobs/activity.hpp"

#include "jobs/ascii.hpp"

#include <nlohmann/json.hpp>

#include <arpa/inet.h>
#include <array>
#include <ctime>
#include <netinet/in.h>

namespace alula::jobs {

namespace {

using nlohmann::json;

bool is_address(const std::string& text) {
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  return ::inet_pton(AF_INET, text.c_str(), bytes.data()) == 1
         || ::inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1;
}

/// Whoever wrote it: a Panel's own uuids are lower case.
json uuid_or_null(std::string_view text) {
  const auto id = server_id::parse(lowered(text));
  return id ? json(id->view()) : json(nullptr);
}

/// RFC 3339 with milliseconds, UTC.
std::string timestamp_of(time_ms at) {
  const auto seconds = static_cast<std::time_t>(at / 1'000);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 40> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  const auto fraction = std::to_string(1'000 + at % 1'000).substr(1);
  return std::string{text.data()} + '.' + fraction + 'Z';
}

} // namespace

tell_panel report_of(const activity& what) {
  // A map without members is written as one, not as an empty list of PHP.
  json metadata = json::object();
  if (!what.command.empty())
    metadata["command"] = what.command;
  json row{{"user", uuid_or_null(what.user)},
           {"server", what.server.view()},
           {"event", what.event},
           {"metadata", metadata},
           {"timestamp", timestamp_of(what.at)}};
  if (is_address(what.address))
    row["ip"] = what.address;
  return {.subject = "activity:" + what.server.to_string(),
          .method = "POST",
          .path = "/activity",
          .body = json{{"data", json::array({row})}}.dump(
              -1, ' ', false, json::error_handler_t::replace)};
}

} // namespace alula::jobs
