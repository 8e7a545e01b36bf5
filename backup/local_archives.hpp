/// jobs::archives on a local disk: one flat directory, an archive and its
/// manifest side by side, everything made under another name first.
///
///   <name>.tar.gz.<job>.part            the archive while it is made
///   <name>.tar.gz.manifest.<job>.part   its manifest
///   <name>.tar.gz.manifest              renamed first: an archive of ours is
///   <name>.tar.gz                       never seen without it
///
/// An archive is locked (flock) shared by whoever reads it and exclusively by
/// who removes it, so that other processes see readers too.
#pragma once

#include "backup/archive_names.hpp"
#include "backup/archive_writer.hpp"
#include "backup/backup_directory.hpp"
#include "backup/gzip_member.hpp"
#include "backup/manifest_order.hpp"
#include "backup/manifest_reader.hpp"
#include "backup/member_pipeline.hpp"
#include "jobs/archives.hpp"
#include "jobs/disk_room.hpp"

#include <chrono>
#include <ctime>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace alula::backup {

struct store_settings {
  std::filesystem::path directory; ///< `system.backup_directory`
  std::string file_name = "backup-{uuid}.tar.gz";
  compression level = compression::best_speed;
  unsigned threads = 2;          ///< that compress, or decompress
  std::uint64_t write_limit = 0; ///< archive bytes per second; 0: none
  /// Bytes per second of the servers' files, and of archives that are verified
  /// while nobody waits.
  std::uint64_t read_limit = 0;
  /// Whether making, indexing, and verifying while nobody waits leave the disk
  /// to everybody else; on a busy disk they then take many times longer.
  bool idle_io = true;
  std::optional<uid_t> uid = {}; ///< who restored files belong to
  std::optional<gid_t> gid = {};
  /// Whether restores make links that lead out of a server's files.
  bool keep_outside_links = true;
  archive_format format = archive_format::wings;
  /// Until then a manifest waits for an archive that somebody may be copying
  /// to its place, from the last change of the manifest on.
  std::chrono::seconds orphans_wait{std::chrono::hours{24}};
  /// Shared with who else writes to the disk; nothing: its own.
  std::shared_ptr<jobs::disk_room> room = {};
};

class local_archives final : public jobs::archives {
public:
  /// Faults: validation (the file name), io_error.
  static jobs::result<std::unique_ptr<local_archives>>
  open(store_settings settings);

  jobs::result<jobs::tree_size>
  measure(const jobs::descriptor& volume, const jobs::archive_order& order,
          std::stop_token stop, const jobs::archive_tell& tell) override;
  jobs::status reserve(const jobs::job_id& job,
                       const jobs::room_wanted& room) override;
  void release(const jobs::job_id& job) override;
  jobs::result<jobs::archive_made>
  write(const jobs::descriptor& volume, const jobs::archive_order& order,
        std::stop_token stop, const jobs::archive_tell& tell) override;
  jobs::result<jobs::archive_made>
  stream(const jobs::descriptor& volume, const jobs::archive_order& order,
         const jobs::archive_sink& into, std::stop_token stop,
         const jobs::archive_tell& tell) override;
  jobs::result<jobs::archive_made>
  pack(const jobs::descriptor& volume, const jobs::job_id& job,
       const jobs::archive_sink& into, std::stop_token stop,
       const jobs::archive_tell& tell) override;
  jobs::result<jobs::descriptor> open_part(const jobs::backup_id& backup,
                                           const jobs::job_id& job,
                                           jobs::archive_half which) override;
  jobs::status keep_part(const jobs::backup_id& backup, const jobs::job_id& job,
                         jobs::archive_half which) override;
  jobs::status adopt(const jobs::backup_id& backup,
                     const jobs::job_id& job) override;
  jobs::result<jobs::archive_file> read_manifest(std::string_view beginning,
                                                 std::int64_t size) override;
  jobs::result<jobs::open_archive>
  open_manifest(const jobs::backup_id& backup) override;
  jobs::status drop(const jobs::backup_id& backup) override;
  jobs::result<jobs::archive_piece> find_piece(const jobs::backup_id& backup,
                                               std::string_view path) override;
  jobs::result<std::unique_ptr<jobs::content_reader>>
  open_piece(const jobs::backup_id& backup, std::string_view path,
             jobs::descriptor piece) override;
  jobs::result<jobs::descriptor> make_spool() override;
  jobs::status publish(const jobs::backup_id& backup,
                       const jobs::job_id& job) override;
  jobs::status discard(const jobs::backup_id& backup,
                       const jobs::job_id& job) override;
  jobs::result<std::optional<jobs::archive_file>>
  inspect(const jobs::backup_id& backup) override;
  jobs::result<jobs::archive_list> list() override;
  jobs::status sweep(const jobs::is_live_job& is_live,
                     const jobs::is_known_backup& is_known) override;
  jobs::result<jobs::archive_verified>
  verify(const jobs::backup_id& backup,
         const jobs::archive_expectation& expected, std::stop_token stop,
         const jobs::archive_tell& tell) override;
  jobs::result<jobs::archive_facts>
  hash(const std::function<jobs::status(const jobs::archive_sink&)>& from)
      override;
  jobs::result<jobs::extraction_made>
  extract(const jobs::extraction_order& order, const jobs::descriptor& staging,
          std::stop_token stop, const jobs::archive_tell& tell) override;
  jobs::result<jobs::tree_size>
  content_size(const jobs::backup_id& backup, std::stop_token stop,
               const jobs::archive_tell& tell) override;
  jobs::result<jobs::tree_size>
  chosen_size(const jobs::backup_id& backup,
              const std::vector<std::string>& paths,
              std::stop_token stop) override;
  jobs::status remove(const jobs::backup_id& backup) override;
  jobs::status index(const jobs::backup_id& backup,
                     const jobs::server_id& server, const jobs::job_id& job,
                     std::stop_token stop,
                     const jobs::archive_tell& tell) override;
  jobs::result<jobs::browse_page> browse(const jobs::backup_id& backup,
                                         std::string_view path,
                                         std::string_view after,
                                         std::size_t limit) override;
  jobs::result<std::unique_ptr<jobs::content_reader>>
  open_content(const jobs::backup_id& backup, std::string_view path) override;
  jobs::result<jobs::open_archive> open(const jobs::backup_id& backup) override;
  jobs::result<jobs::disk_space> space() override;

private:
  static constexpr std::string_view disk_name = "the backup disk";

