/// The desk for questions about backups: a few threads for them, and others for
/// what is in archives and for stores, so that somebody who reads a 50 GB one,
/// or a store that hangs, keeps nobody waiting but his like.
#pragma once

#include "actors/answer_once.hpp"
#include "actors/task_threads.hpp"
#include "jobs/backup_desk.hpp"
#include "jobs/far_places.hpp"
#include "jobs/ledger.hpp"

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace alula::actors {

struct desk_settings {
  std::size_t threads = 4;
  std::size_t content_threads = 4; ///< for run()
  std::size_t waiting = 1'024;     ///< questions in the queue; more are refused
  std::size_t fetch_threads = 2;   ///< for files out of far archives
};

/// A place of the node besides the backups, and how to look at its disk. Asked
/// from any thread of the desk; one that cannot say is left out.
struct watched_place {
  std::string holds; ///< "volumes", "ledger"
  std::function<jobs::result<jobs::disk_space>()> space;
};

/// The ledger, the archives, the far places and what `places` ask outlive it;
/// `far` may be null.
class reading_desk final : public jobs::backup_desk {
public:
  reading_desk(desk_settings settings, jobs::archives& archives,
               jobs::queries& queries, jobs::ledger& ledger,
               const jobs::far_places* far = nullptr,
               std::vector<watched_place> places = {});
  ~reading_desk() override;

  /// Refuses what waits and takes nothing more; returns when what is being
  /// read is, and the ledger has answered. Before the ledger's end.
  void stop();

  void
  find(jobs::server_id server, jobs::backup_id backup,
       std::function<void(jobs::result<jobs::backup_record>)> done) override;
  void list(jobs::backup_filter filter, std::int64_t before, std::size_t limit,
            std::function<void(jobs::result<jobs::backup_page>)> done) override;
  void
  usage(std::function<void(jobs::result<jobs::backup_usage>)> done) override;
  void pin(jobs::backup_id backup, bool pinned,
           std::function<void(jobs::status)> done) override;
  void set_rotation(jobs::server_id server,
                    std::optional<jobs::rotation_policy> policy,
                    std::function<void(jobs::status)> done) override;
  void plan_rotation(
      jobs::server_id server, jobs::rotation_policy policy,
      std::function<void(jobs::result<std::vector<jobs::rotation_choice>>)>
          done) override;
  void find_undoable(
      std::vector<jobs::job_id> restores,
      std::function<void(jobs::result<std::vector<jobs::replaced_tree>>)> done)
      override;
  void burn_token(std::string id, jobs::time_ms expires_at,
                  std::function<void(jobs::result<bool>)> done) override;
  void
  browse(jobs::backup_id backup, std::string path, std::string after,
         std::size_t limit,
         std::function<void(jobs::result<jobs::browse_page>)> done) override;
  void open_content(
      jobs::backup_id backup, std::string path,
      std::function<void(jobs::result<std::unique_ptr<jobs::content_reader>>)>
          done) override;
  void
  open(jobs::backup_id backup,
       std::function<void(jobs::result<jobs::open_archive>)> done) override;
  bool run(std::function<void()> what) override;

private:
  /// From a thread of the desk, whoever has the answer.
  template<class T>
  void reply(const answer_once<T>& once, jobs::result<T> value);
  template<class T>
  void refuse(const answer_once<T>& once);
  void amend(jobs::change what, std::function<void(jobs::status)> done);
  /// Held while the ledger has a call; null after stop().
  std::shared_ptr<void> ledger_call();

  template<class T>
  void answer(std::function<void(jobs::result<T>)> done,
              std::function<jobs::result<T>()> question);
  /// On the thread that may take as long as the question takes.
  template<class T>
  void settle(const answer_once<T>& once,
              const std::function<jobs::result<T>()>& question);
  jobs::result<std::vector<jobs::backup_record>>
  all_of(const jobs::backup_filter& filter);
  std::optional<jobs::archive_file>
  newer_than(const jobs::backup_record& known);
  void record_found(const jobs::server_id& server, jobs::archive_file file,
                    const answer_once<jobs::backup_record>& done);

  /// From a store of ours: the piece of the archive the file is in. Fault
  /// no_room when the backup disk has none for it, besides what others are
  /// promised.
  jobs::result<std::unique_ptr<jobs::content_reader>>
  fetch_content(const jobs::backup_record& backup, const std::string& path);

  jobs::archives& archives_;
  jobs::queries& queries_;
  jobs::ledger& ledger_;
  const jobs::far_places* far_;
  const std::vector<watched_place> places_;
  std::atomic<bool> closing_{false}; ///< what waits is refused
  std::stop_source stop_;            ///< with it, of what is being fetched
  std::mutex mutex_;                 ///< over the next three
  std::condition_variable changed_;
  bool stopped_ = false;
  std::size_t ledger_calls_ = 0;
  task_threads answers_; ///< refusals, and what finds the others full
  task_threads contents_;
  task_threads fetching_;
  task_threads threads_; ///< last: it uses all of the above
};

} // namespace alula::actors
