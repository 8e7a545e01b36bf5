/// What the jobs that pack or unpack the files of a server count and tell. For
/// the sources of kinds only.
#pragma once

#include "jobs/kind.hpp"
#include "jobs/kinds/fields.hpp"
#include "jobs/ports.hpp"

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace alula::jobs {

/// One walk over what `order` would take of the volume. Faults as
/// volumes::open and archives::measure.
inline result<tree_size> count_files(step_context& ctx,
                                     const archive_order& order) {
  auto volume = ctx.node.volumes.open(ctx.job.server);
  if (!volume)
    return std::move(volume).error();
  return ctx.node.archives.measure(
      *volume, order, ctx.stop, [&](const archive_progress_made& now) {
        ctx.report({.done = now.files,
                    .unit = "files",
                    .message = "counting the files"});
      });
}

/// The egg's patterns of files that stay out (wings-protocol 7.4).
inline std::vector<std::string> denied_files(const std::string& config) {
  std::vector<std::string> patterns;
  const auto list = fields::at(config, {"settings", "egg", "file_denylist"});
  if (list.is_array())
    for (const auto& pattern : list)
      if (pattern.is_string())
        patterns.push_back(pattern.get<std::string>());
  return patterns;
}

/// What a job tells of notes at most, as text: it is held with the job, twice,
/// as long as the ledger keeps it. The manifest has more of them.
inline constexpr std::size_t most_told_of_notes = std::size_t{32} * 1024;

/// What could not be taken as it is, for the result of the job: the first of
/// them. How many there are stands beside them, as `noted`.
inline fields::json told_notes(const std::vector<file_note>& notes) {
  auto list = fields::json::array();
  std::size_t told = 0;
  for (const auto& note : notes) {
    fields::json next{{"path", note.path}, {"what", note.what}};
    told += fields::as_text(next).size();
    if (told > most_told_of_notes)
      break;
    list.push_back(std::move(next));
  }
  return list;
}

inline std::string as_text(const extraction_made& made) {
  return fields::as_text(fields::json{{"files", made.files},
                                      {"bytes", made.bytes},
                                      {"noted", made.noted},
                                      {"notes", told_notes(made.notes)}});
}

} // namespace alula::jobs
