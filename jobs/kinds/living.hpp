/// What the kinds that deal with a server's process have in common: its record
/// as it is now, what the Panel says of it, its image, and how it is stopped.
/// For the sources of kinds only.
#pragma once

#include "jobs/kind.hpp"
#include "jobs/ports.hpp"
#include "jobs/server_config.hpp"
#include "jobs/server_life.hpp"

#include <chrono>
#include <string>
#include <string_view>

namespace alula::jobs {

struct known_server {
  server_record record;
  server_config config;
};

/// As the ledger has it at this moment. Faults: server_not_found, malformed.
result<known_server> server_of(const step_context& ctx);

/// The live side of this node's servers. A node that runs kinds of jobs that
/// need it has it.
const server_life& life_of(const step_context& ctx);

/// What is known of the server after the Panel was asked.
struct synced {
  std::vector<change> changes;
  bool suspended = false;
  bool panel_away = false; ///< the server is taken as it was known
};

/// What to do about a Panel that does not answer.
enum class without_panel {
  fail,      ///< it is asked as often as it may be, and then that is a fault
  as_it_was, ///< it is asked once, and the server is taken as it is known
};

/// Asks the Panel what the server is like; nothing changes on a node without a
/// Panel. One that the Panel tells as suspended is wanted down in the same
/// changes, so that no boot starts it once it is unsuspended.
/// Faults: panel_unavailable, panel_refused, server_not_found.
result<synced> ask_panel(step_context& ctx, without_panel then);

/// Disconnects the clients of a server that is suspended.
void turn_clients_away(step_context& ctx);

/// Gets an image unless it may not be pulled; one that cannot be had, or not
/// soon, is taken from the node, if it is there. What dockerd says goes to the
/// clients as `install output`.
status fetch_image(step_context& ctx, std::string_view configured);

/// What containers are made by, on the node's network as it is; made when it is
/// missing. Faults as jobs::container_factory.
result<container_rules> rules_here(step_context& ctx);

/// Makes the server's container anew, with what its networks need; its id. One
/// that is there goes first, and is killed if it runs: who comes here has found
/// none running (trap 57). Faults as jobs::containers.
result<std::string> make_container(step_context& ctx,
                                   const known_server& server);

/// The same of a server that has none; one that is there is left as it is, and
/// its id is told.
result<std::string> create_container(step_context& ctx,
                                     const known_server& server);

/// The stop ladder: the egg's stop command or signal, up to `grace` of waiting
/// counted from `since`, then a kill. Success when the server does not run.
status stop_process(step_context& ctx, const known_server& server,
                    std::chrono::milliseconds grace, time_ms since);

/// SIGKILL, and success when the server does not run. Waits behind nothing.
status kill_process(step_context& ctx);

/// Starts the container that is there; one that is gone stays so, until the
/// next start makes it. The server is wanted up again. What Docker refuses to
/// start stays down, and the console says why.
step_outcome start_process_again(step_context& ctx);

/// When the step was begun for the first time: for limits that count over
/// restarts.
time_ms begun_at(const step_context& ctx, std::string_view step);

/// A notice in the server's console.
void say(const step_context& ctx, std::string_view notice);

} // namespace alula::jobs
