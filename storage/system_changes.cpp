#include "storage/system_changes.hpp"

#include "jobs/system_backup.hpp"
#include "storage/outcome.hpp"
#include "storage/system_rows.hpp"
#include "storage/system_sql.hpp"

#include <string>
#include <utility>

namespace alula::storage {

namespace {

using jobs::fault;
using jobs::fault_code;
using jobs::status;

fault no_system(std::string_view id) {
  return {.code = fault_code::system_not_found,
          .what =
              "there is no system " + std::string{id} + " that takes backups",
          .where = "ledger"};
}

/// What was asked for on behalf of an owner that it has no more.
fault not_theirs(std::string_view system, std::string_view organization) {
  return {.code = fault_code::system_not_found,
          .what = "there is no system " + std::string{system}
                  + " of the organisation " + std::string{organization},
          .where = "ledger"};
}

jobs::time_ms time_in(std::string_view id) {
  const auto uuid = jobs::job_id::parse(id.substr(0, 36));
  return uuid ? jobs::created_at(*uuid) : 0;
}

} // namespace

status system_changes::change(const jobs::put_system& what) {
  auto kept = on_.run(system_sql("put_system"), what.id, what.organization,
                      what.name, now_, or_null{what.suspended ? now_ : 0});
  if (!kept)
    return std::move(kept).error();
  return *kept > 0 ? status{} : status{no_system(what.id)};
}

// -- making one ---------------------------------------------------------------

status system_changes::change(const jobs::begin_system_upload& what) {
  std::string organization;
  {
    auto system = on_.ask(system_sql("organization_of_system"), what.system);
    if (!system.next())
      return system.outcome() ? status{no_system(what.system)}
                              : system.outcome();
    if (!system.is_null(1) || !system.is_null(2))
      return no_system(what.system);
    organization = system.text(0);
  }
  {
    auto same = on_.ask(system_sql("system_backup_state"), what.id);
    if (same.next())
      return fault{.code = fault_code::backup_exists,
                   .what = "backup " + what.id + " exists already",
                   .where = "ledger"};
    if (auto ended = same.outcome(); !ended)
      return ended;
  }
  if (auto fits = check_quota(what, organization); !fits)
    return fits;
  return outcome_of(on_.run(system_sql("begin_system_upload"), what.id,
                            what.system, what.filename, what.mimetype,
                            what.size, what.uploader, time_in(what.id),
                            job_.id.view()));
}

/// What is announced counts, so that two uploads at a time cannot both have the
/// last of the room.
status system_changes::check_quota(const jobs::begin_system_upload& what,
                                   std::string_view organization) {
  if (what.most <= 0)
    return {};
  auto used = on_.ask(system_sql("bytes_of_organization"), organization);
  if (!used.next())
    return used.outcome();
  if (what.size <= what.most && used.integer(0) <= what.most - what.size)
    return {};
  return fault{.code = fault_code::quota_exceeded,
               .what = "the organisation of system " + what.system
                       + " has no room for " + std::to_string(what.size)
                       + " more bytes of backups",
               .where = "ledger"};
}

status system_changes::change(const jobs::store_system_backup& what) {
  std::string system;
  {
    auto row = on_.ask(system_sql("system_backup_state"), what.id);
    if (!row.next())
      return row.outcome() ? status{fault{.code = fault_code::backup_not_found,
                                          .what = "backup " + what.id
                                                  + " is not being uploaded",
                                          .where = "ledger"}}
                           : row.outcome();
    system = row.text(1);
  }
  {
    auto owner = on_.ask(system_sql("organization_of_system"), system);
    if (!owner.next() || !owner.is_null(2))
      return owner.outcome() ? status{no_system(system)} : owner.outcome();
  }
  auto stored = on_.run(system_sql("store_system_backup"), what.id,
                        job_.id.view(), what.size, what.sha256);
  if (!stored)
    return std::move(stored).error();
  if (*stored == 0)
    return fault{.code = fault_code::backup_not_found,
                 .what = "backup " + what.id + " is not this job's upload",
                 .where = "ledger"};
  return take_victims(system, what);
}

status system_changes::take_victims(std::string_view system,
                                    const jobs::store_system_backup& what) {
  auto all = read_system_backups(on_, system);
  if (!all)
    return std::move(all).error();
  std::erase_if(*all, [](const auto& one) {
    return one.state != jobs::system_backup_state::stored;
  });
  for (const auto& id : jobs::choose_system_victims(*std::move(all), what.id,
                                                    what.count, what.bytes))
    if (auto taken = change(jobs::begin_system_backup_delete{id}); !taken)
      return taken;
  return {};
}

// -- removing -----------------------------------------------------------------

status system_changes::change(const jobs::begin_system_backup_delete& what) {
  auto begun = on_.run(system_sql("begin_system_backup_delete"), what.id,
                       job_.id.view(), what.organization);
  if (!begun)
    return std::move(begun).error();
  if (*begun > 0)
    return {};
  auto known = on_.ask(system_sql("system_backup_state"), what.id);
  if (!known.next())
    return known.outcome();
  if (known.text(0) == "uploading")
    return fault{.code = fault_code::backup_in_use,
                 .what = "backup " + what.id + " is still being uploaded",
                 .where = "ledger"};
  if (known.text(0) == "stored")
    return not_theirs(known.text(1), what.organization);
  return {};
}

status system_changes::change(const jobs::forget_system_upload& what) {
  return outcome_of(
      on_.run(system_sql("forget_system_upload"), what.id, what.by.view()));
}

status system_changes::change(const jobs::forget_system_backup& what) {
  return outcome_of(
      on_.run(system_sql("forget_system_backup"), what.id, job_.id.view()));
}

status system_changes::change(const jobs::begin_system_destroy& what) {
  auto begun = on_.run(system_sql("begin_system_destroy"), what.system, now_,
                       what.organization);
  if (!begun)
    return std::move(begun).error();
  // Marked already: a destroy that was given up is taken up by this one.
  if (*begun == 0) {
    auto known = on_.ask(system_sql("organization_of_system"), what.system);
    if (!known.next())
      return known.outcome() ? status{no_system(what.system)} : known.outcome();
    if (!what.organization.empty() && known.text(0) != what.organization)
      return not_theirs(what.system, what.organization);
  }
  return outcome_of(
      on_.run(system_sql("take_system_backups"), what.system, job_.id.view()));
}

status system_changes::change(const jobs::forget_system& what) {
  auto left = on_.ask(system_sql("has_system_backup"), what.system);
  if (left.next())
    return fault{.code = fault_code::backup_in_use,
                 .what = "backup " + left.text(0) + " of system " + what.system
                         + " is still on record",
                 .where = "ledger"};
  if (auto ended = left.outcome(); !ended)
    return ended;
  return outcome_of(on_.run(system_sql("forget_system"), what.system));
}

status system_changes::let_go() {
  if (job_.id.empty())
    return {};
  // Who is abandoned has not removed its files: the row says where they are.
  const bool given_up =
      job_.error && job_.error->code == jobs::fault_code::abandoned;
  if (!given_up)
    if (auto dropped =
            on_.run(system_sql("drop_system_uploads"), job_.id.view());
        !dropped)
      return std::move(dropped).error();
  return outcome_of(
      on_.run(system_sql("release_system_backups"), job_.id.view()));
}

} // namespace alula::storage
