#include "storage/outbox_changes.hpp"

#include "jobs/outbox.hpp"
#include "storage/outbox_sql.hpp"
#include "storage/outcome.hpp"

#include <string>
#include <string_view>
#include <utility>

namespace alula::storage {

namespace {

using outcome = jobs::record_delivery::outcome;

/// Subjects and paths hold nothing that JSON would have to escape.
std::string event_data(std::int64_t report, std::string_view subject,
                       std::string_view path) {
  return R"({"report":)" + std::to_string(report) + R"(,"subject":")"
         + std::string{subject} + R"(","path":")" + std::string{path} + R"("})";
}

/// The schema's word: a moot one has an error too (storage/outbox_sql.hpp).
std::string_view state_after(outcome is) {
  return is == outcome::dead ? "dead" : "delivered";
}

std::string_view event_of(outcome is) {
  switch (is) {
  case outcome::delivered:
    return "report.delivered";
  case outcome::moot:
    return "report.moot";
  default:
    return "report.dead";
  }
}

std::string_view reason_of(const jobs::record_delivery& what) {
  if (what.is == outcome::delivered)
    return {};
  if (!what.why.empty())
    return what.why;
  return what.is == outcome::moot ? "the Panel has no such thing" : "given up";
}

bool is_plain(std::string_view text) {
  for (const char c : text)
    if (static_cast<unsigned char>(c) < 0x21 || c == '"' || c == '\\'
        || c == 0x7f)
      return false;
  return !text.empty();
}

} // namespace

jobs::status outbox_changes::change(const jobs::tell_panel& what) {
  if (!tells_panel_)
    return {};
  if (!is_plain(what.subject) || !is_plain(what.path))
    return nonsense("a report has an odd subject or path");
  if (jobs::is_container_status(what.subject))
    if (auto dropped = drop_all(what.subject); !dropped)
      return dropped;
  auto made = on_.run(outbox_sql("insert_report"), what.subject,
                      or_null{job_.id.view()}, or_null{job_.server.view()},
                      what.method, what.path, what.body, now_);
  if (!made)
    return std::move(made).error();
  const auto row = on_.last_row();
  told_.push_back(
      {job_, {"report.queued", event_data(row, what.subject, what.path)}});
  // What was given up is told again by it.
  constexpr std::int64_t any = 0;
  return outcome_of(on_.run(outbox_sql("repeat_reports"), what.subject, row,
                            any, what.method, what.path, what.body));
}

jobs::status outbox_changes::change(const jobs::record_delivery& what) {
  if (what.is != outcome::again)
    return end(what);
  return outcome_of(on_.run(outbox_sql("delay_report"), what.report, now_,
                            what.next_at, or_null{what.http_status},
                            or_null{what.why}));
}

/// What of the subject is on record. The schema deletes nothing that has not
/// ended, and whoever follows events hears of the end.
jobs::status outbox_changes::drop_all(std::string_view subject) {
  const auto waiting = [&]() -> jobs::result<std::int64_t> {
    auto found = on_.ask(outbox_sql("waiting_report"), subject);
    const auto row = found.next() ? found.integer(0) : 0;
    if (auto asked = found.outcome(); !asked)
      return std::move(asked).error();
    return row;
  };
  for (;;) {
    const auto row = waiting();
    if (!row)
      return row.error();
    if (*row == 0)
      break;
    if (auto ended = end({.report = *row,
                          .is = outcome::moot,
                          .why = "a newer state has taken its place"});
        !ended)
      return ended;
  }
  return outcome_of(on_.run(outbox_sql("drop_ended_reports"), subject));
}

jobs::status outbox_changes::end(const jobs::record_delivery& what) {
  auto ended =
      on_.run(outbox_sql("end_report"), what.report, now_, state_after(what.is),
              or_null{what.http_status}, or_null{reason_of(what)});
  if (!ended || *ended == 0)
    return outcome_of(std::move(ended));
  auto found = on_.ask(outbox_sql("job_of_report"), what.report);
  if (!found.next())
    return found.outcome();
  const auto subject = found.text(0);
  const auto written_at = found.integer(2);
  news event{{},
             {std::string{event_of(what.is)},
              event_data(what.report, subject, found.text(1))}};
  event.job.row = found.integer(3);
  event.job.id = jobs::job_id::parse(found.text(4)).value_or(jobs::job_id{});
  event.job.server =
      jobs::server_id::parse(found.text(5)).value_or(jobs::server_id{});
  event.job.kind = found.text(6);
  event.job.version = found.integer(7);
  told_.push_back(std::move(event));
  // Of a moot one nothing is told: whatever else there is of the backup stays.
  constexpr std::string_view of_backup = "backup:";
  if (what.is != outcome::delivered || !subject.starts_with(of_backup))
    return {};
  return outcome_of(on_.run(outbox_sql("backup_is_told"),
                            std::string_view{subject}.substr(of_backup.size()),
                            now_, written_at));
}

} // namespace alula::storage
