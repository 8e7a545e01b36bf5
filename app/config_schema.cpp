#include "app/config_schema.hpp"

namespace alula::app {

namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::int64_t any_int = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t max_id = 4'294'967'294; // (uid_t)-1 means "nobody"
constexpr std::int64_t gib = 1'073'741'824;

void add(std::vector<known_key>& all, std::vector<known_key> more) {
  all.insert(all.end(), more.begin(), more.end());
}

/// wings-protocol 6.1.
std::vector<known_key> top_level() {
  return {
      {"debug", boolean_rule{[](config& c) -> bool& { return c.debug; }}},
      {"app_name", text_rule{}},
      {"uuid", text_rule{[](config& c) -> std::string& { return c.uuid; }}},
      {"token_id",
       text_rule{[](config& c) -> std::string& { return c.token_id; }}},
      {"token", text_rule{[](config& c) -> std::string& { return c.token; }}},
      {"remote", url_rule{[](config& c) -> std::string& { return c.remote; }}},
      {"remote_query.timeout", integer_rule{}},
      {"remote_query.boot_servers_per_page", integer_rule{}},
      {"allowed_mounts", list_rule{}},
      {"allowed_origins", list_rule{[](config& c) -> std::vector<std::string>& {
         return c.allowed_origins;
       }}},
      {"allow_cors_private_network", boolean_rule{[](config& c) -> bool& {
         return c.allow_cors_private_network;
       }}},
      {"ignore_panel_config_updates", boolean_rule{}},
      {"throttles.enabled", boolean_rule{}},
      {"throttles.lines", integer_rule{}},
      {"throttles.line_reset_interval", integer_rule{}},
  };
}

/// wings-protocol 6.2, and ours.
std::vector<known_key> api() {
  return {
      {"api.host",
       text_rule{[](config& c) -> std::string& { return c.api.host; }}},
      {"api.port",
       integer_rule{0, 65'535,
                    [](config& c) -> std::int64_t& { return c.api.port; }}},
      {"api.ssl.enabled",
       boolean_rule{[](config& c) -> bool& { return c.api.ssl.enabled; }}},
      {"api.ssl.cert",
       text_rule{[](config& c) -> std::string& { return c.api.ssl.cert; }}},
      {"api.ssl.key",
       text_rule{[](config& c) -> std::string& { return c.api.ssl.key; }}},
      {"api.disable_remote_download", boolean_rule{}},
      {"api.upload_limit", integer_rule{}},
      {"api.trusted_proxies", network_list_rule{}},
      {"api.sync_wait", duration_rule{milliseconds{0}, minutes{10},
                                      [](config& c) -> milliseconds& {
                                        return c.api.sync_wait;
                                      }}},
      {"api.body_limit", integer_rule{1'024, gib,
                                      [](config& c) -> std::int64_t& {
                                        return c.api.body_limit;
                                      }}},
      {"api.max_connections", integer_rule{0, 10'000,
                                           [](config& c) -> std::int64_t& {
                                             return c.api.max_connections;
                                           }}},
      {"api.websocket.max_per_server",
       integer_rule{1, 10'000,
                    [](config& c) -> std::int64_t& {
                      return c.api.websocket.max_per_server;
                    }}},
      {"api.websocket.max_total",
       integer_rule{1, 10'000,
                    [](config& c) -> std::int64_t& {
                      return c.api.websocket.max_total;
                    }}},
      {"api.websocket.message_limit",
       integer_rule{1'024, 16'777'216,
                    [](config& c) -> std::int64_t& {
                      return c.api.websocket.message_limit;
                    }}},
      {"api.websocket.messages_per_second",
       integer_rule{1, 10'000,
                    [](config& c) -> std::int64_t& {
                      return c.api.websocket.messages_per_second;
                    }}},
      {"api.websocket.unsent_limit",
       integer_rule{4'096, gib,
                    [](config& c) -> std::int64_t& {
                      return c.api.websocket.unsent_limit;
                    }}},
      {"api.websocket.auth_deadline",
       duration_rule{seconds{1}, minutes{10},
                     [](config& c) -> milliseconds& {
                       return c.api.websocket.auth_deadline;
                     }}},
      {"api.websocket.ping_interval",
       duration_rule{seconds{1}, hours{1},
                     [](config& c) -> milliseconds& {
                       return c.api.websocket.ping_interval;
                     }}},
      {"api.websocket.close_grace",
       duration_rule{milliseconds{0}, minutes{1},
                     [](config& c) -> milliseconds& {
                       return c.api.websocket.close_grace;
                     }}},
  };
}

/// wings-protocol 6.3, and ours.
std::vector<known_key> system() {
  using path = std::filesystem::path;
  return {
      {"system.root_directory",
       path_rule{[](config& c) -> path& { return c.system.root_directory; }}},
      {"system.log_directory", path_rule{}},
      {"system.data",
       path_rule{[](config& c) -> path& { return c.system.data; }}},
      {"system.archive_directory", path_rule{}},
      {"system.backup_directory", path_rule{}},
      {"system.tmp_directory", path_rule{}},
      {"system.username",
       text_rule{[](config& c) -> std::string& { return c.system.username; }}},
      {"system.timezone", text_rule{}},
      {"system.user.uid", integer_rule{0, max_id,
                                       [](config& c) -> std::int64_t& {
                                         return c.system.user.uid;
                                       }}},
      {"system.user.gid", integer_rule{0, max_id,
                                       [](config& c) -> std::int64_t& {
                                         return c.system.user.gid;
                                       }}},
      {"system.user.rootless.enabled", boolean_rule{}},
      {"system.user.rootless.container_uid", integer_rule{0, max_id}},
      {"system.user.rootless.container_gid", integer_rule{0, max_id}},
      {"system.disk_check_interval", integer_rule{}},
      {"system.activity_send_interval", integer_rule{}},
      {"system.activity_send_count", integer_rule{}},
      {"system.check_permissions_on_boot", boolean_rule{}},
      {"system.enable_log_rotate", boolean_rule{}},
      {"system.websocket_log_count", integer_rule{}},
      {"system.sftp.bind_address", text_rule{}},
      {"system.sftp.bind_port", integer_rule{0, 65'535}},
      {"system.sftp.read_only", boolean_rule{}},
      {"system.crash_detection.enabled", boolean_rule{}},
      {"system.crash_detection.detect_clean_exit_as_crash", boolean_rule{}},
      {"system.crash_detection.timeout", integer_rule{}},
      {"system.backups.write_limit", integer_rule{any_int}},
      {"system.backups.compression_level",
       choice_rule{{"best_speed", "none", "best_compression"}}},
      {"system.transfers.download_limit", integer_rule{any_int}},
      {"system.openat_mode", choice_rule{{"auto", "openat", "openat2"}}},
      {"system.trash_directory",
       path_rule{[](config& c) -> path& { return c.system.trash_directory; }}},
      {"system.ledger_directory",
       path_rule{[](config& c) -> path& { return c.system.ledger_directory; }}},
      {"system.undelete_hours", integer_rule{0, 8'760,
                                             [](config& c) -> std::int64_t& {
                                               return c.system.undelete_hours;
                                             }}},
  };
}

/// wings-protocol 6.4, and ours.
std::vector<known_key> docker() {
  return {
      {"docker.network.interface", text_rule{}},
      {"docker.network.dns", list_rule{}},
      {"docker.network.name", text_rule{}},
      {"docker.network.network_mode", text_rule{}},
      {"docker.network.driver", text_rule{}},
      {"docker.network.ispn", boolean_rule{}},
      {"docker.network.is_internal", boolean_rule{}},
      {"docker.network.enable_icc", boolean_rule{}},
      {"docker.network.network_mtu", integer_rule{0, 65'535}},
      {"docker.network.interfaces.v4.subnet", text_rule{}},
      {"docker.network.interfaces.v4.gateway", text_rule{}},
      {"docker.network.interfaces.v6.subnet", text_rule{}},
      {"docker.network.interfaces.v6.gateway", text_rule{}},
      {"docker.domainname", text_rule{}},
      {"docker.registries.*.username", text_rule{}},
      {"docker.registries.*.password", text_rule{}},
      {"docker.tmpfs_size", integer_rule{}},
      {"docker.container_pid_limit", integer_rule{-1}},
      {"docker.installer_limits.memory", integer_rule{}},
      {"docker.installer_limits.cpu", integer_rule{}},
      {"docker.overhead.override", boolean_rule{}},
      {"docker.overhead.default_multiplier", number_rule{}},
      {"docker.overhead.multipliers.*", number_rule{}},
      {"docker.use_performant_inspect", boolean_rule{}},
      {"docker.userns_mode", text_rule{}},
      {"docker.log_config.type", text_rule{}},
      {"docker.log_config.config.*", text_rule{}},
      {"docker.socket",
       socket_rule{[](config& c) -> std::string& { return c.docker.socket; }}},
      {"docker.deadlines.connect",
       duration_rule{milliseconds{100}, minutes{1},
                     [](config& c) -> milliseconds& {
                       return c.docker.deadlines.connect;
                     }}},
      {"docker.deadlines.inspect",
       duration_rule{milliseconds{100}, minutes{10},
                     [](config& c) -> milliseconds& {
                       return c.docker.deadlines.inspect;
                     }}},
      {"docker.deadlines.kill", duration_rule{milliseconds{100}, minutes{30},
                                              [](config& c) -> milliseconds& {
                                                return c.docker.deadlines.kill;
                                              }}},
      {"docker.deadlines.list", duration_rule{milliseconds{100}, minutes{10},
                                              [](config& c) -> milliseconds& {
                                                return c.docker.deadlines.list;
                                              }}},
      {"docker.deadlines.removal",
       duration_rule{milliseconds{100}, hours{1},
                     [](config& c) -> milliseconds& {
                       return c.docker.deadlines.removal;
                     }}},
  };
}

std::vector<known_key> jobs() {
  return {
      {"jobs.pools.lifecycle", integer_rule{1, 64,
                                            [](config& c) -> std::int64_t& {
                                              return c.jobs.pools.lifecycle;
                                            }}},
      {"jobs.pools.purge", integer_rule{1, 16,
                                        [](config& c) -> std::int64_t& {
                                          return c.jobs.pools.purge;
                                        }}},
      {"jobs.retention_succeeded",
       duration_rule{minutes{1}, hours{24 * 3650},
                     [](config& c) -> milliseconds& {
                       return c.jobs.retention_succeeded;
                     }}},
      {"jobs.retention_failed", duration_rule{minutes{1}, hours{24 * 3650},
                                              [](config& c) -> milliseconds& {
                                                return c.jobs.retention_failed;
                                              }}},
      {"jobs.stop_grace", duration_rule{milliseconds{0}, minutes{10},
                                        [](config& c) -> milliseconds& {
                                          return c.jobs.stop_grace;
                                        }}},
  };
}

} // namespace

const std::vector<known_key>& known_keys() {
  static const std::vector<known_key> all = [] {
    std::vector<known_key> keys = top_level();
    add(keys, api());
    add(keys, system());
    add(keys, docker());
    add(keys, jobs());
    return keys;
  }();
  return all;
}

} // namespace alula::app
