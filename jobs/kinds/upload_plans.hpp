/// How parts of an upload are planned and sent: by the links of a Panel, or
/// with the keys of a store of ours. For the sources of kinds only.
#pragma once

#include "jobs/engine.hpp"
#include "jobs/kind.hpp"
#include "jobs/kinds/step_clock.hpp"
#include "jobs/part_upload.hpp"
#include "jobs/transfers.hpp"

#include <atomic>
#include <cstdint>

namespace alula::jobs {

/// What the job has, if it is still good; else, and when it is to be `anew`,
/// the Panel's new answer. On record when it returns. Blocks.
result<transfer_record> plan_for(step_context& ctx, const backup_id& backup,
                                 std::int64_t size, bool anew, time_ms now);

/// Whether its links are of no use any more, or soon will be.
bool has_expired(const transfer_record& plan, const upload_rules& rules,
                 time_ms now);

using byte_count = std::atomic<std::int64_t>;

/// By links; context, plan and flags outlive it. `stale` is set when other
/// links may help, `moved` when a part is through, `through` (or null) to the
/// bytes that are.
part_sender sender_for(step_context& ctx, const transfer_record& plan,
                       std::int64_t total, std::atomic<bool>& stale,
                       std::atomic<bool>& moved, byte_count* through = nullptr);

/// With keys.
part_sender sender_to(step_context& ctx, object_store& store,
                      const transfer_record& plan, std::int64_t total,
                      byte_count* through = nullptr);

} // namespace alula::jobs
