/// The entries of a tar as they stand in it: v7, ustar, pax, GNU (long names,
/// sparse files of GNU formats 0.0, 0.1, 1.0 and old). Names are bytes and come
/// out as such. Nothing is believed here and nothing is judged either: what an
/// entry may do is the business of entry_checks.hpp.
#pragma once

#include "backup/byte_source.hpp"
#include "jobs/result.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace alula::backup {

enum class tar_type { file, hard_link, link, directory, device, fifo, other };

struct tar_entry {
  std::string path; ///< as it stands there, slashes and dots included
  tar_type type = tar_type::file;
  char flag = '0';        ///< the type as the header spells it
  std::uint32_t mode = 0; ///< the lowest 12 bits
  std::int64_t mtime_ns = 0;
  std::uint64_t size = 0;   ///< of the content, holes included
  std::uint64_t stored = 0; ///< content bytes in the tar
  std::string target;       ///< of both kinds of link
  std::uint64_t header = 0; ///< where its first header begins in the tar
  std::uint64_t offset = 0; ///< where its content begins in the tar
  bool is_sparse = false;
};

/// Content at its place in the file; between pieces lie holes.
struct tar_piece {
  std::uint64_t at = 0;
  byte_view data; ///< empty: no more; valid until the next call
};

/// Belongs to one thread. Faults: those of the source; backup_damaged, naming
/// the entry and the offset in the tar, for a wrong header checksum, numbers
/// that are none, a tar that ends inside an entry or without its two blocks of
/// zeros; archive_refused for extended headers over 1 MiB and sparse maps over
/// 1,000,000 pieces.
class tar_reader {
public:
  /// `from` must outlive the reader.
  explicit tar_reader(byte_source& from);
  ~tar_reader();
  tar_reader(const tar_reader&) = delete;
  tar_reader& operator=(const tar_reader&) = delete;

  /// Goes to the next entry, past the content of this one. False at the end,
  /// when all that follows has been read too: the source's own checks are done.
  jobs::result<bool> next(tar_entry& into);

  /// The next piece of the content of the entry next() gave.
  jobs::result<tar_piece> read();

  /// Bytes of the tar read so far.
  std::uint64_t position() const;

private:
  struct state;
  std::unique_ptr<state> state_;
};

} // namespace alula::backup
