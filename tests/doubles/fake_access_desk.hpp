/// A desk for tokens and the audit in memory that answers at once.
#pragma once

#include "jobs/access_desk.hpp"

#include <algorithm>
#include <utility>

namespace alula::doubles {

class fake_access_desk final : public jobs::access_desk {
public:
  jobs::token_list tokens() const override { return list_; }
  void list(std::function<void(jobs::result<std::vector<jobs::token_record>>)>
                done) override {
    done(*list_);
  }
  void keep(jobs::token_record what,
            std::function<void(jobs::status)> done) override {
    auto fresh = *list_;
    fresh.push_back(std::move(what));
    replace(std::move(fresh));
    done({});
  }
  void
  revoke(std::string id,
         std::function<void(jobs::result<jobs::token_record>)> done) override {
    auto fresh = *list_;
    const auto known = std::ranges::find(fresh, id, &jobs::token_record::id);
    if (known == fresh.end())
      return done(jobs::fault{.code = jobs::fault_code::token_not_found,
                              .what = "there is no token " + id + " here"});
    known->revoked_at = 1;
    const auto revoked = *known;
    replace(std::move(fresh));
    done(revoked);
  }
  void note_use(std::string id, jobs::time_ms at) override {
    uses.emplace_back(std::move(id), at);
  }
  void record(jobs::audit_record what) override {
    audit.push_back(std::move(what));
  }
  void list_audit(
      jobs::audit_filter asked, std::int64_t, std::size_t,
      std::function<void(jobs::result<jobs::audit_page>)> done) override {
    audit_asked = std::move(asked);
    done(jobs::audit_page{{audit.rbegin(), audit.rend()}, 0});
  }

  std::vector<std::pair<std::string, jobs::time_ms>> uses;
  std::vector<jobs::audit_record> audit; ///< told whole, whatever is asked
  jobs::audit_filter audit_asked;        ///< the last

private:
  void replace(std::vector<jobs::token_record> fresh) {
    list_ = std::make_shared<const std::vector<jobs::token_record>>(
        std::move(fresh));
  }
  jobs::token_list list_ =
      std::make_shared<const std::vector<jobs::token_record>>();
};

} // namespace alula::doubles
