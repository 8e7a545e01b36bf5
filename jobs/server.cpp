#include "jobs/server.hpp"

#include <array>

namespace alula::jobs {

namespace {
constexpr std::array<std::string_view, 5> server_states{
    "creating", "active", "restoring", "deleting", "deleted"};
constexpr std::array<std::string_view, 5> install_states{
    "none", "wanted", "running", "done", "failed"};
} // namespace

std::string_view to_string(install_state s) {
  return install_states[static_cast<std::size_t>(s)];
}

std::optional<install_state> parse_install_state(std::string_view text) {
  for (std::size_t i = 0; i < install_states.size(); ++i)
    if (install_states[i] == text)
      return static_cast<install_state>(i);
  return std::nullopt;
}

std::string_view to_string(server_state s) {
  return server_states[static_cast<std::size_t>(s)];
}

std::optional<server_state> parse_server_state(std::string_view text) {
  for (std::size_t i = 0; i < server_states.size(); ++i)
    if (server_states[i] == text)
      return static_cast<server_state>(i);
  return std::nullopt;
}

fault not_in_transfer(const server_id& server) {
  return {.code = fault_code::not_transferring,
          .what = "server " + server.to_string()
                  + " is not in transfer from this node"};
}

} // namespace alula::jobs
