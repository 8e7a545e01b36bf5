/// A world whose ledger is used: jobs are accepted by the store, every outcome
/// is decided and saved with its changes, and a test may run each step twice,
/// as a crash between effect and commit does.
#pragma once

#include "jobs/next_action.hpp"
#include "jobs/retry.hpp"
#include "tests/jobs/kinds/world.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <utility>

namespace alula::jobs {

struct backup_world : world {
  static constexpr std::int64_t running_boot = 1;

  backup_world() {
    store->boot = running_boot;
    put_server(server);
    disk.put(id, {.files = 3, .bytes = 300});
    backups.volume = {{"server.properties", "motd=hi"}, {"world/a", "aaaa"}};
  }

  void put_server(const server_record& record) {
    store->servers[record.row].record = record;
    store->live_server[record.uuid] = record.row;
    store->last_server = std::max(store->last_server, record.row);
  }

  static backup_id backup(int number) {
    auto digits = std::to_string(number);
    digits.insert(0, 12 - digits.size(), '0');
    return *backup_id::parse("0b5d3b1e-1111-4c3c-9d4f-" + digits);
  }

  /// A ready backup of the server, on the disk and on record.
  archive_facts put_backup(int number, time_ms completed_at = 0,
                           fake_archives::tree files = {
                               {"world/a", "old aaaa"}}) {
    auto facts = backups.put(backup(number), id, std::move(files));
    doubles::fake_backup_rows::backup_row row;
    row.record = {.row = ++store->last_backup,
                  .uuid = backup(number),
                  .server = id,
                  .state = backup_state::ready,
                  .facts = facts,
                  .has_manifest = true,
                  .created_at = completed_at,
                  .completed_at = completed_at};
    store->backups[backup(number)] = row;
    return facts;
  }

  std::optional<backup_record> record(int number) {
    return records.find_backup(backup(number)).value();
  }
  server_state state_of_server() const {
    return store->servers.at(server.row).record.state;
  }

  // -- the ledger -------------------------------------------------------------

  result<job_record> ask(const kind& k, std::string body = {},
                         bool about_server = true) {
    auto draft =
        k.read({.kind = k.name,
                .server = about_server ? id : server_id{},
                .target = about_server ? std::make_shared<server_record>(server)
                                       : nullptr,
                .body = std::move(body)});
    if (!draft)
      return std::move(draft).error();
    acceptance what{.job = plan(k, *draft, now),
                    .changes = draft->changes,
                    .key = {},
                    .locks = draft->locks};
    if (about_server) {
      what.job.server = id;
      what.job.server_row = server.row;
    }
    auto taken = store->accept(what, now);
    if (!taken)
      return std::move(taken).error();
    return taken->job;
  }
  job_record must_ask(const kind& k, std::string body = {},
                      bool about_server = true) {
    auto job = ask(k, std::move(body), about_server);
    if (!job)
      FAIL(k.name << " was refused: " << job.error().what);
    return *std::move(job);
  }

  result<job_record> commit(const job_record& before, const happening& what,
                            std::vector<change> changes = {}) {
    auto decided = decide(before, what, now, {});
    if (!decided)
      return std::move(decided).error();
    if (decided->after.version == before.version)
      return before;
    if (const auto* k = standard_catalog().find(before.kind))
      for (auto& last : changes_at_end(*k, decided->after))
        changes.push_back(std::move(last));
    return store->save({.after = decided->after,
                        .events = decided->events,
                        .changes = std::move(changes),
                        .locks = {}},
                       now);
  }
  job_record must_commit(const job_record& before, const happening& what,
                         std::vector<change> changes = {}) {
    auto saved = commit(before, what, std::move(changes));
    if (!saved)
      FAIL("not saved: " << saved.error().what);
    return *std::move(saved);
  }

  // -- the loop ---------------------------------------------------------------

  bool twice = false; ///< every step and undo, before it is committed
  /// Called before a step, or "undo <step>", is run.
  std::function<void(const std::string&)> before_step;

