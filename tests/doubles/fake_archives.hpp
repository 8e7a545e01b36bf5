/// A backup directory in memory: a journal of every call, faults that the next
/// calls of a method run into, and gates that hold a method until a test lets
/// it go.
#pragma once

#include "jobs/archives.hpp"
#include "tests/doubles/fake_promises.hpp"
#include "tests/doubles/gated_script.hpp"

#include <cstdint>
#include <fcntl.h>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace alula::jobs {

/// Its journal: "write 3f2b… 0199…", "remove 3f2b…". Any thread may call any
/// method; the public members are for the test, before and after, or under
/// `mutex`.
class fake_archives final : public archives, public gated_script {
public:
  ~fake_archives() override; ///< in fakes.cpp
  /// Path → content; parents are implied.
  using tree = std::map<std::string, std::string>;

  struct stored {
    server_id server;
    job_id job;
    tree files;
    archive_facts facts;
    bool has_manifest = true;
    bool is_ours = true; ///< as the manifest says: a job has written it
    bool is_damaged = false;
    time_ms modified_at = 0;
    std::vector<file_note> notes;
    descriptor file; ///< readers lock what they open of it
  };

  tree volume;                         ///< what write() finds in every volume
  std::vector<file_note> volume_notes; ///< and could not read there
  std::map<backup_id, stored> published;
  std::map<std::pair<backup_id, job_id>, stored> unfinished;
  std::set<backup_id> orphans;    ///< manifests without their archives
  std::set<backup_id> unreadable; ///< published, and list() cannot look at it
  std::int64_t aside = 0;         ///< what measure() says
  /// What jobs have fetched: the bytes of archives and manifests.
  std::map<std::pair<backup_id, job_id>, descriptor> fetched;
  std::map<std::pair<backup_id, job_id>, descriptor> fetched_manifests;
  /// Whose archive was dropped and whose manifest stayed.
  std::map<backup_id, stored> dropped;
  fake_promises reserved;
  std::int64_t disk_total = 1'000'000'000;
  std::int64_t disk_free = 1'000'000'000;
  /// With what is never promised; as much as is free when it is not set.
  std::optional<std::int64_t> disk_unused;
  std::uint64_t device = 0; ///< of the disk
  tree extracted; ///< what the last extract() left in the staging directory
  std::vector<std::string> last_denied;      ///< patterns that it was given
  std::vector<archive_expectation> expected; ///< by each verify()
  /// Called by extract, outside the mutex, before it says how far it is.
  std::function<void()> before_tell;
  /// The same of inspect.
  std::function<void()> before_inspect;
  time_ms now = 1'700'000'000'000; ///< when archives are written

  // -- what a test does -------------------------------------------------------

  /// An archive that is there already; without a server it is one of stock
  /// Wings, with no manifest.
  archive_facts put(const backup_id& backup, const server_id& server,
                    tree files) {
    const std::lock_guard guard{mutex};
    auto made = make(backup, server, {}, std::move(files));
    made.has_manifest = made.is_ours = !server.empty();
    return published.insert_or_assign(backup, std::move(made))
        .first->second.facts;
  }

  bool is_published(const backup_id& backup) {
    const std::lock_guard guard{mutex};
    return published.contains(backup);
  }

  // -- the port ---------------------------------------------------------------

