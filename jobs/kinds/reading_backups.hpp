/// What the jobs that read a backup without changing it have in common. For
/// the sources of kinds only.
#pragma once

#include "jobs/backup.hpp"
#include "jobs/engine.hpp"
#include "jobs/kinds/backup_requests.hpp"
#include "jobs/kinds/counting.hpp"
#include "jobs/ports.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

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
  /// False: its bytes are what was written, and nobody has looked further.
  bool is_whole = true;
  /// The file that was checked, when it is another one than was on record.
  std::optional<archive_file> renewed = {};

  bool is_good() const { return damage.empty() && missing.empty(); }
  /// Whether it may go on record: a good one that was not looked at whole does
  /// not count as verified.
  bool is_telling() const { return is_whole || !is_good(); }
  /// Of the archive here: while there is one, damage of other copies is none of
  /// the backup, and is over with a good one.
  std::vector<change> on_record(const backup_id& uuid) const {
    std::vector<change> out;
    if (renewed)
      out.emplace_back(record_found_backup{*renewed});
    if (missing.empty())
      out.emplace_back(record_verification{uuid, damage, facts});
    else
      out.emplace_back(record_lost_backup{uuid});
    return out;
  }
};

/// How far the reading is: of the bytes of the archive where only these are
/// read, else of its contents.
inline progress progress_of_check(const archive_progress_made& so_far,
                                  const tree_size& whole) {
  constexpr const char* phase = "checking the archive";
  if (so_far.archive_size == 0)
    return progress_of(so_far, whole, phase);
  return {.done = so_far.bytes,
          .total = so_far.archive_size,
          .unit = "bytes",
          .message = phase};
}

/// Reads an archive to its end and compares it with these facts; with a job,
/// what that has fetched. Faults as archives::verify.
inline result<archive_verified> read_archive(step_context& ctx,
                                             const backup_id& uuid,
                                             const archive_facts& facts,
                                             check_for whom, check_depth depth,
                                             const job_id& fetched_by = {}) {
  // What is counted are contents, of which another program's archive has told
  // nothing: 0 is not known, and the size of an archive says nothing of them.
  const tree_size whole{.files = facts.files, .bytes = facts.content_bytes};
  return ctx.node.archives.verify(
      uuid,
      {.size = facts.size,
       .sha1 = facts.sha1,
       .sha256 = facts.sha256,
       .fetched_by = fetched_by,
       .whom = whom,
       .depth = depth},
      ctx.stop, [&](const archive_progress_made& so_far) {
        ctx.report(progress_of_check(so_far, whole));
      });
}

/// The archive here when it is another one than is on record, which nobody has
/// read: it was still being written when it was seen.
inline result<std::optional<archive_file>> newer_than(step_context& ctx,
                                                      const backup_record& b) {
  if (!is_unread(b))
    return std::optional<archive_file>{};
  auto file = ctx.node.archives.inspect(b.uuid);
  if (file && *file && !is_outdated_by(b, **file))
    file->reset();
  return file;
}

/// Compares the archive with what is on record. Other faults than what is
/// wrong with the backup are faults, and say nothing about it: an archive over
/// the limits of a restore is still what was written. One of ours with damage
/// on record is looked at whole, however little is asked for: its bytes alone
/// do not say that it is gone.
inline result<backup_check>
check_backup(step_context& ctx, const backup_id& uuid, check_for whom,
             check_depth depth = check_depth::whole) {
  const auto known = ctx.node.records.find_backup(uuid);
  if (!known)
    return known.error();
  if (!*known)
    return fault{.code = fault_code::backup_not_found,
                 .what = "there is no backup " + uuid.to_string()};
  auto newer = newer_than(ctx, **known);
  if (!newer)
    return std::move(newer).error();
  auto facts = (*known)->facts;
  if (*newer) {
    facts = (*newer)->facts.value_or(archive_facts{});
    facts.size = (*newer)->size;
  }
  const auto enough = (*known)->damage.empty() ? depth : check_depth::whole;
  auto verified = read_archive(ctx, uuid, facts, whom, enough);
  backup_check out;
  out.renewed = *std::move(newer);
  if (verified) {
    out.facts = std::move(verified->facts);
    out.is_whole = verified->is_whole;
    return out;
  }
  switch (verified.error().code) {
  case fault_code::backup_damaged:
    out.damage = verified.error().what;
    return out;
  case fault_code::backup_not_found:
    out.missing = verified.error().what;
    return out;
  default:
    return std::move(verified).error();
  }
}

} // namespace alula::jobs
