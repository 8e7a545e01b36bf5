// Asks the Panel whether it still has the backups that only its store has: it
// deletes them there itself and tells no node.
//
// The question is that for an upload, of backups only whose success the Panel
// has taken: to such a one it is a no without an effect, and one that it does
// not know is another no (wings-protocol 3.8). So many in a round, those first
// that were not asked for for longest, and what it missed sooner.
//
// What it has said is on record. What it has said of a backup twice, a day
// apart, is believed and told by the job's result; the chore that submits this
// job deletes the record then, by a job of its own. A Panel that misses most of
// what it is asked for may have lost them, as with a database of before: it is
// logged, and believed when it says so for a week.
#include "jobs/backup.hpp"
#include "jobs/catalog.hpp"
#include "jobs/engine.hpp"
#include "jobs/kinds/fields.hpp"
#include "jobs/kinds/steps.hpp"
#include "jobs/log.hpp"
#include "jobs/ports.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace alula::jobs {

namespace {

using fields::json;
using word = note_panel_word::word;

constexpr std::size_t page_size = 1'000;
constexpr std::size_t questions_in_a_round = 100;
/// A Panel that answers none of so many in a row is asked for no more.
constexpr int vain_in_a_row = 3;
/// So many missed ones are no sign of anything.
constexpr std::int64_t few = 3;
constexpr time_ms a_day = 86'400'000;
constexpr time_ms a_week = 7 * a_day;

result<job_draft> read(const submission&) {
  return job_draft{.dedup_key = "backup.ask_panel"};
}

const backup_place& panels(const backup_record& b) {
  return *b.find_place(panel_place);
}

/// A missed one as if it had been asked for a week earlier.
time_ms turn_of(const backup_record& b) {
  return panels(b).asked_at - (panels(b).missed_at == 0 ? 0 : a_week);
}

result<std::vector<backup_record>> next_questions(backup_records& records) {
  std::vector<backup_record> all;
  for (std::int64_t before = 0;;) {
    auto page =
        records.list_backups({.state = backup_state::ready}, before, page_size);
    if (!page)
      return std::move(page).error();
    std::ranges::copy_if(std::make_move_iterator(page->items.begin()),
                         std::make_move_iterator(page->items.end()),
                         std::back_inserter(all), is_left_to_panel);
    before = page->next_before;
    if (before == 0)
      break;
  }
  std::ranges::stable_sort(all, {}, turn_of);
  all.resize(std::min(all.size(), questions_in_a_round));
  return all;
}

step_outcome ask(step_context& ctx) {
  if (!ctx.node.panel.is_configured())
    return step_done{};
  const auto questions = next_questions(ctx.node.records);
  if (!questions)
    return questions.error();
  step_done done;
  std::vector<const backup_record*> missed;
  std::int64_t answered = 0;
  int vain = 0;
  std::string why;
  for (const auto& b : *questions) {
    const auto has = ctx.node.panel.knows_backup(b.uuid, ctx.stop);
    if (!has && has.error().code == fault_code::interrupted)
      return has.error();
    if (has && !*has)
      missed.push_back(&b);
    // What it does not answer goes behind the others too: one of a server that
    // another node has by now is never answered.
    done.changes.emplace_back(note_panel_word{b.uuid, !has   ? word::neither
                                                      : *has ? word::has
                                                             : word::has_not});
    answered += has ? 1 : 0;
    ctx.report({.done = answered,
                .total = static_cast<std::int64_t>(questions->size()),
                .unit = "backups"});
    vain = has ? 0 : vain + 1;
    if (vain < vain_in_a_row)
      continue;
    why = has.error().what;
    break;
  }
  const auto misses = static_cast<std::int64_t>(missed.size());
  const bool is_suspect = misses > few && misses * 2 > answered;
  if (is_suspect)
    log(log_level::warning, "panel-misses-backups",
        {{"asked", std::to_string(answered)},
         {"missed", std::to_string(misses)}});
  auto gone = json::array();
  for (const auto* b : missed) {
    const auto since = panels(*b).missed_at;
    if (since != 0 && since <= ctx.now - (is_suspect ? a_week : a_day))
      gone.push_back(b->uuid.view());
  }
  json told{{"asked", answered},
            {"missed", misses},
            {"doubtful", is_suspect},
            {"gone", gone}};
  if (!why.empty())
    told["stopped_because"] = why;
  done.job_result = fields::as_text(told);
  return done;
}

} // namespace

const kind ask_panel_for_backups{
    .name = "backup.ask_panel",
    .priority = 3,
    .max_attempts = 3,
    .read = read,
    .steps = {pivot("ask", ask, nullptr, "transfer")}};

} // namespace alula::jobs
