#include "storage/backup_changes.hpp"

#include "storage/backup_sql.hpp"
#include "storage/ledger_sql.hpp"
#include "storage/outcome.hpp"

#include <string>
#include <utility>

namespace alula::storage {

namespace {

using jobs::fault;
using jobs::fault_code;
using jobs::status;

fault missing(const jobs::backup_id& uuid) {
  return {.code = fault_code::backup_not_found,
          .what = "there is no backup " + uuid.to_string(),
          .where = "ledger"};
}

/// It has to touch a row, or the change makes no sense.
status must_touch(jobs::result<std::int64_t> run, std::string what) {
  if (!run)
    return std::move(run).error();
  return *run > 0 ? status{} : status{nonsense(std::move(what))};
}

} // namespace

// -- making one ---------------------------------------------------------------

status backup_changes::change(const jobs::register_backup& what) {
  auto known = on_.ask(backup_sql("backup_state"), what.uuid.view());
  if (known.next())
    return fault{.code = fault_code::backup_exists,
                 .what = "backup " + what.uuid.to_string()
                         + " exists on this node already",
                 .where = "ledger",
                 .in_the_way = known.text(2)};
  if (auto ended = known.outcome(); !ended)
    return ended;
  return outcome_of(on_.run(backup_sql("insert_backup"), what.uuid.view(),
                            job_.server.view(), job_.row, now_));
}

status backup_changes::change(const jobs::publish_backup& what) {
  const auto& f = what.facts;
  return must_touch(on_.run(backup_sql("publish_backup"), what.uuid.view(),
                            job_.row, f.size, or_null{f.sha1},
                            or_null{f.sha256}, f.content_bytes, f.files, now_,
                            what.is_local, what.is_scratch, what.has_manifest),
                    "job " + job_.id.to_string()
                        + " publishes a backup that it does not make");
}

status backup_changes::change(const jobs::discard_backup& what) {
  return outcome_of(
      on_.run(backup_sql("discard_backup"), what.uuid.view(), job_.row));
}

// -- what lies in the directory -----------------------------------------------

status backup_changes::change(const jobs::record_found_backup& what) {
  const auto& file = what.file;
  auto known = on_.ask(backup_sql("backup_state"), file.backup.view());
  const bool is_known = known.next();
  if (auto ended = known.outcome(); !ended)
    return ended;
  const auto facts = file.facts.value_or(jobs::archive_facts{});
  if (is_known) {
    if (auto renewed = on_.run(backup_sql("renew_found"), file.backup.view(),
                               file.size, file.modified_at);
        !renewed)
      return std::move(renewed).error();
    auto back = on_.run(backup_sql("backup_is_back"), file.backup.view(),
                        file.has_manifest);
    return back ? fill(file.backup, facts) : outcome_of(std::move(back));
  }
  return outcome_of(on_.run(
      backup_sql("insert_found"), file.backup.view(),
      or_null{file.server.view()}, file.size, known_digits(facts.sha1, 40),
      known_digits(facts.sha256, 64), known_count(facts.content_bytes),
      known_count(facts.files), file.has_manifest, file.modified_at));
}

status backup_changes::fill(const jobs::backup_id& uuid,
                            const jobs::archive_facts& facts) {
  return outcome_of(on_.run(
      backup_sql("fill_facts"), uuid.view(), known_digits(facts.sha1, 40),
      known_digits(facts.sha256, 64), known_count(facts.content_bytes),
      known_count(facts.files), facts.size));
}

status backup_changes::change(const jobs::record_lost_backup& what) {
  return outcome_of(
      on_.run(backup_sql("backup_is_lost"), what.uuid.view(), now_));
}

status backup_changes::change(const jobs::claim_backup& what) {
  auto claimed =
      on_.run(backup_sql("claim_backup"), what.uuid.view(), what.server.view());
  if (!claimed)
    return std::move(claimed).error();
  auto known = on_.ask(backup_sql("backup_state"), what.uuid.view());
  if (!known.next() || known.text(1) != what.server.view()) {
    auto ended = known.outcome();
    return ended ? status{missing(what.uuid)} : ended;
  }
  // What removes many of them holds no lock on each.
  if (known.text(0) == "deleting")
    return fault{.code = fault_code::backup_in_use,
                 .what = "job " + known.text(2) + " deletes the backup",
                 .where = "ledger",
                 .in_the_way = known.text(2)};
  return {};
}

// -- the end of one -----------------------------------------------------------

status backup_changes::change(const jobs::begin_backup_delete& what) {
  auto known = on_.ask(backup_sql("backup_state"), what.uuid.view());
  if (!known.next())
    return known.outcome(); // nothing to delete
  const auto state = known.text(0);
  const auto owner = known.text(2);
  if (what.unless_pinned && known.integer(4) != 0)
    return {};
  if (state == "creating" || (!owner.empty() && owner != job_.id.view()))
    return fault{.code = fault_code::backup_in_use,
                 .what = "job " + owner + " is busy with the backup",
                 .where = "ledger",
                 .in_the_way = owner};
  auto reader =
      on_.ask(backup_sql("reader_of_backup"), what.uuid.view(), job_.row);
  if (reader.next())
    return fault{.code = fault_code::backup_in_use,
                 .what = "job " + reader.text(0) + " reads the backup",
                 .where = "ledger",
                 .in_the_way = reader.text(0)};
  if (auto ended = reader.outcome(); !ended)
    return ended;
  return outcome_of(
      on_.run(backup_sql("begin_backup_delete"), what.uuid.view(), job_.row));
}

status backup_changes::change(const jobs::forget_backup& what) {
  return outcome_of(
      on_.run(backup_sql("forget_backup"), what.uuid.view(), job_.row));
}

// -- what is known of one -----------------------------------------------------

status backup_changes::change(const jobs::record_verification& what) {
  auto recorded = on_.run(backup_sql("record_verification"), what.uuid.view(),
                          now_, or_null{what.what});
  return recorded ? fill(what.uuid, what.facts)
                  : outcome_of(std::move(recorded));
}

status backup_changes::change(const jobs::record_manifest& what) {
  return outcome_of(on_.run(backup_sql("record_manifest"), what.uuid.view()));
}

status backup_changes::change(const jobs::pin_backup& what) {
  auto pinned =
      on_.run(backup_sql("pin_backup"), what.uuid.view(), what.pinned);
  if (pinned && *pinned == 0)
    return missing(what.uuid);
  return outcome_of(std::move(pinned));
}

// -- restores -----------------------------------------------------------------

status backup_changes::change(const jobs::begin_restore&) {
  auto begun =
      on_.run(backup_sql("begin_restore"), job_.server_row, job_.row, now_);
  if (!begun)
    return std::move(begun).error();
  touched_server_ = *begun > 0;
  if (touched_server_)
    return {};
  auto owner = on_.ask(ledger_sql("owner_of_server"), job_.server_row);
  if (!owner.next())
    return fault{.code = fault_code::server_not_found,
                 .what = "there is no such server",
                 .where = "ledger"};
  if (owner.integer(2) == job_.row)
    return {};
  return fault{.code = fault_code::server_locked,
               .what = "the server is " + owner.text(0),
               .where = "ledger",
               .in_the_way = owner.text(1)};
}

/// Nothing happens when a delete has taken the server over.
status backup_changes::change(const jobs::end_restore&) {
  auto done =
      on_.run(backup_sql("end_restore"), job_.server_row, job_.row, now_);
  touched_server_ = touched_server_ || (done && *done > 0);
  return outcome_of(std::move(done));
}

status backup_changes::change(const jobs::keep_replaced& what) {
  const bool is_own = what.replaced_by.empty();
  auto kept =
      on_.run(backup_sql("keep_replaced"),
              (is_own ? job_.id : what.replaced_by).view(), job_.server.view(),
              job_.server_row, what.name, what.merged, now_, what.keep_until);
  if (!kept || !is_own)
    return outcome_of(std::move(kept));
  return outcome_of(
      on_.run(backup_sql("one_replaced"), job_.server_row, job_.id.view()));
}

status backup_changes::change(const jobs::claim_replaced& what) {
  auto held = on_.ask(backup_sql("claim_of_replaced"), what.replaced_by.view());
  if (!held.next()) {
    auto ended = held.outcome();
    if (what.to_remove)
      return ended;
    return ended ? status{fault{.code = fault_code::not_undoable,
                                .what = "nothing of job "
                                        + what.replaced_by.to_string()
                                        + " is kept to undo it with",
                                .where = "ledger"}}
                 : ended;
  }
  if (!what.to_remove && job_.server_row != 0
      && held.integer(2) != job_.server_row)
    return fault{.code = fault_code::not_undoable,
                 .what = "job " + what.replaced_by.to_string()
                         + " restored another server",
                 .where = "ledger"};
  const bool is_over = held.integer(3) == 0;
  if (!what.to_remove && job_.server_row != 0 && is_over)
    return fault{.code = fault_code::not_undoable,
                 .what = "what job " + what.replaced_by.to_string()
                         + " has replaced was replaced again since, or is "
                           "being removed",
                 .where = "ledger"};
  if (!held.is_null(0))
    return fault{.code = fault_code::server_locked,
                 .what = "job " + held.text(1) + " is at it already",
                 .where = "ledger",
                 .in_the_way = held.text(1)};
  return outcome_of(
      on_.run(backup_sql("claim_replaced"), what.replaced_by.view(), job_.row));
}

status backup_changes::change(const jobs::release_replaced& what) {
  return outcome_of(on_.run(what.is_spoilt ? backup_sql("spoil_replaced")
                                           : backup_sql("release_replaced"),
                            what.replaced_by.view(), job_.row));
}

status backup_changes::change(const jobs::forget_replaced& what) {
  return outcome_of(on_.run(backup_sql("forget_replaced"),
                            what.replaced_by.view(), job_.row));
}

status backup_changes::change(const jobs::set_schedule& what) {
  return outcome_of(
      on_.run(backup_sql("set_schedule"), what.name, what.next_at));
}

// -- the end of a job, and of a server ----------------------------------------

status backup_changes::let_go() {
  for (const auto& sql : {backup_sql("drop_unfinished_backups"),
                          backup_sql("release_all_replaced")})
    if (auto done = on_.run(sql, job_.row); !done)
      return std::move(done).error();
  if (auto done = on_.run(backup_sql("release_backups"), job_.row, now_); !done)
    return std::move(done).error();
  return change(jobs::end_restore{});
}

status backup_changes::expire_replaced() {
  return outcome_of(
      on_.run(backup_sql("expire_replaced"), job_.server_row, now_));
}

} // namespace alula::storage
