/// The bytes of the tar inside an archive, in order, decoded by other threads
/// ahead of the reader.
///
///   file ─► one reading thread (digest) ─► N decoders ─► in order ─► next()
///
/// Memory is bounded by the pieces in flight, about 3 MiB each.
#pragma once

#include "backup/byte_source.hpp"
#include "backup/digest.hpp"
#include "backup/member_pipeline.hpp"
#include "jobs/result.hpp"

#include <cstdint>
#include <memory>
#include <vector>

namespace alula::backup {

struct reader_settings {
  /// From the manifest, in order; empty: none. It is a hint that buys speed
  /// and is never believed: where it and the file disagree, the file is read
  /// on front to back from that place.
  std::vector<member_position> members = {};
  unsigned threads = 2; ///< decoders; without members one is used
  /// Notes where members begin, when nobody has said so; see found_members().
  bool note_members = false;
  /// What is taken of the archive's bytes on the way.
  sums wanted = sums::none;
  /// Pages of the archive leave the page cache once they are read, so that the
  /// game's own stay. False when the archive is read again at once.
  bool drop_behind = true;
};

/// Reads gzip (RFC 1952, any number of members, zeros after the last one as
/// tapes have them) and zstd (windows up to 128 MiB). Belongs to one thread.
///
/// Faults of next(): backup_damaged with the offset in the archive where it
/// does not decode, has a wrong checksum, ends too early or goes on with
/// something else; io_error.
class archive_reader final : public byte_source {
public:
  /// `archive` stays open and unchanged as long as the reader lives; it is
  /// read by offset, its position does not matter. Faults: io_error;
  /// backup_damaged when it is neither gzip nor zstd.
  static jobs::result<std::unique_ptr<archive_reader>>
  open(int archive, reader_settings settings);

  ~archive_reader() override;
  archive_reader(const archive_reader&) = delete;
  archive_reader& operator=(const archive_reader&) = delete;

  jobs::result<byte_view> next() override;

  /// Bytes of the archive as it was opened.
  std::uint64_t size() const;

  /// Content bytes handed out so far.
  std::uint64_t position() const;

  /// Bytes of the archive that were read for them.
  std::uint64_t archive_position() const;

  /// With note_members, once next() was at the end: where gzip members begin.
  /// Empty unless that would be of use as `members`: there are several, none of
  /// them is empty or longer than 8 MiB, and they are no more than a TiB of
  /// ours has.
  std::vector<member_position> found_members() const;

  /// Of the whole archive, those that are wanted; ends the reading. Bytes
  /// next() did not come to are read now. Faults as archive_file::read.
  jobs::result<checksums> finish_sums();

private:
  struct state;
  explicit archive_reader(std::unique_ptr<state> held);
  std::unique_ptr<state> state_;
};

} // namespace alula::backup
