/// What a node that was killed, restored from a copy or used by hand may have
/// lying about: trees and containers that nothing on record answers for.
#pragma once

#include "app/cli/findings.hpp"
#include "jobs/ports.hpp"

#include <filesystem>
#include <functional>
#include <optional>
#include <set>
#include <string>

namespace alula::app::cli {

/// What the node says of a job; `untold` when it does not answer.
enum class job_trace { lives, ended, unknown, untold };
/// Of its answer to GET /api/jobs/{job}. A job whose record is not kept any
/// more (410) is as unknown as one that never was: what ought to live lives.
job_trace trace_in(const reply& answer);
using job_lookup = std::function<job_trace(const std::string& job)>;

/// True when the node says that it has no such server.
using gone_lookup = std::function<bool(const std::string& server)>;

/// The uuids of all servers; none when the node does not answer.
using server_list = std::function<std::optional<std::set<std::string>>()>;
/// Asks for the list when it is first asked itself, and about those alone that
/// are not in it: a question about one server may cost a look at Docker. For
/// one look; the next asks for a list of its own.
gone_lookup gone_by_list(server_list list, gone_lookup by_name);

/// Whether the node that is asked is the one that `here`, this machine's
/// config, is of: another's jobs and servers say nothing about files here. By
/// scheme, port and host. Of a node that listens on all addresses, localhost, a
/// loopback address and the machine's own name are this machine, too; any other
/// name may be another's. Looks nothing up.
bool is_node_here(const found_node& asked, const config& here);

/// Trees among the volumes that no server owns. Asks about each after it has
/// seen it, as one may be made, deleted or brought back meanwhile. False when
/// there is one.
bool look_at_volumes(const std::filesystem::path& volumes,
                     const gone_lookup& is_gone, findings& out);

/// Entries of the trash that no job on record has put there. False when there
/// is one. Entries of ended jobs are the trash's own business: `alula trash`.
bool look_at_trash(const std::filesystem::path& trash, const job_lookup& ask,
                   findings& out);

/// Trees that no live job is about to put in a volume's place. False when
/// there is one.
bool look_at_staging(const std::filesystem::path& staging,
                     const job_lookup& ask, findings& out);

/// Containers that carry alula's label and the uuid of a server that is not
/// registered; none when Docker does not answer. False when there is one.
bool look_at_containers(jobs::containers& docker, const gone_lookup& is_gone,
                        findings& out);

} // namespace alula::app::cli