  result<tree_size> measure(const descriptor&, const archive_order& order,
                            std::stop_token stop, const archive_tell&) override;
  status reserve(const job_id& job, const room_wanted& room) override;
  void release(const job_id& job) override;
  result<archive_made> write(const descriptor&, const archive_order& order,
                             std::stop_token stop,
                             const archive_tell& tell) override;
  result<archive_made> pack(const descriptor&, const job_id& job,
                            const archive_sink& into, std::stop_token stop,
                            const archive_tell& tell) override;
  result<archive_made> stream(const descriptor& root,
                              const archive_order& order,
                              const archive_sink& into, std::stop_token stop,
                              const archive_tell& tell) override;
  result<descriptor> open_part(const backup_id& backup, const job_id& job,
                               archive_half which) override;
  status keep_part(const backup_id& backup, const job_id& job,
                   archive_half) override;
  status adopt(const backup_id& backup, const job_id& job) override;
  result<archive_file> read_manifest(std::string_view beginning,
                                     std::int64_t size) override;
  result<open_archive> open_manifest(const backup_id& backup) override;
  status drop(const backup_id& backup) override;
  result<archive_piece> find_piece(const backup_id& backup,
                                   std::string_view path) override;
  result<std::unique_ptr<content_reader>> open_piece(const backup_id& backup,
                                                     std::string_view path,
                                                     descriptor piece) override;
  result<descriptor> make_spool() override;
  status publish(const backup_id& backup, const job_id& job) override;
  status discard(const backup_id& backup, const job_id& job) override;
  result<std::optional<archive_file>> inspect(const backup_id& backup) override;
  result<archive_list> list() override;
  status sweep(const is_live_job& is_live,
               const is_known_backup& is_known) override;
  /// Those of make(), when the bytes are from there.
  result<archive_facts>
  hash(const std::function<status(const archive_sink&)>& from) override;
  result<archive_verified> verify(const backup_id& backup,
                                  const archive_expectation& wanted,
                                  std::stop_token stop,
                                  const archive_tell& tell) override;
  result<extraction_made> extract(const extraction_order& order,
                                  const descriptor&, std::stop_token stop,
                                  const archive_tell& tell) override;
  result<tree_size> content_size(const backup_id& backup, std::stop_token stop,
                                 const archive_tell&) override;
  result<tree_size> chosen_size(const backup_id& backup,
                                const std::vector<std::string>& paths,
                                std::stop_token stop) override;
  status remove(const backup_id& backup) override;
  status index(const backup_id& backup, const server_id& server, const job_id&,
               std::stop_token stop, const archive_tell& tell) override;
  result<browse_page> browse(const backup_id& backup, std::string_view path,
                             std::string_view after,
                             std::size_t limit) override;
  result<std::unique_ptr<content_reader>>
  open_content(const backup_id& backup, std::string_view path) override;
  result<open_archive> open(const backup_id& backup) override;
  result<disk_space> space() override;

  // -- the bytes of its files -------------------------------------------------

  static constexpr char between = '\x1e'; ///< names and contents in make()
  /// The bytes of a file, and what make() has written into one.
  static std::string text_in(const descriptor& file);
  static tree tree_in(const std::string& raw);

private:
  /// Tells of each file outside the mutex, so that `tell` may do anything.
  static status tell_each(std::unique_lock<std::mutex>& lock, tree files,
                          const std::stop_token& stop,
                          const archive_tell& tell);
  static tree_size size_of(const tree& files);
  static std::string digits(std::size_t seed, std::size_t width);
  stored make(const backup_id& backup, const server_id& server,
              const job_id& job, tree files) const;
  /// The bytes of its manifest, which say whether the archive was made here.
  static std::string manifest_of(const backup_id& backup, const stored& of);
  static bool is_manifest_of_ours(std::string_view text) {
    return text.ends_with(" ours\n");
  }
  static descriptor file_of_text(std::string_view text);
  /// An open file of its own, so that locks are its own too.
  static descriptor reopen(const descriptor& file, int how = O_RDONLY);
  result<archive_verified> verify_fetched(const backup_id& backup,
                                          const archive_expectation& wanted);
  /// Whether its bytes alone are looked at; see check_depth.
  bool is_sum_enough(const backup_id& backup, const archive_facts& found,
                     const archive_expectation& wanted) const;
  result<const stored*> find_indexed(const backup_id& backup) const;
  static fault not_found(const backup_id& backup);
};

} // namespace alula::jobs
