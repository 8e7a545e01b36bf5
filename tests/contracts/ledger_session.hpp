/// An opened ledger as a test wants to talk to it: blocking verbs, and a
/// listener that writes down what it was told.
#pragma once

#include "jobs/ledger.hpp"
#include "jobs/lifecycle.hpp"
#include "tests/doubles/fake_clock.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace alula::contracts {

/// A place for one ledger that outlives the objects that open it.
struct ledger_world {
  virtual ~ledger_world() = default;
  /// Opens the same store again; the ledger opened before was destroyed. One
  /// that was destroyed without end() has crashed.
  virtual std::unique_ptr<jobs::ledger> open() = 0;
  /// Reads what the open ledger has committed.
  virtual std::unique_ptr<jobs::queries> reader() = 0;
  /// Before open(): the node has a Panel, or none.
  virtual void set_panel(bool has_panel) = 0;
  doubles::fake_clock clock;
};

using world_maker = std::unique_ptr<ledger_world> (*)();

/// Everything the listener heard, in order.
class commit_journal final : public jobs::commit_listener {
public:
  void committed(const std::vector<jobs::event>& events,
                 const std::vector<jobs::job_record>& records,
                 const std::vector<jobs::server_ptr>& servers) override {
    const std::lock_guard lock{mutex_};
    ++commits_;
    events_.insert(events_.end(), events.begin(), events.end());
    jobs_.insert(jobs_.end(), records.begin(), records.end());
    servers_.insert(servers_.end(), servers.begin(), servers.end());
    changed_.notify_all();
  }
  void forgotten(const std::vector<jobs::job_id>& ids) override {
    const std::lock_guard lock{mutex_};
    forgotten_.insert(forgotten_.end(), ids.begin(), ids.end());
    changed_.notify_all();
  }

  int commits() const { return read(commits_); }
  std::vector<jobs::event> events() const { return read(events_); }
  std::vector<jobs::job_record> jobs() const { return read(jobs_); }
  std::vector<jobs::server_ptr> servers() const { return read(servers_); }
  std::vector<jobs::job_id> forgotten_ids() const { return read(forgotten_); }

  /// False when that many jobs were not forgotten in time.
  bool wait_for_forgotten(std::size_t count) const {
    std::unique_lock lock{mutex_};
    return changed_.wait_for(lock, std::chrono::seconds{120},
                             [&] { return forgotten_.size() >= count; });
  }

private:
  template<class T>
  T read(const T& member) const {
    const std::lock_guard lock{mutex_};
    return member;
  }

  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  int commits_ = 0;
  std::vector<jobs::event> events_;
  std::vector<jobs::job_record> jobs_;
  std::vector<jobs::server_ptr> servers_;
  std::vector<jobs::job_id> forgotten_;
};

/// Two steps to take back, a pivot, and one to follow.
inline jobs::kind sample_kind(std::string_view name = "sample.plain",
                              std::string_view lane = "") {
  using enum jobs::step_class;
  jobs::kind k{.name = name, .lane = lane, .read = nullptr, .steps = {}};
  k.steps = {{.name = "prepare", .cls = compensatable, .run = nullptr},
             {.name = "commit", .cls = pivot, .run = nullptr},
             {.name = "tidy", .cls = retriable, .run = nullptr}};
  return k;
}

class ledger_session {
public:
  explicit ledger_session(ledger_world& world)
    : world_(world), ledger_(world.open()) {
    auto begun = ledger_->begin(journal_);
    if (!begun)
      FAIL("begin: " << begun.error().what);
    found_ = *std::move(begun);
  }

  jobs::ledger& ledger() { return *ledger_; }
  const jobs::recovery& found() const { return found_; }
  const commit_journal& journal() const { return journal_; }
  jobs::time_ms now() const { return world_.clock.now(); }

  /// A job of no server, or of that server, ready to be accepted.
  jobs::acceptance draft(const jobs::kind& k = sample_kind(),
                         const jobs::server_record& server = {}) const {
    jobs::acceptance what{
        .job = jobs::plan(k, {}, now()), .changes = {}, .key = {}, .locks = {}};
    what.job.server_row = server.row;
    what.job.server = server.uuid;
    return what;
  }

