/// Which patterns keep files out of an ordered archive.
#pragma once

#include "backup/ignore_rules.hpp"
#include "backup/manifest.hpp"
#include "jobs/archives.hpp"
#include "jobs/result.hpp"

#include <vector>

namespace alula::backup {

struct order_rules {
  ignore_rules rules;
  ignore_source source = ignore_source::none;
  std::vector<jobs::file_note> notes; ///< what keeps nothing out, and why
};

/// The request's own patterns; without any, the volume's .pteroignore, unless
/// it is missing, a link, no file, or longer than 32 KiB (wings-protocol 7.4);
/// one that cannot be read is noted. The egg's denied files come last, so that
/// no pattern brings one back. Fault io_error: the node is short of descriptors
/// or memory.
jobs::result<order_rules> rules_for(int volume,
                                    const jobs::archive_order& order);

} // namespace alula::backup
