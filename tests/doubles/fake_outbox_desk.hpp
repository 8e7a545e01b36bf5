/// An outbox that has what a test puts in; callbacks come before the call
/// returns.
#pragma once

#include "jobs/outbox.hpp"

#include <optional>
#include <utility>
#include <vector>

namespace alula::doubles {

class fake_outbox_desk final : public jobs::outbox_desk {
public:
  std::vector<jobs::report> reports; ///< the oldest first
  jobs::outbox_figures counted;
  std::optional<jobs::fault> refuse;

  struct asked {
    jobs::report_group which;
    std::int64_t after;
    std::size_t limit;
  };
  std::vector<asked> lists;

  void
  list(jobs::report_group which, std::int64_t after, std::size_t limit,
       std::function<void(jobs::result<jobs::report_page>)> done) override {
    lists.push_back({which, after, limit});
    if (refuse)
      return done(*refuse);
    jobs::report_page page;
    for (const auto& r : reports) {
      if (r.row <= after)
        continue;
      if (page.items.size() == limit) {
        page.next_after = page.items.back().row;
        break;
      }
      page.items.push_back(r);
    }
    done(std::move(page));
  }
  jobs::outbox_figures figures() const override { return counted; }
};

} // namespace alula::doubles
