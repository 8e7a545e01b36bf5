/// The Panel as the node calls it (wings-protocol 3). Absent when the node has
/// none: then `is_configured` is false and nothing else is called.
#pragma once

#include "jobs/ids.hpp"
#include "jobs/result.hpp"

#include <cstdint>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace alula::jobs {

/// `config` is {"settings":{…},"process_configuration":{…}} as the Panel sent
/// it (wings-protocol 3.4).
struct panel_server {
  server_id uuid;
  std::string config;
};

struct panel_page {
  std::vector<panel_server> servers;
  std::vector<std::string> unreadable; ///< what could not be understood, logged
  std::int64_t page = 1;
  std::int64_t last_page = 1;
};

struct install_script {
  std::string image;
  std::string entrypoint;
  std::string script; ///< with LF line ends
};

struct upload_plan {
  std::vector<std::string> urls; ///< secret: presigned
  std::int64_t part_size = 0;
};

/// What became of a call-back.
struct delivery {
  enum class verdict {
    delivered, ///< 2xx, or a 4xx that means that it is stored already
    retry,     ///< no connection, 5xx, 429, or too early
    refused,   ///< it will never be taken
    unknown,   ///< 404 in the Panel's own words: not committed yet, or deleted
  };
  verdict is = verdict::retry;
  int status = 0;  ///< HTTP; 0: there was no answer
  std::string why; ///< for the log and the API; never a secret
};

/// Blocks up to its deadlines; any worker thread. Every call is made once:
/// jobs, the sync with the Panel and the outbox call again, and each of them
/// says meanwhile that the Panel is away. Faults: panel_unavailable (no answer,
/// 5xx: again later), panel_refused (a final no), server_not_found and
/// backup_not_found (404).
class panel {
public:
  virtual ~panel() = default;

  virtual bool is_configured() const = 0;

  virtual result<panel_page> list_servers(std::int64_t page,
                                          std::stop_token stop) = 0;
  virtual result<panel_server> find_server(const server_id& server,
                                           std::stop_token stop) = 0;
  /// The same, not waited for for long: for whoever can go by what is known.
  virtual result<panel_server> find_server_at_once(const server_id& server,
                                                   std::stop_token stop) = 0;
  virtual result<install_script> find_install_script(const server_id& server,
                                                     std::stop_token stop) = 0;
  /// Makes a new multipart upload on the Panel's side at every call
  /// (wings-protocol 3.8): ask once and keep the answer.
  virtual result<upload_plan> plan_upload(const backup_id& backup,
                                          std::int64_t size,
                                          std::stop_token stop) = 0;
  /// Whether it has this backup, of which it has taken the success: nothing is
  /// made then (wings-protocol 3.8). Not waited for for long. False only in the
  /// Panel's own words; what says neither is a fault, also that the backup is
  /// one of another node's servers (500).
  virtual result<bool> knows_backup(const backup_id& backup,
                                    std::stop_token stop) = 0;
  /// `POST /servers/reset`: clears installing and restoring on the Panel.
  virtual status reset_servers(std::stop_token stop) = 0;

  /// One call-back: `path` below /api/remote, `body` JSON.
  virtual delivery deliver(std::string_view method, std::string_view path,
                           std::string_view body, std::stop_token stop) = 0;
};

/// The Panel of a node that has none.
panel& no_panel();

} // namespace alula::jobs
