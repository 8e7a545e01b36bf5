/// Backups as the API shows them.
#pragma once

#include "jobs/backup_desk.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace alula::http {

/// "/api/servers/<server>/backup/<backup>", or "/api/backups/<backup>" for one
/// that no server has asked for.
std::string backup_url(const jobs::backup_record& backup);

/// One backup: what it is, what is known of its archive, and where to act on
/// it.
std::string present_backup(const jobs::backup_record& backup,
                           jobs::time_ms now);

/// A JSON list.
std::string present_backups(const std::vector<jobs::backup_record>& backups,
                            jobs::time_ms now);

std::string present_usage(const jobs::backup_usage& usage);

/// What a rotation would do: every choice with its reason, and what would go.
std::string present_plan(const jobs::server_id& server,
                         const jobs::rotation_policy& policy,
                         const std::vector<jobs::rotation_choice>& choices);

/// The policy in force: the server's own, or else the node's.
std::string present_rotation(const jobs::server_id& server,
                             const std::optional<jobs::rotation_policy>& own,
                             const jobs::rotation_policy& of_node);

/// A directory of a backup. Names that are no UTF-8 are shown with U+FFFD in
/// them; the links lead to the true ones. `self` is the URL of the backup.
std::string present_directory(std::string_view self, std::string_view path,
                              const jobs::browse_page& page,
                              const std::string& next_url);

} // namespace alula::http
