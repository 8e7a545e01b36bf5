/// The backups of the node as files: archives and the manifests beside them,
/// in one flat directory (design 4). A port: the adapter is in backup/.
///
/// Unless a method says otherwise it may block, is called from worker threads,
/// several at once, and may be called twice. Volumes and staging directories
/// come in as open directories and are never reached by path.
#pragma once

#include "jobs/descriptor.hpp"
#include "jobs/disk_space.hpp"
#include "jobs/ids.hpp"
#include "jobs/result.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace alula::jobs {

/// How much there is to read; counted by a walk before an archive is made.
struct tree_size {
  std::int64_t files = 0;
  /// Of contents, less the holes of files that are archived without them.
  std::int64_t bytes = 0;
  /// On the disk of the backups besides the archive while it is made: the
  /// largest database, which is copied aside first. An estimate.
  std::int64_t aside = 0;
};

/// What an archive is made of, and for whom.
struct archive_order {
  backup_id backup;
  server_id server;
  job_id job;         ///< names the unfinished files
  std::string ignore; ///< patterns, one per line; empty: the volume's own file
  std::vector<std::string> denied; ///< more patterns, of the egg
  /// Nothing stays out, whatever the two above and the volume's own file say.
  bool is_whole = false;
  time_ms created_at = 0;
};

/// Something that is not in an archive, or not restored from it, as it was.
struct file_note {
  std::string path;
  std::string what;
};

/// A finished archive: what the Panel is told, and more.
struct archive_facts {
  std::int64_t size = 0;          ///< bytes of the .tar.gz
  std::string sha1;               ///< 40 lower-case hexadecimal digits
  std::string sha256;             ///< 64
  std::int64_t content_bytes = 0; ///< of the files in it, as tree_size has it
  std::int64_t files = 0;
};

struct archive_made {
  archive_facts facts;
  std::vector<file_note> notes; ///< the first of them
  std::int64_t noted = 0;       ///< all of them
};

/// An archive on the disk. Those of stock Wings have no manifest.
struct archive_file {
  backup_id backup;
  server_id server; ///< from the manifest; empty without one
  std::int64_t size = 0;
  time_ms modified_at = 0;
  bool has_manifest = false;
  std::optional<archive_facts> facts; ///< from the manifest
};

/// What lies in the directory.
struct archive_list {
  std::vector<archive_file> files;
  std::vector<backup_id> unreadable; ///< that could not be looked at
};

/// What a restore may cost at most. Bombs stop at whatever comes first, and an
/// archive of ours is never over it: what would be is left out, with a note.
struct extraction_limits {
  /// Of all contents together, less the holes of files archived without them;
  /// 0: what the disk has.
  std::int64_t bytes = 0;
  std::int64_t file_size = std::int64_t{1} << 44; ///< as ext4 has it
  std::int64_t entries = 10'000'000;
  int depth = 1'024;       ///< names in a path
  int path_length = 4'095; ///< PATH_MAX, less its end
  /// Of paths and targets of symbolic links: they are made last.
  std::int64_t links = 256LL * 1024 * 1024;
  std::int64_t ratio = 2'000; ///< content bytes per archive byte, past 64 MiB
};

struct extraction_order {
  backup_id backup;
  /// Only these files and directories with all below them; empty: everything.
  std::vector<std::string> paths;
  /// The egg's patterns of files that are left out, in silence
  /// (wings-protocol 7.4, 7.9).
  std::vector<std::string> denied = {};
  extraction_limits limits;
  /// Not the archive of the directory, but what this job has fetched.
  job_id fetched_by = {};
};

struct extraction_made {
  std::int64_t files = 0;
  std::int64_t bytes = 0;
  std::vector<file_note> notes;
  std::int64_t noted = 0;
};

/// Whether somebody waits for a verification, or a server is down meanwhile.
/// One for nobody reads behind everybody else on the disk, and no faster than a
/// backup may.
enum class check_for { nobody, who_waits };

