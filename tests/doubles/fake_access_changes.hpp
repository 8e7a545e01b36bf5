/// The part of the fake ledger that knows of tokens and the audit.
#pragma once

#include "jobs/changes.hpp"
#include "jobs/job.hpp"

#include <algorithm>
#include <map>
#include <string>

namespace alula::doubles {

struct fake_access_rows {
  std::map<std::string, jobs::token_record> tokens;
  std::map<std::int64_t, jobs::audit_record> audit;
};

template<class Store>
class fake_access_changes {
public:
  using check = jobs::result<void>;

  check apply(const jobs::job_record&, const jobs::keep_token& c,
              jobs::time_ms) {
    const bool is_taken =
        std::ranges::any_of(s().tokens, [&](const auto& known) {
          return known.first == c.what.id || known.second.hash == c.what.hash;
        });
    if (is_taken)
      return jobs::fault{.code = jobs::fault_code::internal,
                         .what = "the id or the hash is taken"};
    s().put(s().tokens, c.what.id, c.what);
    return {};
  }
  check apply(const jobs::job_record&, const jobs::revoke_token& c,
              jobs::time_ms) {
    const auto known = s().tokens.find(c.id);
    if (known == s().tokens.end() || known->second.revoked_at != 0)
      return {};
    auto revoked = known->second;
    revoked.revoked_at = c.at;
    s().put(s().tokens, c.id, revoked);
    return {};
  }
  check apply(const jobs::job_record&, const jobs::note_token_use& c,
              jobs::time_ms) {
    const auto known = s().tokens.find(c.id);
    if (known == s().tokens.end() || known->second.used_at >= c.at)
      return {};
    auto used = known->second;
    used.used_at = c.at;
    s().put(s().tokens, c.id, used);
    return {};
  }
  check apply(const jobs::job_record&, const jobs::keep_audit& c,
              jobs::time_ms) {
    auto kept = c.what;
    kept.row = s().audit.empty() ? 1 : s().audit.rbegin()->first + 1;
    kept.path = kept.path.substr(0, 1'000);
    s().put(s().audit, kept.row, kept);
    return {};
  }

private:
  Store& s() { return static_cast<Store&>(*this); }
};

} // namespace alula::doubles
