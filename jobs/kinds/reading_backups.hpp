/// What the jobs that read a backup without changing it have in common. For
/// the sources of kinds only.
#pragma once

#include "jobs/backup.hpp"
#include "jobs/engine.hpp"
#include "jobs/kinds/backup_requests.hpp"
#include "jobs/kinds/counting.hpp"
#include "jobs/ports.hpp"

#include <string>
#include <string_view>

namespace alula::jobs {

/// {"backup": uuid}; the backup is locked against its removal.
inline result<job_draft> draft_of_reader(const submission& request,
                                         std::string_view kind) {
  return read_about(request, kind, backup_lock::shared);
}

/// What a check found: nothing wrong, damage, or no archive at all.
struct backup_check {
  std::string damage;  ///< empty: none
  std::string missing; ///< empty: it is there
  archive_facts facts; ///< of a good one, as it was found

  bool is_good() const { return damage.empty() && missing.empty(); }
  change on_record(const backup_id& uuid) const {
    if (missing.empty())
      return record_verification{uuid, damage, facts};
    return record_lost_backup{uuid};
  }
};

/// Reads an archive to its end and compares it with these facts; with a job,
/// what that has fetched. Faults as archives::verify.
inline result<archive_verified>
read_whole(step_context& ctx, const backup_id& uuid, const archive_facts& facts,
           check_for whom, const job_id& fetched_by = {}) {
  // What is counted are contents, of which another program's archive has told
  // nothing: 0 is not known, and the size of an archive says nothing of them.
  const tree_size whole{.files = facts.files, .bytes = facts.content_bytes};
  return ctx.node.archives.verify(
      uuid,
      {.size = facts.size,
       .sha1 = facts.sha1,
       .sha256 = facts.sha256,
       .fetched_by = fetched_by,
       .whom = whom},
      ctx.stop, [&](const archive_progress_made& so_far) {
        ctx.report(progress_of(so_far, whole, "checking the archive"));
      });
}

/// Compares the archive with what is on record. Other faults than what is
/// wrong with the backup are faults, and say nothing about it: an archive over
/// the limits of a restore is still what was written.
inline result<backup_check>
check_backup(step_context& ctx, const backup_id& uuid, check_for whom) {
  const auto known = ctx.node.records.find_backup(uuid);
  if (!known)
    return known.error();
  if (!*known)
    return fault{.code = fault_code::backup_not_found,
                 .what = "there is no backup " + uuid.to_string()};
  const auto verified = read_whole(ctx, uuid, (*known)->facts, whom);
  if (verified)
    return backup_check{.damage = {}, .missing = {}, .facts = verified->facts};
  switch (verified.error().code) {
  case fault_code::backup_damaged:
    return backup_check{
        .damage = verified.error().what, .missing = {}, .facts = {}};
  case fault_code::backup_not_found:
    return backup_check{
        .damage = {}, .missing = verified.error().what, .facts = {}};
  default:
    return verified.error();
  }
}

} // namespace alula::jobs