/// How much of an archive a verification looks at.
enum class check_depth {
  /// Every byte, every member and every header.
  whole,
  /// Of an archive that alula has made only size and SHA-256, its bytes read
  /// once and not unpacked: where these are what was written, so are members
  /// and headers. Ours is one whose manifest says which job wrote it, and has
  /// the SHA-256 that is expected: that of an archive of another program, and
  /// one that was made again, were taken later, of what was there. Any other is
  /// looked at whole.
  sum_of_ours,
};

/// What a verification compares with; empty fields are not compared. Of two
/// checksums only the SHA-256 is taken and compared: it is the stronger one.
/// One that is not known is taken as well, unless the archive was fetched: of
/// that nothing goes on record.
struct archive_expectation {
  std::int64_t size = 0;
  std::string sha1;
  std::string sha256;
  job_id fetched_by = {}; ///< as extraction_order's
  check_for whom = check_for::nobody;
  check_depth depth = check_depth::whole;
};

struct archive_verified {
  /// As found. A SHA-1 that was expected beside a SHA-256 is given back as it
  /// was; of what was fetched a checksum that was not expected may be empty.
  archive_facts facts;
  std::int64_t entries = 0; ///< that were looked at
  /// False: its bytes were compared, and how many files it has stands in its
  /// manifest.
  bool is_whole = true;
};

/// One line of a browsed directory.
struct browse_item {
  enum class type { file, directory, link };
  std::string name;
  type is = type::file;
  std::int64_t size = 0; ///< of a file
  std::uint32_t mode = 0;
  time_ms modified_at = 0;
  std::string target; ///< of a link
};

struct browse_page {
  std::vector<browse_item> items; ///< in byte order of their names
  std::string next;               ///< pass as `after`; empty: no more
};

/// One file inside an archive, read in order. Belongs to one thread at a time.
class content_reader {
public:
  virtual ~content_reader() = default;
  virtual std::int64_t size() const = 0;
  virtual time_ms modified_at() const = 0;
  /// Appends up to `most` bytes to `out`; nothing at the end.
  status read(std::size_t most, std::string& out) {
    return read_while({}, most, out);
  }
  /// The same. To get there may take reading the whole archive: `is_wanted`
  /// (empty: always) is asked meanwhile, at least once per MiB; from the first
  /// false on it is over, with the fault `interrupted`.
  virtual status read_while(const std::function<bool()>& is_wanted,
                            std::size_t most, std::string& out) = 0;
};

/// An open archive for a download. While it is open the archive is not
/// removed: remove() answers `backup_in_use`. It may be dropped, when another
/// place has it, and can be read on then.
struct open_archive {
  descriptor file;
  std::int64_t size = 0;
  time_ms modified_at = 0;
  std::string name; ///< as stock Wings names downloads: "<uuid>.tar.gz"
};

/// Whether a job still lives: what it left unfinished is then not touched.
using is_live_job = std::function<bool(const job_id&)>;
/// Whether a backup is on record, its archive there or not.
using is_known_backup = std::function<bool(const backup_id&)>;

/// Called at least once per MiB and per 256 files; must not block.
struct archive_progress_made {
  std::int64_t files = 0;
  std::int64_t bytes = 0; ///< of contents
  /// Where only the bytes of the archive are read: its size, and `bytes` are of
  /// it; else 0.
  std::int64_t archive_size = 0;
};
using archive_tell = std::function<void(const archive_progress_made&)>;

/// Takes an archive in order, piece by piece. Its fault ends the archive.
using archive_sink = std::function<status(std::string_view)>;

/// The two files of a backup.
enum class archive_half { archive, manifest };

/// The bytes of an archive that one file in it is read from.
struct archive_piece {
  std::int64_t at = 0;
  std::int64_t length = 0;
  std::int64_t archive_size = 0;
};

