/// Reads an archive once, front to back, and says whether it can be restored,
/// or whether it is what was written.
#pragma once

#include "backup/archive_reader.hpp"
#include "backup/tar_reader.hpp"
#include "jobs/archives.hpp"
#include "jobs/result.hpp"

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

namespace alula::backup {

struct verification_settings {
  /// Checksums that are wanted are taken besides those that are compared.
  reader_settings reader = {.wanted = sums::both};
  jobs::archive_expectation expected = {};
  jobs::extraction_limits limits = {};
  std::uint64_t read_limit = 0; ///< archive bytes per second; 0: none
  jobs::archive_tell tell = {};
  /// Called for every entry that an extraction would write, with its path made
  /// plain: how an archive without a manifest gets one. Its fault ends the
  /// verification.
  std::function<jobs::status(const tar_entry&)> visit = {};
  /// Called at the end with what archive_reader::found_members says, for that
  /// manifest too. Not called when something is wrong.
  std::function<void(std::vector<member_position>)> members = {};
};

/// Checks size and checksum against what is expected, every member's CRC, every
/// tar header, the end of the archive, and does all the checks of an extraction
/// that need no disk. `facts.files` counts files and links. Which checksums are
/// taken and compared stands at archive_expectation.
///
/// Blocks. Faults: backup_damaged with what is wrong and where, archive_refused
/// as extract_archive, io_error, interrupted.
jobs::result<jobs::archive_verified>
verify_archive(int archive, const verification_settings& settings,
               const std::stop_token& stop);

struct sum_settings {
  std::int64_t size = 0; ///< that it must have; 0: any
  std::string sha256;
  std::uint64_t read_limit = 0; ///< bytes per second; 0: none
  /// As reader_settings has it.
  bool drop_behind = true;
  jobs::archive_tell tell = {};
};

/// Checks size and SHA-256, and nothing else: for who knows what the bytes are
/// if they have not changed. Hashes on one thread, with the instructions that
/// the processor has for it (OpenSSL chooses), while the kernel reads ahead.
///
/// Blocks. Faults: backup_damaged, io_error, interrupted (looked at for every
/// MiB).
jobs::status verify_sum(int archive, const sum_settings& settings,
                        const std::stop_token& stop);

} // namespace alula::backup
