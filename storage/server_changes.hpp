/// What a job changes besides itself: servers and the trash. Runs inside the
/// transaction of the accept or save the change came with.
#pragma once

#include "jobs/changes.hpp"
#include "jobs/job.hpp"
#include "storage/access_changes.hpp"
#include "storage/backup_changes.hpp"
#include "storage/outbox_changes.hpp"
#include "storage/place_changes.hpp"
#include "storage/pool_changes.hpp"
#include "storage/sqlite.hpp"
#include "storage/system_changes.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

namespace alula::storage {

class server_changes {
public:
  enum class occasion { accept, save };

  /// `job` has its row; register_server, adopt_trash and claim_trash may give
  /// it a server, adopt_trash also its time.
  server_changes(database& on, jobs::job_record& job, occasion when,
                 jobs::time_ms now, bool tells_panel)
    : on_(on), job_(job), when_(when), now_(now), backups_(on, job, now),
      outbox_(on, job, now, tells_panel), pools_(on), places_(on, job, now),
      systems_(on, job, now), access_(on) {}

  /// Faults: server_exists, server_locked (with the job in the way),
  /// trash_not_found, internal (it makes no sense here).
  jobs::status apply(const jobs::change& what);

  /// A job that is about to end lets go of what it held: its locks, a server
  /// it was still creating, trash it had claimed. A server it was deleting
  /// stays as it is; only another delete may have it.
  jobs::status let_go();

  /// A retry takes over the servers of the job it stands for.
  jobs::status inherit();

  /// What happened to reports, to be told with the job's own events.
  const std::vector<outbox_changes::news>& reports() const {
    return outbox_.told();
  }

  /// What happened to pools.
  const std::vector<jobs::event_draft>& pool_events() const {
    return pools_.told();
  }

  /// Rows of the servers that are different now.
  const std::vector<std::int64_t>& touched() const { return touched_; }

private:
  struct trash_row;

  jobs::status change(const jobs::register_server& what);
  jobs::status change(const jobs::activate_server& what);
  jobs::status change(const jobs::discard_server& what);
  jobs::status change(const jobs::begin_delete& what);
  jobs::status change(const jobs::forget_server& what);
  jobs::status change(const jobs::set_container& what);
  jobs::status change(const jobs::put_in_trash& what);
  jobs::status change(const jobs::begin_purge& what);
  jobs::status change(const jobs::end_purge& what);
  jobs::status change(const jobs::adopt_trash& what);
  jobs::status change(const jobs::claim_trash& what);
  jobs::status change(const jobs::release_trash& what);
  jobs::status change(const jobs::restore_server& what);
  jobs::status change(const jobs::set_server_config& what);
  jobs::status change(const jobs::quarantine_server& what);
  jobs::status change(const jobs::want_power& what);
  jobs::status change(const jobs::set_transferring& what);
  jobs::status change(const jobs::note_crash& what);
  jobs::status change(const jobs::want_install& what);
  jobs::status change(const jobs::begin_install& what);
  jobs::status change(const jobs::end_install& what);
  jobs::status change(const jobs::set_rotation& what);
  jobs::status change(const jobs::tell_panel& what) {
    return outbox_.change(what);
  }
  jobs::status change(const jobs::record_delivery& what) {
    return outbox_.change(what);
  }
  jobs::status change(const jobs::pause_pool& what) {
    return pools_.change(what);
  }
  jobs::status change(const jobs::resume_pool& what) {
    return pools_.change(what);
  }

  jobs::status change(const jobs::keep_token& what) {
    return access_.change(what);
  }
  jobs::status change(const jobs::revoke_token& what) {
    return access_.change(what);
  }
  jobs::status change(const jobs::note_token_use& what) {
    return access_.change(what);
  }
  jobs::status change(const jobs::keep_audit& what) {
    return access_.change(what);
  }
  jobs::status change(const jobs::record_place& what) {
    return places_.change(what);
  }
  jobs::status change(const jobs::record_found_copy& what) {
    return places_.change(what);
  }
  jobs::status change(const jobs::forget_place& what) {
    return places_.change(what);
  }
  jobs::status change(const jobs::note_panel_word& what) {
    return places_.change(what);
  }
  jobs::status change(const jobs::set_local& what) {
    return places_.change(what);
  }
  jobs::status change(const jobs::keep_transfer& what) {
    return places_.change(what);
  }
  jobs::status change(const jobs::keep_transfer_part& what) {
    return places_.change(what);
  }
  jobs::status change(const jobs::leave_remains& what) {
    return places_.change(what);
  }
  jobs::status change(const jobs::forget_remains& what) {
    return places_.change(what);
  }

  jobs::status change(const jobs::put_system& what) {
    return systems_.change(what);
  }
  jobs::status change(const jobs::begin_system_upload& what) {
    return systems_.change(what);
  }
  jobs::status change(const jobs::store_system_backup& what) {
    return systems_.change(what);
  }
  jobs::status change(const jobs::forget_system_upload& what) {
    return systems_.change(what);
  }
  jobs::status change(const jobs::begin_system_backup_delete& what) {
    return systems_.change(what);
  }
  jobs::status change(const jobs::forget_system_backup& what) {
    return systems_.change(what);
  }
  jobs::status change(const jobs::begin_system_destroy& what) {
    return systems_.change(what);
  }
  jobs::status change(const jobs::forget_system& what) {
    return systems_.change(what);
  }

  /// By a server that lives, or an undelete that is to bring it back.
  jobs::status refuse_taken(const jobs::server_id& uuid);
  jobs::status touch(rows changed);
  jobs::status leave(const named_sql& how, std::string_view expected);
  jobs::status take_servers(const named_sql& listing);
  jobs::result<trash_row> find_trash(const jobs::job_id& deleted_by);

  /// Everything about backups and restores.
  template<class Change>
  jobs::status change(const Change& what) {
    return backups_.change(what);
  }

  database& on_;
  jobs::job_record& job_;
  occasion when_;
  jobs::time_ms now_;
  std::vector<std::int64_t> touched_;
  backup_changes backups_;
  outbox_changes outbox_;
  pool_changes pools_;
  place_changes places_;
  system_changes systems_;
  access_changes access_;
};

} // namespace alula::storage