  /// Until the step of that name is next, the job has ended, or is parked.
  job_record go_on(const kind& k, job_record job, std::string_view until = {}) {
    for (int rounds = 0; rounds < 1'000; ++rounds) {
      const auto next = next_action(job, now);
      if (std::holds_alternative<nothing>(next))
        return job;
      if (const auto* wait = std::get_if<wait_until>(&next)) {
        now = wait->at;
        continue;
      }
      if (const auto* run = std::get_if<run_step>(&next)) {
        if (k.steps[run->index].name == until)
          return job;
        job = forward(k, job, run->index);
      } else {
        job = backward(k, job, std::get<undo_step>(next).index);
      }
    }
    FAIL(k.name << " does not come to an end");
    return job;
  }
  job_record run_to_end(const kind& k, std::string body = {},
                        bool about_server = true) {
    return go_on(k, must_ask(k, std::move(body), about_server));
  }
  job_record cancel(const kind& k, const job_record& job) {
    return go_on(k, must_commit(job, happened::cancel_requested{running_boot}));
  }

  std::vector<std::string> order; ///< "archive", "undo archive", as they ran

private:
  step_outcome act(const kind& k, const job_record& job, std::size_t index,
                   bool backwards) {
    const auto& s = k.steps[index];
    const auto name = (backwards ? "undo " : "") + std::string{s.name};
    order.push_back(name);
    step_outcome outcome = step_done{};
    const auto function = backwards ? s.undo : s.run;
    for (int i = 0; function && i < (twice ? 2 : 1); ++i) {
      if (before_step)
        before_step(name);
      step_context ctx{job, node, stop.get_token(), now,
                       [this](progress p) { note(std::move(p)); }};
      outcome = function(ctx);
    }
    if (const auto at = disk.staging.find(job.id.to_string());
        name == "extract" && at != disk.staging.end())
      at->second.files = static_cast<std::int64_t>(backups.extracted.size());
    return outcome;
  }

  job_record forward(const kind& k, const job_record& before,
                     std::size_t index) {
    const auto job =
        must_commit(before, happened::step_started{running_boot, {}});
    auto outcome = act(k, job, index, false);
    if (const auto* w = std::get_if<step_waits>(&outcome))
      return must_commit(job, happened::step_waits{w->reason, w->message,
                                                   now + w->delay.count()});
    fault why;
    if (const auto* on = std::get_if<step_goes_on>(&outcome)) {
      auto saved = commit(
          job, happened::step_went_on{on->output, on->job_result}, on->changes);
      if (saved)
        return *std::move(saved);
      why = saved.error();
    } else if (const auto* d = std::get_if<step_done>(&outcome)) {
      auto saved = commit(job, happened::step_done{d->output, d->job_result},
                          d->changes);
      if (saved)
        return *std::move(saved);
      why = saved.error();
    } else {
      why = std::get<fault>(outcome);
    }
    return must_commit(job,
                       happened::step_failed{why, draw_retry(why, 0, {}, 0.5)});
  }

  job_record backward(const kind& k, const job_record& before,
                      std::size_t index) {
    const auto job =
        must_commit(before, happened::step_started{running_boot, {}});
    auto outcome = act(k, job, index, true);
    if (const auto* d = std::get_if<step_done>(&outcome))
      return must_commit(job, happened::undo_done{}, d->changes);
    const auto why = std::get<fault>(outcome);
    return must_commit(job,
                       happened::undo_failed{why, draw_retry(why, 0, {}, 0.5)});
  }
};

inline fault broken_disk() {
  return {.code = fault_code::io_error, .what = "EIO"};
}

/// How often a journal has a line that begins so.
inline std::size_t lines(const std::vector<std::string>& journal,
                         const std::string& begin) {
  return static_cast<std::size_t>(
      std::ranges::count_if(journal, [&](const std::string& line) {
        return line.starts_with(begin);
      }));
}

} // namespace alula::jobs
