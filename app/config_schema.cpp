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
      {"uuid", text_rule{[](config& c) -> std::string& { return c.uuid; }}},
      {"token_id",
       text_rule{[](config& c) -> std::string& { return c.token_id; }}},
      {"token", text_rule{[](config& c) -> std::string& { return c.token; }}},
      {"token_file", path_rule{[](config& c) -> std::filesystem::path& {
                                 return c.token_file;
                               },
                               true}},
      {"remote", url_rule{[](config& c) -> std::string& { return c.remote; }}},
      {"remote_query.timeout", duration_rule{seconds{1}, minutes{10},
                                             [](config& c) -> milliseconds& {
                                               return c.remote_query.timeout;
                                             }}},
      {"remote_query.boot_servers_per_page",
       integer_rule{1, 10'000,
                    [](config& c) -> std::int64_t& {
                      return c.remote_query.boot_servers_per_page;
                    }}},
      {"panel.container_status", boolean_rule{[](config& c) -> bool& {
         return c.panel.container_status;
       }}},
      {"allowed_origins", list_rule{[](config& c) -> std::vector<std::string>& {
         return c.allowed_origins;
       }}},
      {"allow_cors_private_network", boolean_rule{[](config& c) -> bool& {
         return c.allow_cors_private_network;
       }}},
      {"ignore_panel_config_updates", boolean_rule{[](config& c) -> bool& {
         return c.ignore_panel_config_updates;
       }}},
      {"throttles.enabled", boolean_rule{}},
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
      {"api.status_page",
       boolean_rule{[](config& c) -> bool& { return c.api.status_page; }}},
      {"api.trusted_proxies",
       network_list_rule{[](config& c) -> std::vector<std::string>& {
         return c.api.trusted_proxies;
       }}},
      {"api.sync_wait", duration_rule{milliseconds{0}, minutes{10},
                                      [](config& c) -> milliseconds& {
                                        return c.api.sync_wait;
                                      }}},
      {"api.body_limit", integer_rule{1'024, gib,
                                      [](config& c) -> std::int64_t& {
                                        return c.api.body_limit;
                                      }}},
      {"api.write_timeout", duration_rule{seconds{1}, minutes{10},
                                          [](config& c) -> milliseconds& {
                                            return c.api.write_timeout;
                                          }}},
      {"api.max_connections", integer_rule{0, 100'000,
                                           [](config& c) -> std::int64_t& {
                                             return c.api.max_connections;
                                           }}},
      {"api.websocket.max_per_server",
       integer_rule{1, 10'000,
                    [](config& c) -> std::int64_t& {
                      return c.api.websocket.max_per_server;
                    }}},
      {"api.websocket.max_total",
       integer_rule{1, 100'000,
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

constexpr std::string_view activity_is_told =
    "alula does not collect activity: each entry is kept on disk and told to "
    "the Panel at once";

/// wings-protocol 6.3, and ours.
std::vector<known_key> system() {
  using path = std::filesystem::path;
  return {
      {"system.root_directory",
       path_rule{[](config& c) -> path& { return c.system.root_directory; }}},
      {"system.data",
       path_rule{[](config& c) -> path& { return c.system.data; }}},
      {"system.archive_directory", path_rule{}},
      {"system.backup_directory",
       path_rule{[](config& c) -> path& { return c.system.backup_directory; }}},
      {"system.username",
       text_rule{[](config& c) -> std::string& { return c.system.username; }}},
      {"system.user.uid", integer_rule{0, max_id,
                                       [](config& c) -> std::int64_t& {
                                         return c.system.user.uid;
                                       }}},
      {"system.user.gid", integer_rule{0, max_id,
                                       [](config& c) -> std::int64_t& {
                                         return c.system.user.gid;
                                       }}},
      {"system.activity_send_interval", unserved_rule{60, activity_is_told}},
      {"system.activity_send_count", unserved_rule{100, activity_is_told}},
      {"system.enable_log_rotate", boolean_rule{}},
      {"system.websocket_log_count",
       integer_rule{0, 10'000,
                    [](config& c) -> std::int64_t& {
                      return c.system.websocket_log_count;
                    }}},
      {"system.sftp.bind_address", text_rule{}},
      {"system.sftp.bind_port", integer_rule{0, 65'535}},
      {"system.sftp.read_only", boolean_rule{}},
      {"system.backups.write_limit",
       // Below 1 is none, as with Wings. In bytes it has to fit 64 bits.
       integer_rule{any_int, 1'000'000'000,
                    [](config& c) -> std::int64_t& {
                      return c.system.backups.write_limit;
                    }}},
      {"system.backups.compression_level",
       choice_rule{{"best_speed", "none", "best_compression"},
                   [](config& c) -> std::string& {
                     return c.system.backups.compression_level;
                   }}},
      {"system.backups.format", choice_rule{{"wings", "full"},
                                            [](config& c) -> std::string& {
                                              return c.system.backups.format;
                                            }}},
      {"system.restore_undo_hours",
       integer_rule{0, 8'760,
                    [](config& c) -> std::int64_t& {
                      return c.system.restore_undo_hours;
                    }}},
      {"system.backups.read_limit",
       integer_rule{0, 1'000'000,
                    [](config& c) -> std::int64_t& {
                      return c.system.backups.read_limit;
                    }}},
      {"system.backups.keep_free",
       integer_rule{-1, 1'000'000'000,
                    [](config& c) -> std::int64_t& {
                      return c.system.backups.keep_free;
                    }}},
      {"system.backups.threads", integer_rule{0, 64,
                                              [](config& c) -> std::int64_t& {
                                                return c.system.backups.threads;
                                              }}},
      {"system.backups.verify_days",
       integer_rule{0, 3'650,
                    [](config& c) -> std::int64_t& {
                      return c.system.backups.verify_days;
                    }}},
      {"system.backups.verify_hours",
       integer_rule{0, 8'760,
                    [](config& c) -> std::int64_t& {
                      return c.system.backups.verify_hours;
                    }}},
      {"system.backups.rotate_hours",
       integer_rule{0, 8'760,
                    [](config& c) -> std::int64_t& {
                      return c.system.backups.rotate_hours;
                    }}},
      {"system.backups.rotation.keep_last",
       integer_rule{0, 10'000,
                    [](config& c) -> std::int64_t& {
                      return c.system.backups.rotation.keep_last;
                    }}},
      {"system.backups.rotation.keep_daily",
       integer_rule{0, 10'000,
                    [](config& c) -> std::int64_t& {
                      return c.system.backups.rotation.keep_daily;
                    }}},
      {"system.backups.rotation.keep_weekly",
       integer_rule{0, 10'000,
                    [](config& c) -> std::int64_t& {
                      return c.system.backups.rotation.keep_weekly;
                    }}},
      {"system.backups.rotation.keep_monthly",
       integer_rule{0, 10'000,
                    [](config& c) -> std::int64_t& {
                      return c.system.backups.rotation.keep_monthly;
                    }}},
      {"system.backups.rotation.min_keep",
       integer_rule{0, 10'000,
                    [](config& c) -> std::int64_t& {
                      return c.system.backups.rotation.min_keep;
                    }}},
      {"system.backups.keep_outside_links",
       boolean_rule{[](config& c) -> bool& {
         return c.system.backups.keep_outside_links;
       }}},
      {"system.backups.idle_io", boolean_rule{[](config& c) -> bool& {
         return c.system.backups.idle_io;
       }}},
      {"system.backups.file_name", text_rule{[](config& c) -> std::string& {
         return c.system.backups.file_name;
       }}},
      {"system.backups.with_server",
       choice_rule{{"keep", "delete"},
                   [](config& c) -> std::string& {
                     return c.system.backups.with_server;
                   }}},
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
      {"docker.use_performant_inspect", boolean_rule{}},
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
      {"docker.deadlines.pull", duration_rule{minutes{1}, hours{24},
                                              [](config& c) -> milliseconds& {
                                                return c.docker.deadlines.pull;
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
      {"jobs.pools.backup", integer_rule{1, 16,
                                         [](config& c) -> std::int64_t& {
                                           return c.jobs.pools.backup;
                                         }}},
      {"jobs.pools.restore", integer_rule{1, 16,
                                          [](config& c) -> std::int64_t& {
                                            return c.jobs.pools.restore;
                                          }}},
      {"jobs.pools.verify", integer_rule{1, 16,
                                         [](config& c) -> std::int64_t& {
                                           return c.jobs.pools.verify;
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
      {"log.format",
       choice_rule{{"text", "json"},
                   [](config& c) -> std::string& { return c.log.format; }}},
      {"alerts.webhook",
       url_rule{[](config& c) -> std::string& { return c.alerts.webhook; }}},
      {"alerts.page_url",
       url_rule{[](config& c) -> std::string& { return c.alerts.page_url; }}},
      {"alerts.token",
       text_rule{[](config& c) -> std::string& { return c.alerts.token; }}},
      {"alerts.backup_hours", integer_rule{0, 87'600,
                                           [](config& c) -> std::int64_t& {
                                             return c.alerts.backup_hours;
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
    add(keys, life_keys());
    add(keys, far_keys());
    add(keys, system_keys());
    add(keys, access_keys());
    return keys;
  }();
  return all;
}

} // namespace alula::app
