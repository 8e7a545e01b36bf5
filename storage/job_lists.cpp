#include "storage/job_lists.hpp"

#include "storage/query_sql.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <string_view>
#include <utility>

namespace alula::storage {

namespace {

using jobs::job_state;
using jobs::status;

/// ",running,parked,"; empty for any.
std::string list_of(const std::vector<job_state>& states) {
  std::string list;
  for (const auto state : states)
    list += (list.empty() ? "," : "") + std::string{to_string(state)} + ",";
  return list;
}

std::string list_of(const std::vector<jobs::job_id>& ids) {
  std::string list;
  for (const auto& id : ids)
    list += (list.empty() ? "[\"" : ",\"") + id.to_string() + "\"";
  return list + "]";
}

/// The states a job of this filter may be in.
struct wanted_states {
  explicit wanted_states(const jobs::job_filter& filter) {
    for (int i = 0; i <= static_cast<int>(job_state::cancelled); ++i) {
      const auto state = static_cast<job_state>(i);
      const bool ended = jobs::is_terminal(state);
      const bool asked =
          filter.states.empty()
          || std::ranges::find(filter.states, state) != filter.states.end();
      if (!asked || filter.done.value_or(ended) != ended)
        continue;
      (!ended                          ? live
       : state == job_state::succeeded ? succeeded
                                       : troubled) = true;
      moving = moving || (!ended && state != job_state::parked);
    }
  }
  bool live = false, moving = false; ///< moving: and not parked
  bool troubled = false;             ///< failed, cancelled
  bool succeeded = false;
};

/// Behind it sorts nothing that begins like what is before it.
constexpr char after_every_digit = '~';

/// One reading: what narrows it beside the statement.
struct question {
  const jobs::job_filter& filter;
  std::int64_t below;
  std::int64_t from; ///< the first row that may match
  std::size_t limit;
};

/// Appends at most `limit` rows, newest first.
status read_rows(database& db, const named_sql& sql, const question& asked,
                 const kind_pattern& kind,
                 std::vector<jobs::job_record>& items) {
  const auto& filter = asked.filter;
  const std::string states = list_of(filter.states);
  // Zero is a value here, so "any" is told apart by an empty text.
  const std::string done =
      filter.done ? std::string{*filter.done ? "1" : "0"} : std::string{};
  const auto ask = [&](const auto&... more) {
    return db.ask(sql, asked.below, static_cast<std::int64_t>(asked.limit),
                  or_null{filter.server.view()}, or_null{kind.exact},
                  or_null{kind.first}, or_null{kind.end}, or_null{states},
                  or_null{done}, or_null{filter.created_after}, asked.from,
                  more...);
  };
  auto answer = !filter.ids.empty() ? ask(list_of(filter.ids))
                : !filter.begins.empty()
                    ? ask(filter.begins, filter.begins + after_every_digit)
                    : ask();
  while (answer.next())
    items.push_back(read_job(answer));
  return answer.outcome();
}

/// A prefix stands for the few kinds that have it: each is read by its index.
status read_kinds(database& db, const question& asked,
                  const kind_pattern& prefix,
                  std::vector<jobs::job_record>& items) {
  for (std::string last = prefix.first;;) {
    auto answer = db.ask(query_sql("next_kind"), last);
    last = answer.next() ? answer.text(0) : "";
    if (auto ended = answer.outcome(); !ended)
      return ended;
    if (last.empty() || last >= prefix.end)
      return {};
    auto got = read_rows(db, query_sql("jobs_by_kind"), asked,
                         kind_pattern{last}, items);
    if (!got)
      return got;
  }
}

/// Newest first, each once.
void merge(std::vector<jobs::job_record>& items, std::size_t limit) {
  std::ranges::sort(items, std::greater{}, &jobs::job_record::row);
  const auto same = [](const auto& a, const auto& b) { return a.row == b.row; };
  items.erase(std::unique(items.begin(), items.end(), same), items.end());
  items.resize(std::min(items.size(), limit));
}

} // namespace

kind_pattern::kind_pattern(const std::string& kind) {
  if (!kind.ends_with(".*")) {
    exact = kind;
    return;
  }
  first = kind.substr(0, kind.size() - 1);
  end = first;
  ++end.back(); // '.' becomes '/', the next character
}

std::vector<const named_sql*> sources_of(const jobs::job_filter& filter) {
  const wanted_states wants{filter};
  if (!wants.live && !wants.troubled && !wants.succeeded)
    return {};
  if (!filter.ids.empty())
    return {&query_sql("jobs_by_id")};
  if (!filter.begins.empty())
    return {&query_sql("jobs_by_id_begin"), &query_sql("jobs_by_server_begin")};
  if (!wants.troubled && !wants.succeeded && wants.moving)
    return {&query_sql("live_jobs")};
  if (!filter.server.empty())
    return {&query_sql("jobs_by_server")};
  if (!wants.succeeded && wants.moving)
    return {&query_sql("live_jobs"), &query_sql("troubled_jobs")};
  if (!wants.succeeded)
    return {&query_sql("troubled_jobs")}; // the parked ones, too
  if (!filter.kind.empty())
    return {&query_sql("jobs_by_kind")};
  return {&query_sql("jobs")};
}

status read_jobs(database& db, const jobs::job_filter& filter,
                 std::int64_t below, std::size_t limit,
                 std::vector<jobs::job_record>& items) {
  question asked{filter, below, 0, limit};
  if (filter.created_after != 0) {
    auto oldest = db.ask(query_sql("oldest_job_after"), filter.created_after);
    const bool is_any = oldest.next() && !oldest.is_null(0);
    asked.from = is_any ? oldest.integer(0) : 0;
    if (auto ended = oldest.outcome(); !ended || !is_any)
      return ended;
  }
  const kind_pattern kind{filter.kind};
  const auto sources = sources_of(filter);
  for (const auto* sql : sources) {
    const bool by_prefix =
        sql == &query_sql("jobs_by_kind") && !kind.first.empty();
    auto got = by_prefix ? read_kinds(db, asked, kind, items)
                         : read_rows(db, *sql, asked, kind, items);
    if (!got)
      return got;
  }
  merge(items, limit);
  return {};
}

} // namespace alula::storage
