/// What a job changes besides itself: servers and the trash. Runs inside the
/// transaction of the accept or save the change came with.
#pragma once

#include "jobs/changes.hpp"
#include "jobs/job.hpp"
#include "storage/sqlite.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

namespace alula::storage {

class server_changes {
public:
  enum class occasion { accept, save };

  /// `job` has its row; register_server and claim_trash may give it a server.
  server_changes(database& on, jobs::job_record& job, occasion when,
                 jobs::time_ms now)
    : on_(on), job_(job), when_(when), now_(now) {}

  /// Faults: server_exists, server_locked (with the job in the way),
  /// trash_not_found, internal (it makes no sense here).
  jobs::status apply(const jobs::change& what);

  /// A job that is about to end lets go of what it held: its locks, a server
  /// it was still creating, trash it had claimed. A server it was deleting
  /// stays as it is; only another delete may have it.
  jobs::status let_go();

  /// A retry takes over the servers of the job it stands for.
  jobs::status inherit();

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
  jobs::status change(const jobs::claim_trash& what);
  jobs::status change(const jobs::release_trash& what);
  jobs::status change(const jobs::restore_server& what);

  jobs::status refuse_living(const jobs::server_id& uuid);
  jobs::status leave(const named_sql& how, std::string_view expected);
  jobs::status take_servers(const named_sql& listing);
  jobs::result<trash_row> find_trash(const jobs::job_id& deleted_by);

  database& on_;
  jobs::job_record& job_;
  occasion when_;
  jobs::time_ms now_;
  std::vector<std::int64_t> touched_;
};

} // namespace alula::storage
