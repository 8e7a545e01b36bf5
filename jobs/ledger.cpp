#include "jobs/ledger.hpp"

namespace alula::jobs {

namespace {

bool kind_matches(std::string_view pattern, std::string_view kind) {
  if (pattern.ends_with(".*"))
    return kind.starts_with(pattern.substr(0, pattern.size() - 1));
  return pattern == kind;
}

} // namespace

bool event_filter::matches(const event& e) const {
  return (job.empty() || job == e.job) && (server.empty() || server == e.server)
         && (kind.empty() || kind_matches(kind, e.kind));
}

} // namespace alula::jobs