/// Faults besides the noted ones: io_error, insufficient_storage, interrupted.
class archives {
public:
  virtual ~archives() = default;

  /// Counts what write() would read.
  virtual result<tree_size> measure(const descriptor& volume,
                                    const archive_order& order,
                                    std::stop_token stop,
                                    const archive_tell& tell) = 0;

  /// Keeps room on the backup disk for this job until release(); replaces what
  /// it had. A reader that is no job takes an id of its own. Fault
  /// insufficient_storage, with the numbers in it. Held in memory: after a
  /// restart a job reserves again.
  virtual status reserve(const job_id& job, const room_wanted& room) = 0;
  virtual void release(const job_id& job) = 0;

  /// Writes archive and manifest under unfinished names of the job, both
  /// durable when it returns. Starts over when a crash left something behind.
  virtual result<archive_made> write(const descriptor& volume,
                                     const archive_order& order,
                                     std::stop_token stop,
                                     const archive_tell& tell) = 0;

  /// The same, but the archive goes to `into` instead of to a file. The
  /// manifest is written.
  virtual result<archive_made> stream(const descriptor& volume,
                                      const archive_order& order,
                                      const archive_sink& into,
                                      std::stop_token stop,
                                      const archive_tell& tell) = 0;

  /// All of the volume to `into`, with its directories and without a manifest:
  /// what another node takes in (wings-protocol 2.16, 7.9). No rule keeps
  /// anything out (trap 71) and no limit of rate holds it. The job names what
  /// is copied aside meanwhile. Nothing is kept here.
  virtual result<archive_made> pack(const descriptor& volume, const job_id& job,
                                    const archive_sink& into,
                                    std::stop_token stop,
                                    const archive_tell& tell) = 0;

  /// An unfinished file of the job, for reading and writing; made when it is
  /// not there, and as long as it was when it is.
  virtual result<descriptor>
  open_part(const backup_id& backup, const job_id& job, archive_half which) = 0;
  /// Makes what was written to it durable, and its name. A manifest that does
  /// not fit the archive is not used, here as elsewhere.
  virtual status keep_part(const backup_id& backup, const job_id& job,
                           archive_half which) = 0;
  /// Gives what was fetched the final names, as publish() does. Success when it
  /// was done. Without an archive part only the manifest gets its name. Fault
  /// backup_exists, and nothing is changed: another archive has the name.
  virtual status adopt(const backup_id& backup, const job_id& job) = 0;
  /// What a manifest says of its archive, both of which lie elsewhere: by its
  /// first 4 KiB and its size. `modified_at` is when the archive was made.
  /// Fault backup_damaged: it is torn, damaged or of another version.
  virtual result<archive_file> read_manifest(std::string_view beginning,
                                             std::int64_t size) = 0;
  /// The manifest in the directory, for reading. Fault no_manifest.
  virtual result<open_archive> open_manifest(const backup_id& backup) = 0;
  /// Removes the archive durably and leaves the manifest, so that the backup
  /// can be browsed; missing is success. Who has it open reads it to its end.
  virtual status drop(const backup_id& backup) = 0;

  /// Where in the archive this regular file is, by the manifest alone; the
  /// archive may lie elsewhere. Faults as browse.
  virtual result<archive_piece> find_piece(const backup_id& backup,
                                           std::string_view path) = 0;
  /// As open_content, from a file that has that piece of the archive at its
  /// place, and perhaps nothing else.
  virtual result<std::unique_ptr<content_reader>>
  open_piece(const backup_id& backup, std::string_view path,
             descriptor piece) = 0;
  /// A file without a name on the backup disk, for such pieces.
  virtual result<descriptor> make_spool() = 0;

  /// Gives both their final names, the manifest first, and makes the names
  /// durable. Success when they are there already. Fault backup_exists: another
  /// archive has the name. Fault io_error: nothing of the job is there.
  virtual status publish(const backup_id& backup, const job_id& job) = 0;

