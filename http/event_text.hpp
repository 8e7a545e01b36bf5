/// Events as text/event-stream.
#pragma once

#include "jobs/job.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace alula::http {

/// `id:` the seq, `event:` the type, `data:` {"seq","type","job","kind",
/// "server","version","at","data"}.
std::string event_text(const jobs::event& e);

/// `event: job.progress` without an id; `data:` the job as GET shows it.
std::string progress_text(const jobs::job_view& job);

/// `event: reset`: the log does not reach back to the client's cursor. `data:`
/// {"jobs":[…],"has_more":bool}, the jobs as they are now, as many as fit into
/// about `limit` bytes, but at least one.
std::string reset_text(std::int64_t seq,
                       const std::vector<jobs::job_view_ptr>& jobs,
                       bool has_more, std::size_t limit);

/// After it, nothing more is heard of the job.
bool is_last_event(std::string_view type);

} // namespace alula::http
