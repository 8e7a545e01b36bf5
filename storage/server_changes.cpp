#include "storage/server_changes.hpp"

#include "storage/ledger_sql.hpp"
#include "storage/outcome.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace alula::storage {

namespace {

using jobs::fault;
using jobs::fault_code;

fault locked(std::string what, std::string in_the_way) {
  return {.code = fault_code::server_locked,
          .what = std::move(what),
          .where = "ledger",
          .in_the_way = std::move(in_the_way)};
}

} // namespace

/// A trash entry, or none (`deleted_by` zero).
struct server_changes::trash_row {
  std::string state;
  std::int64_t server_row = 0;
  std::string server;
  std::string claimed_by;
  std::int64_t deleted_by = 0;
  std::string server_state;
  std::string deleter;
};

jobs::status server_changes::apply(const jobs::change& what) {
  auto applied =
      std::visit([this](const auto& one) { return change(one); }, what);
  if (applied && backups_.touched_server())
    touched_.push_back(job_.server_row);
  return applied;
}

// -- servers ------------------------------------------------------------------

jobs::status server_changes::refuse_taken(const jobs::server_id& uuid) {
  auto found = on_.ask(ledger_sql("live_server"), uuid.view());
  if (found.next())
    return fault{.code = fault_code::server_exists,
                 .what = "server " + uuid.to_string()
                         + " is registered on this node already",
                 .where = "ledger",
                 .in_the_way = found.text(1)};
  if (auto ended = found.outcome(); !ended)
    return ended;
  auto claimed = on_.ask(ledger_sql("claim_on_uuid"), uuid.view());
  if (claimed.next())
    return fault{.code = fault_code::server_exists,
                 .what = "server " + uuid.to_string()
                         + " is being brought back from the trash",
                 .where = "ledger",
                 .in_the_way = claimed.text(0)};
  return claimed.outcome();
}

jobs::status server_changes::change(const jobs::register_server& what) {
  if (when_ != occasion::accept || job_.server_row != 0)
    return nonsense("only a new job without a server registers one");
  if (auto free = refuse_taken(what.uuid); !free)
    return free;
  auto made = on_.run(ledger_sql("insert_server"), what.uuid.view(),
                      what.suspended, job_.row, what.config, now_);
  if (!made)
    return std::move(made).error();
  job_.server_row = on_.last_row();
  job_.server = what.uuid;
  touched_.push_back(job_.server_row);
  return {};
}

/// A server leaves the state its job gave it. When a delete has taken it over
/// meanwhile there is nothing to leave: it is in better hands.
jobs::status server_changes::leave(const named_sql& how,
                                   std::string_view expected) {
  auto left = on_.run(how, job_.server_row, job_.row, now_);
  if (!left)
    return std::move(left).error();
  if (*left > 0) {
    touched_.push_back(job_.server_row);
    return {};
  }
  auto owner = on_.ask(ledger_sql("owner_of_server"), job_.server_row);
  if (!owner.next())
    return owner.outcome() ? nonsense("job " + job_.id.to_string()
                                      + " has no server to change")
                           : owner.outcome();
  const auto state = owner.text(0);
  if (state == "deleted" || (state == "deleting" && expected != "deleting"))
    return {};
  return nonsense("server " + job_.server.to_string() + " is " + state
                  + ", not " + std::string{expected} + " by job "
                  + job_.id.to_string());
}

jobs::status server_changes::change(const jobs::activate_server&) {
  return leave(ledger_sql("activate_server"), "creating");
}

jobs::status server_changes::change(const jobs::discard_server&) {
  return leave(ledger_sql("discard_server"), "creating");
}

jobs::status server_changes::change(const jobs::forget_server&) {
  if (auto left = leave(ledger_sql("forget_server"), "deleting"); !left)
    return left;
  return backups_.expire_replaced();
}

jobs::status server_changes::change(const jobs::begin_delete&) {
  auto begun =
      on_.run(ledger_sql("begin_delete"), job_.server_row, job_.row, now_);
  if (!begun)
    return std::move(begun).error();
  if (*begun > 0) {
    touched_.push_back(job_.server_row);
    return {};
  }
  auto owner = on_.ask(ledger_sql("owner_of_server"), job_.server_row);
  if (!owner.next() || owner.text(0) == "deleted")
    return fault{.code = fault_code::server_not_found,
                 .what = "there is no server to delete",
                 .where = "ledger"};
  if (owner.integer(2) == job_.row)
    return {};
  return locked("the server is being deleted already", owner.text(1));
}

