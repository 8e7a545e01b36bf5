#include "app/door_settings.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <unistd.h>

namespace alula::app {

namespace {

/// Of a setting that was checked when it was read.
std::size_t size(std::int64_t checked_setting) {
  return static_cast<std::size_t>(checked_setting);
}

/// Three quarters of the connections the door will take: the rest is for the
/// Panel, whatever the players do.
std::size_t seats_of(const config& c) {
  const http::door_limits standard;
  const auto asked = c.api.max_connections;
  const auto wanted =
      asked > 0 ? size(asked) : http::door_limits::usual_connections;
  const long open_files = sysconf(_SC_OPEN_MAX);
  const auto all = open_files > 0 ? size(open_files) : wanted;
  const auto door =
      std::min(wanted, all - std::min(all / 2, standard.reserved_descriptors));
  return std::max<std::size_t>(
      1, std::min(size(c.api.websocket.max_total), door * 3 / 4));
}

std::optional<http::tls_files> tls_of(const config& c) {
  if (!c.api.ssl.enabled)
    return std::nullopt;
  return http::tls_files{c.api.ssl.cert, c.api.ssl.key};
}

} // namespace

http::socket_access access_of(const config& c) {
  return {c.token, c.remote, c.allowed_origins};
}

http::cors_settings cross_origin_of(const config& c) {
  return {c.remote, c.allowed_origins, c.allow_cors_private_network};
}

http::socket_settings socket_settings_of(const config& c) {
  const auto& asked = c.api.websocket;
  http::socket_settings out;
  out.limits.per_server = size(asked.max_per_server);
  out.limits.on_node = seats_of(c);
  out.limits.auth_deadline = asked.auth_deadline;
  out.limits.ping_every = asked.ping_interval;
  out.limits.close_grace = asked.close_grace;
  out.limits.frames_per_second = static_cast<double>(asked.messages_per_second);
  out.limits.frames_burst = 3 * out.limits.frames_per_second;
  return out;
}

http::server_settings door_settings_of(const config& c) {
  http::server_settings out;
  out.host = c.api.host;
  out.port = static_cast<std::uint16_t>(c.api.port);
  out.token = c.token;
  out.tls = tls_of(c);
  out.cross_origin = cross_origin_of(c);
  out.proxies = c.api.trusted_proxies;
  out.limits.body = size(c.api.body_limit);
  out.limits.open_body = std::min(out.limits.open_body, out.limits.body);
  out.limits.connections = size(c.api.max_connections);
  out.limits.writing = c.api.write_timeout;
  constexpr std::int64_t kib = 1'024;
  out.limits.streamed_pace = size(
      c.systems.slowest_upload * kib
      * std::chrono::duration_cast<std::chrono::seconds>(out.limits.body_time)
            .count());
  out.limits.keyed_requests_per_second =
      static_cast<double>(c.systems.requests_per_second);
  out.limits.keyed_requests_burst = 2 * out.limits.keyed_requests_per_second;
  out.limits.socket_message = size(c.api.websocket.message_limit);
  out.limits.socket_unsent = size(c.api.websocket.unsent_limit);
  // The hub is the one that answers a client that talks too much; the door
  // only cuts those who do not listen to it.
  out.limits.socket_frames_per_second =
      5 * static_cast<double>(c.api.websocket.messages_per_second);
  out.limits.socket_frames_burst = 4 * out.limits.socket_frames_per_second;
  return out;
}

} // namespace alula::app
