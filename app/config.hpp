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
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace alula::app {

struct config {
  bool debug = false;
  std::string app_name = "Pterodactyl"; ///< in notices in consoles
  std::string uuid;                     ///< of the node, informational
  std::string token_id;                 ///< what the Panel calls the token
  std::string token; ///< bearer of the API and HS256 key; never logged
  /// Where it is kept when `token` is empty; made by a start that finds none.
  std::filesystem::path token_file;
  std::string remote; ///< Panel URL, CORS and websocket origin; may be empty
  struct {
    std::chrono::milliseconds timeout{30'000}; ///< of one call of the Panel
    std::int64_t boot_servers_per_page = 50;
  } remote_query;
  struct {
    /// Whether it has a call for the states of containers, as Pelican's has;
    /// nothing that it answers says so.
    bool container_status = false;
  } panel;
  /// The Panel may not change this file (`POST /api/update`).
  bool ignore_panel_config_updates = false;
  std::vector<std::string> allowed_mounts; ///< of the host, and what is below
  std::vector<std::string> allowed_origins;
  bool allow_cors_private_network = false;

  struct {
    std::int64_t lines = 2'000;             ///< of one console, per interval
    std::int64_t line_reset_interval = 100; ///< milliseconds
  } throttles;

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
    /// For a client to go on reading an answer, a stream or a websocket.
    std::chrono::milliseconds write_timeout{30'000};
    /// 0: 16,384. Never more than RLIMIT_NOFILE allows, less what the rest of
    /// the process needs.
    std::int64_t max_connections = 0;
    /// The page at `/`; what it shows needs a token all the same.
    bool status_page = true;
    /// How long it stays known who changed what.
    std::chrono::milliseconds audit_retention = std::chrono::hours{24 * 90};
    /// Whose JSON Web Tokens are credentials; no issuer: nobody's.
    struct {
      std::string issuer, audience; ///< `iss` and `aud` of its tokens
      std::string secret;           ///< of HS256; never logged
      std::string jwks_file;        ///< its public keys
      std::string jwks_url;         ///< or where they are
      std::chrono::milliseconds leeway{60'000};
    } jwt;
    /// Addresses and networks whose X-Forwarded-For is believed.
    std::vector<std::string> trusted_proxies;
    struct {
      std::int64_t max_per_server = 100; ///< authenticated ones
      /// Of the node; never more than three quarters of the door's
      /// connections, so that the Panel still gets in.
      std::int64_t max_total = 10'000;
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
      struct {
        bool enabled = false;
        std::int64_t container_uid = 0;
        std::int64_t container_gid = 0;
      } rootless;
    } user;
    std::filesystem::path log_directory = "/var/log/pterodactyl";
    std::filesystem::path tmp_directory = "/tmp/pterodactyl";
    std::int64_t websocket_log_count = 150; ///< lines that answer `send logs`
    std::string timezone; ///< of the servers; empty: the machine's
    std::int64_t disk_check_interval = 150; ///< seconds; 0: no disk checks
    bool check_permissions_on_boot = true;
    struct {
      bool enabled = true;
      bool detect_clean_exit_as_crash = true;
      std::int64_t timeout = 60; ///< seconds
    } crash_detection;
    std::int64_t undelete_hours = 0; ///< 0: a deleted server is purged at once
    /// What a restore replaced stays so long; 0: removed at once.
    std::int64_t restore_undo_hours = 24;
    /// Empty: `<root_directory>/backups`, which is Wings' own default too.
    std::filesystem::path backup_directory;
    struct {
      /// How new archives are named; `{uuid}.tar.gz` where stock Wings reads
      /// the directory too. Both names are found.
      std::string file_name = "backup-{uuid}.tar.gz";
      std::string compression_level = "best_speed";
      /// What of a tree is in the tar: `full`, or what stock Wings can restore.
      std::string format = "wings";
      std::int64_t write_limit = 0; ///< MiB per second; below 1: none
      std::int64_t read_limit = 0;  ///< MiB per second; 0: none
      std::int64_t threads = 0;     ///< that compress; 0: one per processor
      /// The disk serves backups only when nobody else wants it. Slow where
      /// somebody always does.
      bool idle_io = false;
      /// Whether restores make links that lead out of a server's files.
      bool keep_outside_links = true;
      /// MiB of each disk that backups and restores never take; -1: 2 % of it,
      /// within 256 and 1,024.
      std::int64_t keep_free = -1;
      /// What becomes of a deleted server's backups when nobody says.
      std::string with_server = "keep";
      /// Archives for other machines' stores go there while they are made.
      bool s3_stream = false;
      std::int64_t s3_parallel = 3;       ///< parts under way at once
      std::int64_t s3_upload_limit = 0;   ///< MiB per second, together; 0: none
      std::int64_t s3_download_limit = 0; ///< the same of each restore
      /// A transfer in which nothing moves for so long is tried again.
      std::chrono::milliseconds s3_stall{60'000};
      std::string s3_ca; ///< PEM, for the Panel's store; empty: the system's
      /// Hosts and networks that a download_url may lead to although they are
      /// not of the public internet.
      std::vector<std::string> download_hosts;
      /// A store that gets a copy of every backup of the backup directory;
      /// empty: none.
      std::string copy_to;
      /// In so many every backup is verified once; 0: verify_hours counts.
      std::int64_t verify_days = 0;
      std::int64_t verify_hours = 0; ///< between two verifications; 0: none
      std::int64_t rotate_hours = 0; ///< between two rotations; 0: none
      struct {
        std::int64_t keep_last = 0; ///< all four 0: nothing is ever removed
        std::int64_t keep_daily = 0;
        std::int64_t keep_weekly = 0;
        std::int64_t keep_monthly = 0;
        std::int64_t min_keep = 1;
      } rotation;
    } backups;
    /// Servers on their way to other nodes.
    struct {
      std::int64_t upload_limit = 0; ///< MiB per second, each; 0: none
      /// A transfer in which nothing moves for so long has failed.
      std::chrono::milliseconds stall{300'000};
      std::string ca; ///< PEM, for the other nodes; empty: the system's
    } transfers;
  } system;

  struct {
    std::string socket; ///< empty: DOCKER_HOST, else /var/run/docker.sock
    struct {
      std::string interface = "172.18.0.1"; ///< instead of 127.0.0.1
      std::vector<std::string> dns{"1.1.1.1", "1.0.0.1"};
      std::string name = "pterodactyl_nw";
      std::string network_mode = "pterodactyl_nw";
      std::string driver = "bridge";
      bool ispn = false;
      bool is_internal = false;
      bool enable_icc = true;
      std::int64_t network_mtu = 1'500;
      struct {
        std::string subnet = "172.18.0.0/16", gateway = "172.18.0.1";
      } v4;
      struct {
        std::string subnet = "fdba:17c8:6c94::/64",
                    gateway = "fdba:17c8:6c94::1011";
      } v6;
    } network;
    std::string domainname;
    struct {
      std::map<std::string, std::string> username, password; ///< by registry
    } registries;
    std::int64_t tmpfs_size = 100;          ///< MiB of /tmp
    std::int64_t container_pid_limit = 512; ///< 0: none
    struct {
      std::int64_t memory = 1'024; ///< MB
      std::int64_t cpu = 100;      ///< percent; 0: unlimited
    } installer_limits;
    struct {
      bool override = false;
      double default_multiplier = 1.05;
      std::map<std::string, double> multipliers; ///< by MB
    } overhead;
    std::string userns_mode;
    struct {
      std::string type = "local";
      std::map<std::string, std::string> config{{"max-size", "5m"},
                                                {"max-file", "1"},
                                                {"compress", "false"},
                                                {"mode", "non-blocking"}};
    } log_config;
    struct {
      std::chrono::milliseconds connect{2'000};
      std::chrono::milliseconds inspect{5'000};
      std::chrono::milliseconds list{15'000};
      /// One kill, and then the same again for the container to be down;
      /// dockerd itself waits 12 s for a SIGKILL to work.
      std::chrono::milliseconds kill{15'000};
      std::chrono::milliseconds removal{60'000}; ///< all of a removal
      std::chrono::milliseconds pull = std::chrono::hours{1}; ///< of an image
    } deadlines;
  } docker;

  /// Object stores of the node's own, by name.
  struct {
    std::map<std::string, std::string> endpoint; ///< http or https URL
    std::map<std::string, std::string> region, bucket, prefix;
    std::map<std::string, std::string> addressing; ///< path or virtual
    /// Keys: as they are, of an AWS credentials file, or of the environment.
    std::map<std::string, std::string> access_key, secret_key;
    std::map<std::string, std::string> credentials_file, credentials_profile;
    std::map<std::string, std::string> credentials_env;
    std::map<std::string, std::string> ca;   ///< PEM; empty: the system's
    std::map<std::string, double> part_size; ///< MiB
  } stores;

  struct {
    struct {
      std::int64_t lifecycle = 8; ///< worker threads for all but removing files
      /// Worker threads that remove trees. Two, so that one huge tree does not
      /// keep every other deleted server's files on the disk.
      std::int64_t purge = 2;
      std::int64_t backup = 2;   ///< backups made at once
      std::int64_t restore = 2;  ///< restores at once
      std::int64_t verify = 1;   ///< backups read through at once
      std::int64_t transfer = 2; ///< archives on their way at once
      std::int64_t upload = 8;   ///< backups of systems taken in at once
      std::int64_t power = 16;   ///< servers started and stopped at once
      std::int64_t kill = 4;     ///< and killed, beside those
      std::int64_t install = 4;  ///< install scripts that run at once
      /// Images looked for and got at once, for starts and scripts. Each of
      /// them comes by here: as many as power and install together.
      std::int64_t pull = 20;
    } pools;
    /// Of the servers that a boot starts, so many at once.
    std::int64_t boot_starts = 4;
    std::chrono::milliseconds install_deadline = std::chrono::hours{3};
    /// An installer that says nothing for so long is ended.
    std::chrono::milliseconds install_silence = std::chrono::minutes{30};
    std::chrono::milliseconds retention_succeeded = std::chrono::hours{24 * 30};
    std::chrono::milliseconds retention_failed = std::chrono::hours{24 * 90};
    /// For all of a stop: running steps reach a safe point, then the last
    /// answers leave.
    std::chrono::milliseconds stop_grace{10'000};
  } jobs;

  /// Appliances whose backups are kept here (docs/systems.md).
  struct {
    std::filesystem::path directory;   ///< empty: systems below the root
    std::int64_t upload_limit = 2'048; ///< MiB of one backup
    std::int64_t backups_per_system = 10;
    std::int64_t size_per_system = 500;           ///< MiB
    std::int64_t size_per_organization = 102'400; ///< MiB; 0: no limit
    std::int64_t uploads_per_minute = 6, uploads_per_hour = 60; ///< 0: none
    std::int64_t slowest_upload = 16;      ///< KiB per second
    std::int64_t requests_per_second = 10; ///< of one token; 0: no limit
    std::chrono::milliseconds link_lifetime = std::chrono::minutes{5};
    std::string public_url; ///< of links; empty: as the request came
  } systems;

  struct {
    std::string format = "text"; ///< or json: an object per line
  } log;

  struct {
    std::string webhook;  ///< is told of jobs that failed; empty: nobody is
    std::string token;    ///< sent along as a bearer; never logged
    std::string page_url; ///< of the status page, in links; empty: as listened
    /// And of servers without a good backup for so long; 0: not of those.
    std::int64_t backup_hours = 0;
  } alerts;
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

/// What is wrong with the file that `token_file` names, as it lies there: an
/// error when no token can be read from it, a warning when others than its
/// owner can read or write it. Nothing when there is none, which a start makes,
/// or when the config has the token itself.
std::optional<config_problem> problem_of_token_file(const config_report& of);

/// `config.yml:12: error: api.port: …`
std::string describe(const std::filesystem::path& file,
                     const config_problem& problem);

} // namespace alula::app