jobs::status server_changes::change(const jobs::set_container& what) {
  auto set = on_.run(ledger_sql("set_container"), job_.server_row,
                     or_null{what.container_id}, now_);
  if (!set)
    return std::move(set).error();
  if (*set == 0)
    return nonsense("job " + job_.id.to_string()
                    + " has no live server to set a container of");
  touched_.push_back(job_.server_row);
  return {};
}

// -- what the Panel says ------------------------------------------------------

jobs::status server_changes::change(const jobs::set_server_config& what) {
  return touch(on_.ask(ledger_sql("set_server_config"), what.server.view(),
                       what.config, what.suspended, now_));
}

jobs::status server_changes::change(const jobs::quarantine_server& what) {
  return touch(on_.ask(ledger_sql("quarantine_server"), what.server.view(),
                       what.quarantined, now_));
}

// -- the life of servers ------------------------------------------------------

jobs::status server_changes::change(const jobs::want_power& what) {
  const auto row = what.server.empty() ? job_.server_row : 0;
  return touch(on_.ask(ledger_sql("want_power"), row, what.server.view(),
                       what.up, now_, what.unless_start_waits,
                       what.unless_installed));
}

jobs::status server_changes::change(const jobs::set_transferring& what) {
  const auto row = what.server.empty() ? job_.server_row : 0;
  return touch(on_.ask(ledger_sql("set_transferring"), row, what.server.view(),
                       what.transferring, now_));
}

jobs::status server_changes::change(const jobs::note_crash& what) {
  constexpr std::int64_t by_uuid = 0;
  return touch(on_.ask(ledger_sql("note_crash"), by_uuid, what.server.view(),
                       what.at, static_cast<std::int64_t>(what.exit_code),
                       what.out_of_memory, now_));
}

jobs::status server_changes::change(const jobs::want_install&) {
  return touch(on_.ask(ledger_sql("want_install"), job_.server_row,
                       job_.server.view(), now_));
}

jobs::status server_changes::change(const jobs::begin_install&) {
  return touch(on_.ask(ledger_sql("begin_install"), job_.server_row,
                       job_.server.view(), now_));
}

jobs::status server_changes::change(const jobs::end_install& what) {
  const auto before = touched_.size();
  auto changed =
      touch(on_.ask(ledger_sql("end_install"), job_.server_row,
                    job_.server.view(), what.successful, now_, job_.row));
  if (changed && what.told && touched_.size() != before)
    return outbox_.change(*what.told);
  return changed;
}

jobs::status server_changes::change(const jobs::set_rotation& what) {
  const auto before = touched_.size();
  auto changed = touch(on_.ask(ledger_sql("set_rotation"), what.server.view(),
                               or_null{what.policy}, now_));
  if (changed && touched_.size() == before)
    return fault{.code = fault_code::server_not_found,
                 .what = "no server " + what.server.to_string()
                         + " is registered on this node",
                 .where = "ledger"};
  return changed;
}

/// Of an UPDATE that returns the rows it changed.
jobs::status server_changes::touch(rows changed) {
  while (changed.next())
    touched_.push_back(changed.integer(0));
  return changed.outcome();
}

// -- trash --------------------------------------------------------------------

jobs::result<server_changes::trash_row>
server_changes::find_trash(const jobs::job_id& deleted_by) {
  trash_row found;
  auto answer = on_.ask(ledger_sql("trash_of_job"), deleted_by.view());
  if (answer.next())
    found = {.state = answer.text(0),
             .server_row = answer.integer(1),
             .server = answer.text(2),
             .claimed_by = answer.text(3),
             .deleted_by = answer.integer(4),
             .server_state = answer.text(5),
             .deleter = deleted_by.to_string()};
  if (auto ended = answer.outcome(); !ended)
    return std::move(ended).error();
  return found;
}

jobs::status server_changes::change(const jobs::put_in_trash& what) {
  return outcome_of(on_.run(ledger_sql("put_in_trash"), job_.row,
                            job_.server_row, what.name, now_,
                            what.purge_after));
}

jobs::status server_changes::change(const jobs::begin_purge& what) {
  auto entry = find_trash(what.deleted_by);
  if (!entry)
    return std::move(entry).error();
  if (entry->state == "restoring")
    return locked("the files are being restored", entry->claimed_by);
  if (entry->state != "held")
    return {}; // nothing was put there, or a restore took it out
  return outcome_of(on_.run(ledger_sql("begin_purge"), entry->deleted_by));
}

jobs::status server_changes::change(const jobs::end_purge& what) {
  auto entry = find_trash(what.deleted_by);
  if (!entry)
    return std::move(entry).error();
  if (entry->deleted_by == 0)
    return {};
  if (entry->state == "restoring")
    return locked("the files are being restored", entry->claimed_by);
  return outcome_of(on_.run(ledger_sql("end_purge"), entry->deleted_by));
}

