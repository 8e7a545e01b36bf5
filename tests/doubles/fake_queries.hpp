/// What a fake_ledger has written, read from the same store.
#pragma once

#include "jobs/ledger.hpp"
#include "tests/doubles/fake_store.hpp"

#include <algorithm>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace alula::doubles {

class fake_queries : public jobs::queries {
public:
  ~fake_queries() override; ///< in fakes.cpp, as is all that is virtual
  explicit fake_queries(std::shared_ptr<fake_store> store)
    : store_(std::move(store)) {}

  jobs::result<std::optional<jobs::job_record>>
  find_job(const jobs::job_id& id) override {
    const std::scoped_lock lock{store_->mutex};
    const auto row = store_->row_of.find(id);
    if (row == store_->row_of.end())
      return std::optional<jobs::job_record>{};
    return std::optional{store_->jobs.at(row->second)};
  }

  jobs::result<std::optional<jobs::server_record>>
  find_server(const jobs::server_id& id) override {
    const std::scoped_lock lock{store_->mutex};
    const auto at = store_->live_server.find(id);
    if (at == store_->live_server.end())
      return std::optional<jobs::server_record>{};
    return std::optional{store_->servers.at(at->second).record};
  }

  jobs::result<jobs::job_page> list_jobs(const jobs::job_filter& filter,
                                         std::int64_t before,
                                         std::size_t limit) override {
    const std::scoped_lock lock{store_->mutex};
    jobs::job_page page;
    for (auto at = store_->jobs.rbegin(); at != store_->jobs.rend(); ++at) {
      if ((before != 0 && at->first >= before) || !fits(filter, at->second))
        continue;
      if (page.items.size() == limit) {
        page.next_before = page.items.back().row;
        break;
      }
      page.items.push_back(at->second);
    }
    return page;
  }

  jobs::result<jobs::event_page> events_after(std::int64_t seq,
                                              const jobs::event_filter& filter,
                                              std::size_t limit) override {
    const std::scoped_lock lock{store_->mutex};
    jobs::event_page page;
    if (!store_->events.empty())
      page.last_seq = store_->events.back().seq;
    for (const auto& e : store_->events)
      if (e.seq > seq && filter.matches(e) && page.items.size() < limit)
        page.items.push_back(e);
    return page;
  }

  jobs::result<std::vector<jobs::trash_entry>> list_trash() override {
    const std::scoped_lock lock{store_->mutex};
    std::vector<jobs::trash_entry> out;
    for (const auto& [id, row] : store_->trash)
      out.push_back(row.entry);
    return out;
  }

  jobs::result<std::optional<jobs::job_record>>
  find_by_key(const jobs::idempotency& key) override {
    const std::scoped_lock lock{store_->mutex};
    return store_->find_by_key(key);
  }

  jobs::result<std::optional<jobs::backup_record>>
  find_backup(const jobs::backup_id& uuid) override {
    const std::scoped_lock lock{store_->mutex};
    const auto found = store_->backups.find(uuid);
    if (found == store_->backups.end())
      return std::optional<jobs::backup_record>{};
    return std::optional{shown(found->second.record)};
  }

  jobs::result<jobs::backup_page>
  list_backups(const jobs::backup_filter& filter, std::int64_t before,
               std::size_t limit) override {
    const std::scoped_lock lock{store_->mutex};
    std::vector<jobs::backup_record> all;
    for (const auto& [uuid, row] : store_->backups) {
      auto b = shown(row.record);
      if ((filter.server.empty() || b.server == filter.server)
          && (!filter.orphaned || !b.server_lives)
          && (!filter.state || b.state == *filter.state)
          && (before == 0 || b.row < before))
        all.push_back(std::move(b));
    }
    std::ranges::sort(all, std::greater{}, &jobs::backup_record::row);
    jobs::backup_page page;
    page.items = std::move(all);
    if (page.items.size() > limit) {
      page.items.resize(limit);
      page.next_before = page.items.back().row;
    }
    return page;
  }

  jobs::result<std::optional<jobs::replaced_tree>>
  find_replaced(const jobs::job_id& replaced_by) override {
    const std::scoped_lock lock{store_->mutex};
    const auto found = store_->replaced.find(replaced_by);
    if (found == store_->replaced.end())
      return std::optional<jobs::replaced_tree>{};
    return std::optional{found->second.tree};
  }

  jobs::result<std::vector<jobs::replaced_tree>>
  list_due_replaced(jobs::time_ms now, std::size_t limit) override {
    const std::scoped_lock lock{store_->mutex};
    std::vector<jobs::replaced_tree> due;
    for (const auto& [id, row] : store_->replaced)
      if (row.tree.keep_until <= now && !row.tree.claimed)
        due.push_back(row.tree);
    std::ranges::sort(due, {}, &jobs::replaced_tree::keep_until);
    due.resize(std::min(due.size(), limit));
    return due;
  }

  jobs::result<std::vector<jobs::schedule_entry>> list_schedules() override {
    const std::scoped_lock lock{store_->mutex};
    std::vector<jobs::schedule_entry> all;
    for (const auto& [name, at] : store_->schedules)
      all.push_back({name, at});
    return all;
  }

