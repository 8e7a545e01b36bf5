/// What an operator can set, with the defaults of the program. A Wings
/// `config.yml` is read unchanged: same keys, defaults and meaning where alula
/// has the feature (wings-protocol 6); alula's own keys stand beside them. The
/// table of keys is in config_schema.cpp, README.md shows an example.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace alula::app {

struct config {
  bool debug = false;
  std::string uuid;     ///< of the node, informational
  std::string token_id; ///< what the Panel calls the token
  std::string token;    ///< bearer of the API and HS256 key; never logged
  std::string remote;   ///< Panel URL, CORS and websocket origin; may be empty
  std::vector<std::string> allowed_origins;
  bool allow_cors_private_network = false;

  struct {
    std::string host = "0.0.0.0";
    std::int64_t port = 8080; ///< 0: the system chooses one
    struct {
      bool enabled = false;
      std::string cert; ///< PEM, with its chain
      std::string key;  ///< PEM
    } ssl;
    /// How long a synchronous route waits before it answers 202 (design 4).
    std::chrono::milliseconds sync_wait{10'000};
    std::int64_t body_limit = 8'388'608; ///< bytes of a request body
    /// 0: 10,000. Never more than RLIMIT_NOFILE allows, less what the rest of
    /// the process needs.
    std::int64_t max_connections = 0;
    struct {
      std::int64_t max_per_server = 100; ///< authenticated ones
      /// Of the node; never more than three quarters of the door's
      /// connections, so that the Panel still gets in.
      std::int64_t max_total = 7'500;
      std::int64_t message_limit = 65'536;   ///< bytes of one message
      std::int64_t messages_per_second = 10; ///< from one socket
      std::int64_t unsent_limit = 1'048'576; ///< bytes queued to one socket
      /// From the upgrade to a valid `auth`.
      std::chrono::milliseconds auth_deadline{30'000};
      std::chrono::milliseconds ping_interval{30'000};
      /// Between the close frame and the end of the TCP connection.
      std::chrono::milliseconds close_grace{2'000};
    } websocket;
  } api;

  struct {
    std::filesystem::path root_directory = "/var/lib/pterodactyl";
    std::filesystem::path data = "/var/lib/pterodactyl/volumes";
    /// Empty: beside `data` when that is the same file system, else below it.
    std::filesystem::path trash_directory;
    /// Empty: `<root_directory>/alula`.
    std::filesystem::path ledger_directory;
    std::string username = "pterodactyl";
    struct {
      std::int64_t uid = -1; ///< -1: that of `username`, else of the process
      std::int64_t gid = -1;
    } user;
    std::int64_t undelete_hours = 0; ///< 0: a deleted server is purged at once
  } system;

  struct {
    std::string socket; ///< empty: DOCKER_HOST, else /var/run/docker.sock
    struct {
      std::chrono::milliseconds connect{2'000};
      std::chrono::milliseconds inspect{5'000};
      std::chrono::milliseconds list{15'000};
      /// One kill, and then the same again for the container to be down;
      /// dockerd itself waits 12 s for a SIGKILL to work.
      std::chrono::milliseconds kill{15'000};
      std::chrono::milliseconds removal{60'000}; ///< all of a removal
    } deadlines;
  } docker;

  struct {
    struct {
      std::int64_t lifecycle = 8; ///< worker threads for all but removing files
      std::int64_t purge = 1;     ///< worker threads that remove trees
    } pools;
    std::chrono::milliseconds retention_succeeded = std::chrono::hours{24 * 30};
    std::chrono::milliseconds retention_failed = std::chrono::hours{24 * 90};
    /// What running steps get to reach a safe point when alula stops.
    std::chrono::milliseconds stop_grace{10'000};
  } jobs;
};

/// Something to say about one place of a configuration file.
struct config_problem {
  enum class severity { warning, error };
  severity grade = severity::error;
  int line = 0; ///< from 1; 0 when it concerns the file as a whole
  std::string key;
  std::string what; ///< what is wrong and what is allowed
};

/// All problems of a file at once, in the order of its lines.
struct config_report {
  config value;
  std::vector<config_problem> problems;
  std::map<std::string, int, std::less<>> lines; ///< of the keys it has
  bool is_usable() const;                        ///< no error among them
};

/// Reads a file of at most 1 MiB. Never writes it.
config_report load_config(const std::filesystem::path& file);

/// The same for text that is at hand.
config_report parse_config(const std::string& yaml);

/// `config.yml:12: error: api.port: …`
std::string describe(const std::filesystem::path& file,
                     const config_problem& problem);

} // namespace alula::app