jobs::status server_changes::change(const jobs::adopt_trash& what) {
  if (when_ != occasion::accept)
    return nonsense("only a new job adopts trash");
  auto left = on_.ask(ledger_sql("left_by_job"), what.deleted_by.view());
  if (!left.next() || left.text(2) != "failed")
    return left.outcome() ? fault{.code = fault_code::trash_not_found,
                                  .what = "job " + what.deleted_by.to_string()
                                          + " has left nothing in the trash "
                                            "that it does not purge itself",
                                  .where = "ledger"}
                          : left.outcome();
  job_.server_row = left.integer(0);
  job_.server = jobs::server_id::parse(left.text(1)).value_or(job_.server);
  job_.run_at = std::max(job_.run_at, left.integer(3)); // NULL reads as 0
  return {};
}

jobs::status server_changes::change(const jobs::claim_trash& what) {
  auto entry = find_trash(what.deleted_by);
  if (!entry)
    return std::move(entry).error();
  if (entry->state == "restoring" && entry->claimed_by != job_.id.view())
    return locked("the files are being restored already", entry->claimed_by);
  if (entry->state != "held")
    return fault{.code = fault_code::trash_not_found,
                 .what = "nothing of job " + what.deleted_by.to_string()
                         + " is left in the trash to restore",
                 .where = "ledger"};
  if (entry->server_state != "deleted")
    return locked("the server is still being deleted", entry->deleter);
  // Kept from now on: the volume comes back before the server does.
  const auto uuid = jobs::server_id::parse(entry->server).value();
  if (auto free = refuse_taken(uuid); !free)
    return free;
  // The undelete belongs to the incarnation whose files it brings back.
  if (when_ == occasion::accept && job_.server_row == 0) {
    job_.server_row = entry->server_row;
    job_.server = uuid;
  }
  return outcome_of(
      on_.run(ledger_sql("claim_trash"), entry->deleted_by, job_.row));
}

jobs::status server_changes::change(const jobs::release_trash& what) {
  auto entry = find_trash(what.deleted_by);
  if (!entry)
    return std::move(entry).error();
  return outcome_of(
      on_.run(ledger_sql("release_trash"), entry->deleted_by, job_.row));
}

jobs::status server_changes::change(const jobs::restore_server& what) {
  auto entry = find_trash(what.deleted_by);
  if (!entry)
    return std::move(entry).error();
  auto restored =
      on_.run(ledger_sql("restore_trash"), entry->deleted_by, job_.row);
  if (!restored)
    return std::move(restored).error();
  if (*restored == 0)
    return nonsense("job " + job_.id.to_string()
                    + " restores trash it has not claimed");
  const auto uuid = jobs::server_id::parse(entry->server).value();
  if (auto free = refuse_taken(uuid); !free)
    return free;
  auto made =
      on_.run(ledger_sql("restore_server"), entry->server_row, job_.row, now_);
  if (!made)
    return std::move(made).error();
  touched_.push_back(on_.last_row());
  return {};
}

// -- the end and the next try -------------------------------------------------

jobs::status server_changes::take_servers(const named_sql& listing) {
  auto owned = on_.ask(listing, job_.row);
  while (owned.next())
    touched_.push_back(owned.integer(0));
  return owned.outcome();
}

jobs::status server_changes::let_go() {
  if (auto unlocked = on_.run(ledger_sql("release_locks"), job_.row); !unlocked)
    return std::move(unlocked).error();
  if (auto released = on_.run(ledger_sql("release_claims"), job_.row);
      !released)
    return std::move(released).error();
  auto discarded =
      on_.run(ledger_sql("discard_server"), job_.server_row, job_.row, now_);
  if (!discarded)
    return std::move(discarded).error();
  const bool was_discarded = *discarded > 0;
  if (auto freed = backups_.let_go(); !freed)
    return freed;
  if (auto freed = places_.let_go(); !freed)
    return freed;
  if (auto freed = systems_.let_go(); !freed)
    return freed;
  if (was_discarded || backups_.touched_server())
    touched_.push_back(job_.server_row);
  return {};
}

jobs::status server_changes::inherit() {
  if (job_.retry_of.empty())
    return {};
  auto inherited = on_.run(ledger_sql("inherit_servers"), job_.row,
                           job_.retry_of.view(), now_);
  if (!inherited)
    return std::move(inherited).error();
  return *inherited > 0 ? take_servers(ledger_sql("servers_of_owner"))
                        : jobs::status{};
}

} // namespace alula::storage
