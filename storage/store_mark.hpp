/// Ties a ledger to the directories whose files it knows, so that a disk that
/// is not mounted is not taken for servers without files, or without backups.
///
/// The ledger has an id of its own, and each directory a file `.alula-store`
/// with that id. A directory without it, or with another's, is refused as soon
/// as the ledger has an id; before that, at the very first start, whatever is
/// there is taken over and marked.
///
/// The backup directory may come later: of stock Wings, or of a release that
/// did not mark it. It is taken over once, and a file beside the ledger says
/// that it was; from then on it is as the others.
#pragma once

#include "jobs/result.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace alula::storage {

class store_mark {
public:
  static constexpr std::string_view file_name = ".alula-store";
  /// Beside the ledger: that the backup directory has its mark.
  static constexpr std::string_view backups_name = ".alula-backups";

  /// Reads the ledger's id and holds the directories against it; makes nothing.
  /// The caller holds the data lock, and nobody has the ledger open.
  /// A ledger without an id gets that of the marked directories, or a new one.
  /// Faults: io_error; volume_obstructed with a sentence that names the
  /// directory and says what to do; journal_unavailable.
  static jobs::result<store_mark>
  look(const std::filesystem::path& ledger_file,
       std::vector<std::filesystem::path> directories,
       std::filesystem::path backups);

  /// Marks the directories of a ledger that had no id, and the backup directory
  /// when it is taken over, durably. The ledger
  /// must write the id (ledger_settings::store_id) only after that: a crash in
  /// between finds marked directories and no id, and starts over with theirs.
  jobs::status write() const;

  const std::string& id() const { return id_; }

private:
  store_mark() = default;

  std::string id_;
  std::filesystem::path ledger_at_;
  std::vector<std::filesystem::path> unmarked_;
  bool tells_of_backups_ = false; ///< already
};

} // namespace alula::storage
