/// A server as this node knows it: one incarnation, with its own row, so that
/// a new server of the same uuid can never be mistaken for the old one.
#pragma once

#include "jobs/ids.hpp"
#include "jobs/result.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace alula::jobs {

enum class server_state { creating, active, restoring, deleting, deleted };

std::string_view to_string(server_state s);
std::optional<server_state> parse_server_state(std::string_view text);

/// What is known of the installation of a server's files.
enum class install_state {
  none,    ///< nobody has asked for one
  wanted,  ///< once the server is active
  running, ///< a job is at it
  done,
  failed,
};

std::string_view to_string(install_state s);
std::optional<install_state> parse_install_state(std::string_view text);

struct server_record {
  std::int64_t row = 0;
  server_id uuid;
  server_state state = server_state::active;
  bool suspended = false;
  bool transferring = false;   ///< between two nodes (wings-protocol 2.16)
  std::int64_t owner_job = 0;  ///< row of the job that owns it, or 0
  std::int64_t created_by = 0; ///< row of the job that registered it
  std::string container_id;    ///< as adopted or created; empty: none known
  std::string config = "{}";   ///< JSON {"settings", "process_configuration"}
  time_ms quarantined_at = 0;  ///< since when the Panel does not know it, or 0
  bool wanted_up = false;      ///< what a boot restores
  install_state install = install_state::none;
  time_ms installed_at = 0; ///< of the last one that went well
  time_ms crashed_at = 0;   ///< last time, 0: never
  int crash_exit_code = 0;
  bool crash_out_of_memory = false;
  std::string rotation; ///< policy of its own (jobs/rotation.hpp), or empty
  time_ms created_at = 0;
  time_ms updated_at = 0;
};

using server_ptr = std::shared_ptr<const server_record>;

/// To who would end a transfer to another node. Code: not_transferring.
fault not_in_transfer(const server_id& server);

/// A deleted server's volume in the trash.
struct trash_entry {
  job_id deleted_by;
  server_id server;
  std::int64_t server_row = 0;
  std::string server_name; ///< as people call it; may be empty
  std::string name;        ///< entry below the trash directory
  std::string state;       ///< held, purging, restoring
  time_ms detached_at = 0;
  time_ms purge_after = 0;
};

} // namespace alula::jobs
