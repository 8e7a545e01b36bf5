/// A node with what it does by itself, and reads that fail when they are told
/// to.
#pragma once

#include "actors/chores.hpp"
#include "tests/actors/backup_node.hpp"

#include <atomic>
#include <chrono>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace alula::actors_test {

using namespace std::chrono_literals;

/// Reads that fail as often as they are told to.
struct flaky_queries final : doubles::fake_queries {
  using fake_queries::fake_queries;
  jobs::result<std::vector<jobs::replaced_tree>>
  list_due_replaced(jobs::time_ms now, std::size_t limit) override {
    ++due_read;
    return fails("due")
               ? broken()
               : jobs::result{fake_queries::list_due_replaced(now, limit)};
  }
  jobs::result<std::vector<jobs::schedule_entry>> list_schedules() override {
    ++schedules_read;
    return fails("schedules") ? broken()
                              : jobs::result{fake_queries::list_schedules()};
  }
  jobs::result<jobs::backup_page> list_backups(const jobs::backup_filter& of,
                                               std::int64_t before,
                                               std::size_t limit) override {
    return fails("backups")
               ? broken()
               : jobs::result{fake_queries::list_backups(of, before, limit)};
  }

  jobs::result<std::vector<jobs::backup_record>>
  list_settled_scratch(std::size_t limit) override {
    ++settled_read;
    return fake_queries::list_settled_scratch(limit);
  }

  std::atomic<int> schedules_read{0};
  std::atomic<int> due_read{0};
  std::atomic<int> settled_read{0};
  void fail(const std::string& what, int times) {
    const std::scoped_lock lock{mutex_};
    left_[what] = times;
  }

private:
  static jobs::fault broken() {
    return {.code = jobs::fault_code::io_error, .what = "disk I/O error"};
  }
  bool fails(const std::string& what) {
    const std::scoped_lock lock{mutex_};
    return left_[what] > 0 && left_[what]-- > 0;
  }
  std::mutex mutex_;
  std::map<std::string, int> left_;
};

struct chore_world : backup_node {
  chore_world() : backup_node(2) {
    boot();
    chores_settings.random = [this] { return random.load(); };
  }
  ~chore_world() { doing.reset(); }

  /// As after a restart: whatever was not kept is forgotten. The schedules are
  /// taken up when it returns, the last one perhaps not quite.
  void start() {
    doing.reset();
    reading.schedules_read = 0;
    doing = std::make_unique<actors::chores>(chores_settings, *engine, reading,
                                             *ledger, clock, settings.uptime);
    doing->start();
    const int wanted = 1 + (chores_settings.scan_every.count() > 0 ? 1 : 0)
                       + (chores_settings.verify_every.count() > 0
                                  || chores_settings.verify_within.count() > 0
                              ? 1
                              : 0)
                       + (chores_settings.ask_panel_every.count() > 0 ? 1 : 0);
    eventually([&] { return reading.schedules_read >= wanted; });
  }
  void pass(std::chrono::milliseconds time) {
    backup_node::pass(time);
    doing->look();
  }
  jobs::time_ms next(const std::string& name) {
    const auto all = queries.list_schedules().value();
    for (const auto& entry : all)
      if (entry.name == name)
        return entry.next_at;
    return 0;
  }
  void set_schedule(const std::string& name, jobs::time_ms at) {
    const std::scoped_lock lock{store->mutex};
    store->schedules[name] = at;
  }
  /// A start after the tick was missed, and the time until it is made up for.
  void start_overdue(const std::string& name, jobs::time_ms was_due = 1) {
    set_schedule(name, was_due);
    start();
    eventually([&] { return next(name) >= clock.at; });
    pass(std::chrono::milliseconds{next(name) - clock.at});
  }
  void set_rotation(int server, const std::string& policy) {
    amend({jobs::set_rotation{server_number(server), policy}});
  }
  void amend(std::vector<jobs::change> what) {
    std::promise<jobs::status> done;
    ledger->amend(std::move(what),
                  [&](jobs::status s) { done.set_value(std::move(s)); });
    REQUIRE(done.get_future().get());
  }
  /// Waits until there are that many jobs of the kind, and all have ended.
  void jobs_ended(const std::string& kind, std::size_t count) {
    eventually([&] {
      const auto all = jobs_of(kind);
      return all.size() >= count
             && std::ranges::all_of(all, &jobs::job_record::is_done);
    });
    CHECK(jobs_of(kind).size() == count);
  }

  flaky_queries reading{store};
  std::atomic<double> random{0.5};
  actors::chore_settings chores_settings;
  std::unique_ptr<actors::chores> doing;
};

inline jobs::time_ms in_ms(std::chrono::milliseconds time) {
  return time.count();
}

} // namespace alula::actors_test