  jobs::result<jobs::accepted> accept(jobs::acceptance what) {
    return ask<jobs::result<jobs::accepted>>(
        [&](auto done) { ledger_->accept(std::move(what), std::move(done)); });
  }
  jobs::job_record must_accept(jobs::acceptance what) {
    auto got = accept(std::move(what));
    if (!got)
      FAIL("accept: " << got.error().what << " at " << got.error().where);
    return got->job;
  }

  jobs::result<jobs::job_record> save(jobs::save what) {
    return ask<jobs::result<jobs::job_record>>(
        [&](auto done) { ledger_->save(std::move(what), std::move(done)); });
  }
  /// What `decide` makes of the happening, saved.
  jobs::result<jobs::job_record>
  happen(const jobs::job_record& before, const jobs::happening& what,
         std::vector<jobs::change> changes = {},
         std::vector<jobs::lock_request> locks = {}) {
    auto decided = jobs::decide(before, what, now(), {});
    if (!decided)
      FAIL("decide: " << decided.error().what);
    return save({.after = decided->after,
                 .events = decided->events,
                 .changes = std::move(changes),
                 .locks = std::move(locks)});
  }
  jobs::job_record must_happen(const jobs::job_record& before,
                               const jobs::happening& what,
                               std::vector<jobs::change> changes = {},
                               std::vector<jobs::lock_request> locks = {}) {
    auto saved = happen(before, what, std::move(changes), std::move(locks));
    if (!saved)
      FAIL("save: " << saved.error().what << " at " << saved.error().where);
    return *saved;
  }
  jobs::job_record start(const jobs::job_record& job,
                         std::vector<jobs::lock_request> locks = {}) {
    return must_happen(job, jobs::happened::step_started{found_.boot}, {},
                       std::move(locks));
  }
  jobs::job_record finish_step(const jobs::job_record& job,
                               std::vector<jobs::change> changes = {}) {
    return must_happen(job, jobs::happened::step_done{}, std::move(changes));
  }
  /// Runs all steps that are left; `changes` travel with the last one.
  jobs::job_record run_to_end(jobs::job_record job,
                              std::vector<jobs::change> changes = {}) {
    while (!job.is_done()) {
      job = start(job);
      const auto left = std::ranges::count(job.steps, jobs::step_state::pending,
                                           &jobs::step_record::state);
      job = finish_step(job, left == 0 ? changes : std::vector<jobs::change>{});
    }
    return job;
  }
  jobs::job_record cancel(const jobs::job_record& job) {
    return must_happen(job, jobs::happened::cancel_requested{found_.boot});
  }
  jobs::status amend(std::vector<jobs::change> what) {
    return ask<jobs::status>(
        [&](auto done) { ledger_->amend(std::move(what), std::move(done)); });
  }
  jobs::status forget(const jobs::job_id& id) {
    return ask<jobs::status>(
        [&](auto done) { ledger_->forget(id, std::move(done)); });
  }

  /// The newest picture of a server the listener was given.
  jobs::server_record server(const jobs::server_id& uuid) const {
    jobs::server_record newest;
    for (const auto& heard : journal_.servers())
      if (heard->uuid == uuid)
        newest = *heard;
    return newest;
  }
  /// Registers a server and makes it active.
  jobs::server_record add_server(const jobs::server_id& uuid,
                                 bool suspended = false) {
    auto what = draft(sample_kind("sample.create"));
    what.changes = {jobs::register_server{
        uuid, R"({"settings":{"meta":{"name":"castle"}}})", suspended}};
    run_to_end(must_accept(std::move(what)), {jobs::activate_server{}});
    return server(uuid);
  }

  void end() { ledger_->end(); }

private:
  template<class Answer, class Call>
  static Answer ask(Call call) {
    auto promise = std::make_shared<std::promise<Answer>>();
    auto answer = promise->get_future();
    call([promise](Answer got) { promise->set_value(std::move(got)); });
    if (answer.wait_for(std::chrono::seconds{120}) != std::future_status::ready)
      FAIL("the ledger did not call back");
    return answer.get();
  }

  ledger_world& world_;
  commit_journal journal_;
  std::unique_ptr<jobs::ledger> ledger_;
  jobs::recovery found_;
};

inline jobs::server_id sample_server(int number = 1) {
  const auto digits = std::to_string(1'000'000 + number).substr(1);
  return *jobs::server_id::parse("8d3fb5e2-5c47-4f0a-9b1e-0d3a2c" + digits);
}

} // namespace alula::contracts
