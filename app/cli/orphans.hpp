/// What a node that was killed, restored from a copy or used by hand may have
/// lying about: trees and containers that nothing on record answers for.
#pragma once

#include "app/cli/findings.hpp"
#include "jobs/ports.hpp"

#include <filesystem>
#include <functional>
#include <string>

namespace alula::app::cli {

/// What the node says of a job; `untold` when it does not answer.
enum class job_trace { lives, ended, unknown, untold };
using job_lookup = std::function<job_trace(const std::string& job)>;

/// True when the node says that it has no such server.
using gone_lookup = std::function<bool(const std::string& server)>;

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