  /// An archive that is there.
  struct found_archive {
    std::string name; ///< empty: there is none
    opened_file file;
    /// Where its manifest may be; the first that is there counts.
    std::vector<std::string> manifests = {};
  };
  /// A regular file in a manifest.
  struct found_entry {
    archive_entry entry;
    std::vector<member_position> members;
    std::int64_t archive_size = 0;
  };

  local_archives(store_settings settings, archive_names names,
                 backup_directory directory);

  jobs::result<found_archive> find(const jobs::backup_id& backup) const;
  /// Locked against removal. Faults: backup_not_found, io_error.
  jobs::result<found_archive> find_to_read(const jobs::backup_id& backup) const;
  /// What the job has fetched; without a job the archive of the directory.
  jobs::result<found_archive> find_fetched(const jobs::backup_id& backup,
                                           const jobs::job_id& job) const;
  /// Not open when there is none.
  jobs::result<opened_file> find_manifest(const found_archive& archive) const;
  jobs::result<manifest_reader>
  manifest_alone(const jobs::backup_id& backup) const;
  /// That of the archive here, or else one that is alone. Faults
  /// backup_not_found, no_manifest.
  jobs::result<manifest_reader>
  manifest_here(const jobs::backup_id& backup) const;
  jobs::result<found_entry> find_entry(const jobs::backup_id& backup,
                                       std::string_view path) const;
  /// Fault path_not_found: it is no file, or none of the archive.
  static jobs::result<found_entry> find_entry(manifest_reader& manifest,
                                              std::string_view path);
  std::string name_of_half(const jobs::backup_id& backup,
                           jobs::archive_half which) const;
  /// Nothing when there is no manifest, or none that fits the archive; the
  /// latter is logged.
  jobs::result<std::optional<manifest_facts>>
  facts_of(const jobs::backup_id& backup, const found_archive& archive) const;
  /// Fault no_manifest.
  jobs::result<manifest_reader> manifest_of(const jobs::backup_id& backup,
                                            const found_archive& archive) const;
  /// Empty without a manifest: reading is only slower then.
  jobs::result<std::vector<member_position>>
  hint_of(const jobs::backup_id& backup, const found_archive& archive) const;
  /// Its facts when it is ours, and less than the whole is asked for; see
  /// check_depth.
  jobs::result<std::optional<jobs::archive_facts>>
  made_here(const jobs::backup_id& backup, const found_archive& archive,
            const jobs::archive_expectation& expected) const;
  /// Who waits unpacks it next, and that lets its pages go: until then they
  /// stay in the page cache, unless there are too many of them.
  static bool is_read_again_soon(const found_archive& archive,
                                 const jobs::archive_expectation& expected);
  jobs::result<jobs::archive_verified>
  verify_bytes(const found_archive& archive, jobs::archive_facts made,
               const jobs::archive_expectation& expected,
               const std::stop_token& stop,
               const jobs::archive_tell& tell) const;
  /// What the tar cannot hold; nothing without a manifest of ours.
  jobs::result<std::optional<manifest_order>>
  order_of(const jobs::backup_id& backup, const found_archive& archive,
           const std::stop_token& stop) const;
  /// As extraction_settings has them; none without a manifest. Of as many links
  /// as an extraction may keep in memory.
  using path_map = std::map<std::string, std::string, std::less<>>;
  jobs::result<path_map> stand_ins_of(const jobs::extraction_order& order,
                                      const found_archive& archive,
                                      const std::stop_token& stop) const;
  jobs::result<jobs::archive_file> describe(const jobs::backup_id& backup,
                                            const found_archive& found) const;
  /// Null `into`: the archive goes to a part.
  jobs::result<jobs::archive_made> write_parts(const jobs::descriptor& volume,
                                               const jobs::archive_order& order,
                                               const jobs::archive_sink* into,
                                               const std::stop_token& stop,
                                               const jobs::archive_tell& tell);
  jobs::result<bool> publish_manifest(const jobs::backup_id& backup,
                                      const jobs::job_id& job,
                                      const found_archive& archive) const;
  /// A manifest that sweep() may remove.
  jobs::result<bool> is_orphan(const std::string& name,
                               const jobs::backup_id& of,
                               const jobs::is_live_job& is_live,
                               const jobs::is_known_backup& is_known) const;
  jobs::status publish_parts(const jobs::backup_id& backup,
                             const jobs::job_id& job,
                             backup_directory::overwrite may) const;

  jobs::status
  write_index(const std::string& part, const std::string& name,
              const std::function<jobs::status(int into)>& fill) const;

  static jobs::fault not_found(const jobs::backup_id& backup);
  static jobs::time_ms milliseconds(const timespec& at);

  store_settings settings_;
  archive_names names_;
  backup_directory directory_;
};

} // namespace alula::backup
