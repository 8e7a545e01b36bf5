// The part of the courier that answers the front door.
#include "actors/panel_courier.hpp"
#include "jobs/log.hpp"

#include <string>
#include <utility>

namespace alula::actors {

// -- jobs::outbox_desk --------------------------------------------------------

void panel_courier::list(
    jobs::report_group which, std::int64_t after, std::size_t limit,
    std::function<void(jobs::result<jobs::report_page>)> done) {
  const bool queued = looker_.run([this, which, after, limit, done] {
    done(queries_.list_reports(which, after, limit));
  });
  if (!queued)
    done(jobs::fault{.code = jobs::fault_code::rate_limited,
                     .what = "too much waits to be read; ask again later"});
}

// -- jobs::report_repeats -----------------------------------------------------

void panel_courier::repeat(std::int64_t row, repeated done) {
  const bool queued = looker_.run([this, row, done] { tell_again(row, done); },
                                  jobs::log_context{});
  if (!queued)
    done(jobs::fault{.code = jobs::fault_code::rate_limited,
                     .what = "too much waits to be read; ask again later"});
}

void panel_courier::tell_again(std::int64_t row, const repeated& done) {
  const auto read = [&](jobs::report_group which) {
    return queries_.list_reports(which, row - 1, 1);
  };
  const auto has_it = [row](const jobs::report_page& page) {
    return !page.items.empty() && page.items.front().row == row;
  };
  const auto dead = read(jobs::report_group::dead);
  if (!dead)
    return done(dead.error());
  if (!has_it(*dead)) {
    const auto any = read(jobs::report_group::all);
    if (!any)
      return done(any.error());
    if (!has_it(*any))
      return done(
          jobs::fault{.code = jobs::fault_code::route_not_found,
                      .what = "there is no report " + std::to_string(row)});
    return done(jobs::fault{.code = jobs::fault_code::not_parked,
                            .what = "report " + std::to_string(row)
                                    + " is not dead, or is told again"});
  }
  const auto& what = dead->items.front();
  const jobs::log_scope whose{"job", what.job.view()};
  jobs::log(jobs::log_level::info, "report-repeated",
            {{"report", what.row}, {"path", what.path}});
  ledger_.amend(
      {jobs::tell_panel{what.subject, what.method, what.path, what.body}},
      [link = link_, what, done](const jobs::status& kept) {
        if (!kept)
          return done(kept.error());
        const std::scoped_lock lock{link->mutex};
        const bool queued =
            link->to && link->to->looker_.run([to = link->to, what, done] {
              to->find_repetition(what, done);
            });
        if (!queued)
          done(what); // it is told again, and nobody can say by which
      });
}

/// The newest that says the same.
void panel_courier::find_repetition(const jobs::report& of,
                                    const repeated& done) {
  constexpr std::size_t page_size = 200;
  auto newest = of;
  for (auto after = of.row;;) {
    const auto page =
        queries_.list_reports(jobs::report_group::all, after, page_size);
    if (!page)
      return done(page.error());
    for (const auto& r : page->items)
      if (r.subject == of.subject && r.path == of.path && r.body == of.body)
        newest = r;
    if (page->next_after == 0)
      return done(std::move(newest));
    after = page->next_after;
  }
}

jobs::outbox_figures panel_courier::figures() const {
  const std::scoped_lock lock{mutex_};
  return figures_;
}

} // namespace alula::actors
