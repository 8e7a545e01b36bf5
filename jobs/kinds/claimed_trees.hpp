/// The trees that older restores have replaced and that a restore may remove
/// for their room (decision 45). They are claimed at its beginning, so that
/// nobody else takes them, and count as room from then on; each goes only when
/// there is no other way, after it was put on record that it does. For the
/// sources of kinds only.
#pragma once

#include "jobs/kind.hpp"
#include "jobs/kinds/fields.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace alula::jobs {

/// When `needs` bytes are not free, claims as many as that takes, oldest
/// first; none when all of them would not do. For the step `make_room`.
step_outcome claim_trees_for_room(step_context& ctx, std::int64_t needs);
/// Its undo: they can be taken back as before, but for those whose removal has
/// begun, which are due.
step_outcome let_trees_go(step_context& ctx);

/// Bytes that those which are claimed and whole would give.
std::int64_t room_to_come(const job_record& job);
/// Whether the job has claimed any.
bool has_claimed_trees(const job_record& job);

/// A part of the step `at` that makes room, or what is wrong; nothing once
/// `keep` has its room. While that says insufficient_storage the oldest whole
/// tree is removed, in two parts: that it will be, and that it was. `may` is
/// asked before the first of them, whether that leads anywhere.
std::optional<step_outcome>
remove_trees_until(step_context& ctx, std::string_view at,
                   const std::function<status()>& keep,
                   const std::function<status()>& may);
/// A part of the step that ends the removals which have begun, or what is
/// wrong; nothing once none is half done. All that a release before this one
/// has claimed counts as begun, as that removed all of it.
std::optional<step_outcome> finish_removals(step_context& ctx);

inline constexpr const char* removed_trees_key = "undo_removed_for_room";
/// Of the restores that cannot be undone any more because of that; also of a
/// job that has failed.
fields::json removed_trees(const job_record& job);
/// The same in the output of a step, an object: the job needs it to its end.
std::string with_removed_trees(const job_record& job,
                               const std::string& output);
/// Of a job that ended over it: what is left of them is of no use to anybody,
/// the others are as before.
std::vector<change> changes_for_trees(const job_record& ended);

} // namespace alula::jobs