  /// Removes the unfinished files of the job; missing ones are success.
  virtual status discard(const backup_id& backup, const job_id& job) = 0;

  /// Nothing when there is no archive of either file name (design 4).
  virtual result<std::optional<archive_file>>
  inspect(const backup_id& backup) = 0;

  /// All archives in the directory. Of those that cannot be looked at the log
  /// tells: one of them keeps nobody from the others. When none can be, the
  /// fault is that of the first. What is neither an archive, a manifest nor an
  /// unfinished file of a job is not touched and not listed.
  virtual result<archive_list> list() = 0;

  /// Removes unfinished files whose job does not live, and manifests that have
  /// lain without their archive for a day, of a backup that is not on record;
  /// asks when it has seen the file. What it cannot look at or remove stays, as
  /// the log tells, and keeps it from no other: the fault is the first of them.
  virtual status sweep(const is_live_job& is_live,
                       const is_known_backup& is_known) = 0;

  /// Reads the archive once: checksums, every member's CRC, every tar header,
  /// unless it is asked for less. Faults backup_not_found; backup_damaged with
  /// what is wrong and where.
  virtual result<archive_verified> verify(const backup_id& backup,
                                          const archive_expectation& expected,
                                          std::stop_token stop,
                                          const archive_tell& tell) = 0;

  /// Size and checksums of the bytes that `from` gives to its sink in order,
  /// for an archive that lies elsewhere; the other facts are 0. No fault but
  /// `from`'s.
  virtual result<archive_facts>
  hash(const std::function<status(const archive_sink&)>& from) = 0;

  /// Writes the archive's entries below `staging`, an empty directory nobody
  /// else reaches, durable when it returns. Faults backup_not_found,
  /// backup_damaged, archive_refused (hostile, or over a limit, naming the
  /// entry).
  virtual result<extraction_made> extract(const extraction_order& order,
                                          const descriptor& staging,
                                          std::stop_token stop,
                                          const archive_tell& tell) = 0;

  /// Bytes an extraction of this backup will write, from the manifest or else
  /// by reading the archive. Faults backup_not_found, backup_damaged.
  virtual result<tree_size> content_size(const backup_id& backup,
                                         std::stop_token stop,
                                         const archive_tell& tell) = 0;

  /// What an extraction of these paths will write, by the manifest alone, all
  /// of which is read; the archive may lie elsewhere. An estimate: files that
  /// stand in the archive without their holes count no bytes. Contents that
  /// come along for a hard link without one of its own count. Paths that are
  /// not in it count nothing. Faults backup_not_found, no_manifest,
  /// backup_damaged.
  virtual result<tree_size> chosen_size(const backup_id& backup,
                                        const std::vector<std::string>& paths,
                                        std::stop_token stop) = 0;

  /// Removes archive and manifest durably, the archive first; missing is
  /// success. Fault backup_in_use while somebody downloads it.
  virtual status remove(const backup_id& backup) = 0;

  /// Makes the manifest of an archive that has none, under an unfinished name
  /// of the job first. Faults backup_not_found, backup_damaged.
  virtual status index(const backup_id& backup, const server_id& server,
                       const job_id& job, std::stop_token stop,
                       const archive_tell& tell) = 0;

  /// By the manifest: the archive may lie elsewhere. Faults backup_not_found,
  /// no_manifest, path_not_found.
  virtual result<browse_page> browse(const backup_id& backup,
                                     std::string_view path,
                                     std::string_view after,
                                     std::size_t limit) = 0;
  /// One regular file. Faults as browse.
  virtual result<std::unique_ptr<content_reader>>
  open_content(const backup_id& backup, std::string_view path) = 0;

  /// Fault backup_not_found.
  virtual result<open_archive> open(const backup_id& backup) = 0;

  /// Of the disk the backups are on.
  virtual result<disk_space> space() = 0;
};

} // namespace alula::jobs
