/// Archives that mean harm, or look like it. Made here, so that everybody sees
/// what is in them; the fuzzer begins with them too.
#pragma once

#include "backup/member_pipeline.hpp"
#include "jobs/archives.hpp"
#include "jobs/result.hpp"

#include <optional>
#include <string>
#include <vector>

namespace alula::backup {

struct hostile_archive {
  std::string name;
  std::string bytes; ///< of the .tar.gz
  /// What an extraction answers; nothing: it succeeds.
  std::optional<jobs::fault_code> fault;
  std::string says = {}; ///< part of the fault's sentence or of a note
  /// Paths that are there afterwards, and nothing besides; looked at after
  /// successes.
  std::vector<std::string> leaves = {};
  /// A tree is needed to find it: a verification lets it pass.
  bool is_found_late = false;
  std::vector<member_position> members = {};
  jobs::extraction_limits limits = {};
};

const std::vector<hostile_archive>& hostile_archives();

/// The tar in an archive, as far as it decodes, at most 64 KiB of it, behind a
/// byte that chooses the piece size: an input of the tar reader's fuzzer.
std::string fuzz_input_of(const hostile_archive& it);

} // namespace alula::backup