  jobs::result<std::optional<jobs::transfer_record>>
  find_transfer(const jobs::job_id& job) override {
    const std::scoped_lock lock{store_->mutex};
    const auto found = store_->transfers.find(job);
    if (found == store_->transfers.end())
      return std::optional<jobs::transfer_record>{};
    return std::optional{found->second};
  }
  jobs::result<std::vector<jobs::remote_remains>>
  list_remains(std::size_t limit) override {
    const std::scoped_lock lock{store_->mutex};
    std::vector<jobs::remote_remains> all;
    for (const auto& [row, one] : store_->remains)
      if (all.size() < limit)
        all.push_back(one);
    return all;
  }
  jobs::result<std::optional<jobs::system_record>>
  find_system(std::string_view id) override {
    const std::scoped_lock lock{store_->mutex};
    return store_->find_system(id);
  }
  jobs::result<std::vector<jobs::listed_system>>
  list_systems(std::string_view after, std::size_t limit) override {
    const std::scoped_lock lock{store_->mutex};
    return store_->list_systems(after, limit);
  }
  jobs::result<std::optional<jobs::system_backup_record>>
  find_system_backup(std::string_view id) override {
    const std::scoped_lock lock{store_->mutex};
    return store_->find_system_backup(id);
  }
  jobs::result<std::vector<jobs::system_backup_record>>
  list_system_backups(std::string_view system) override {
    const std::scoped_lock lock{store_->mutex};
    return store_->list_system_backups(system);
  }
  jobs::result<std::vector<jobs::system_backup_record>>
  list_system_uploads(std::size_t limit) override {
    const std::scoped_lock lock{store_->mutex};
    return store_->list_system_uploads(limit);
  }
  jobs::result<std::vector<jobs::backup_record>>
  list_settled_scratch(std::size_t limit) override {
    const std::scoped_lock lock{store_->mutex};
    std::vector<jobs::backup_record> all;
    for (const auto& [uuid, row] : store_->backups) {
      const auto& b = row.record;
      const bool is_safe =
          !b.places.empty()
          && (b.told_at != 0 || !b.find_place(jobs::panel_place));
      if (b.is_scratch && b.is_local && is_safe
          && b.state == jobs::backup_state::ready && all.size() < limit)
        all.push_back(shown(b));
    }
    return all;
  }

  jobs::result<std::vector<jobs::report>>
  list_due_reports(jobs::time_ms now, std::size_t limit) override {
    const std::scoped_lock lock{store_->mutex};
    return due_reports(*store_, now, limit);
  }
  jobs::result<std::vector<jobs::report>>
  list_due_statuses(jobs::time_ms now, std::size_t limit) override {
    const std::scoped_lock lock{store_->mutex};
    return due_statuses(*store_, now, limit);
  }
  jobs::result<std::vector<jobs::report>> list_statuses() override {
    const std::scoped_lock lock{store_->mutex};
    return doubles::statuses(*store_);
  }
  jobs::result<jobs::time_ms> next_report_at(jobs::time_ms after) override {
    const std::scoped_lock lock{store_->mutex};
    return doubles::next_report_at(*store_, after);
  }
  jobs::result<jobs::report_page> list_reports(jobs::report_group which,
                                               std::int64_t after,
                                               std::size_t limit) override {
    const std::scoped_lock lock{store_->mutex};
    return report_page_of(*store_, which, after, limit);
  }
  jobs::result<jobs::outbox_figures> count_reports() override {
    const std::scoped_lock lock{store_->mutex};
    return figures_of(*store_);
  }

  jobs::result<std::optional<jobs::progress>>
  find_progress(std::int64_t job_row) override {
    const std::scoped_lock lock{store_->mutex};
    const auto found = store_->progress.find(job_row);
    if (found == store_->progress.end())
      return std::optional<jobs::progress>{};
    return std::optional{found->second};
  }

  jobs::result<std::vector<jobs::token_record>> list_tokens() override {
    const std::scoped_lock lock{store_->mutex};
    std::vector<jobs::token_record> all;
    for (const auto& [id, token] : store_->tokens)
      all.push_back(token);
    std::ranges::stable_sort(all, {}, &jobs::token_record::created_at);
    return all;
  }
  jobs::result<jobs::audit_page> list_audit(const jobs::audit_filter& filter,
                                            std::int64_t before,
                                            std::size_t limit) override {
    const std::scoped_lock lock{store_->mutex};
    jobs::audit_page page;
    for (auto at = store_->audit.rbegin(); at != store_->audit.rend(); ++at) {
      const auto& one = at->second;
      if ((before != 0 && one.row >= before)
          || (!filter.principal.empty() && one.principal != filter.principal)
          || (!filter.server.empty() && one.server != filter.server)
          || (!filter.system.empty() && one.system != filter.system))
        continue;
      if (page.items.size() == limit) {
        page.next_before = page.items.back().row;
        break;
      }
      page.items.push_back(one);
    }
    return page;
  }

private:
  jobs::backup_record shown(jobs::backup_record b) const {
    b.server_lives =
        !b.server.empty() && store_->live_server.contains(b.server);
    for (const auto& [row, report] : store_->reports)
      if (report.subject == "backup:" + b.uuid.to_string())
        b.report = report.state;
    return b;
  }
  static bool fits(const jobs::job_filter& filter, const jobs::job_record& j) {
    const auto among = [](const auto& list, const auto& value) {
      return list.empty() || std::ranges::find(list, value) != list.end();
    };
    jobs::event like;
    like.kind = j.kind;
    jobs::event_filter kind;
    kind.kind = filter.kind;
    return among(filter.ids, j.id) && among(filter.states, j.state)
           && (filter.server.empty() || filter.server == j.server)
           && kind.matches(like)
           && (!filter.done || *filter.done == j.is_done())
           && (j.id.view().starts_with(filter.begins)
               || j.server.view().starts_with(filter.begins))
           && j.created_at >= filter.created_after;
  }

  std::shared_ptr<fake_store> store_;
};

} // namespace alula::doubles
