#include "storage/sqlite_ledger.hpp"

#include "jobs/log.hpp"
#include "jobs/measures.hpp"
#include "storage/call_queue.hpp"
#include "storage/last_words.hpp"
#include "storage/ledger_boot.hpp"
#include "storage/ledger_sql.hpp"
#include "storage/upkeep.hpp"

#include <atomic>
#include <exception>
#include <limits>
#include <optional>
#include <stop_token>
#include <thread>
#include <unistd.h>
#include <utility>

namespace alula::storage {

namespace {

using jobs::fault;
using jobs::fault_code;
using std::chrono::steady_clock;

constexpr int exit_code = 70; // EX_SOFTWARE of sysexits.h

[[noreturn]] void leave_at_once(const fault&) {
  ::_exit(exit_code);
}

fault closed() {
  return {.code = fault_code::shutting_down,
          .what = "alula stops; the ledger takes nothing any more"};
}

/// Said at a boot only: upkeep tries again every minute.
void take_ballast(ballast& reserve) {
  const auto taken = reserve.restore();
  const auto free = reserve.free_room();
  if (!taken)
    jobs::log(jobs::log_level::warning, "ledger-ballast-missing",
              {{"why", taken.error().what}});
  else if (!*taken)
    jobs::log(
        jobs::log_level::warning, "ledger-ballast-waits",
        {{"bytes", reserve.bytes()},
         {"free", free ? *free : 0},
         {"needed", reserve.room_needed()},
         {"then", "the reserve is taken when as much as needed is free; until "
                  "then a full disk ends alula, as jobs cannot be recorded"},
         {"to_do", "make room where the ledger lies, or set "
                   "system.ledger_directory to a larger disk"}});
}

/// A call that answers with Answer, a result or a status.
template<class Answer, class Write>
class call_of final : public ledger_call {
public:
  call_of(Write write, std::function<void(Answer)> done)
    : write_(std::move(write)), done_(std::move(done)) {}

  jobs::status run(job_store& store, ledger_news& news) override {
    answer_.emplace(write_(store, news));
    return *answer_ ? jobs::status{} : jobs::status{answer_->error()};
  }
  void refuse(const fault& why) override { answer_.emplace(why); }
  void answer() override {
    if (done_)
      std::exchange(done_, nullptr)(*std::move(answer_));
  }

private:
  Write write_;
  std::function<void(Answer)> done_;
  std::optional<Answer> answer_;
};

template<class Answer, class Write>
std::unique_ptr<ledger_call> make_call(std::function<void(Answer)> done,
                                       Write write) {
  return std::make_unique<call_of<Answer, Write>>(std::move(write),
                                                  std::move(done));
}

/// A callback that throws is its owner's bug and must not end the ledger.
template<class Call>
void shielded(Call call) {
  try {
    call();
  } catch (const std::exception& thrown) {
    jobs::log(jobs::log_level::error, "ledger-callback-threw",
              {{"what", thrown.what()}});
  }
}

} // namespace

class sqlite_ledger::writer {
public:
  writer(ledger_settings settings, const jobs::clock& clock)
    : settings_(std::move(settings)), clock_(clock),
      queue_(settings_.progress_interval),
      ballast_(settings_.file, settings_.ballast_bytes),
      last_words_(settings_.file) {
    if (!settings_.fatal)
      settings_.fatal = leave_at_once;
  }
  ~writer() {
    stop_.request_stop();
    queue_.close(call_queue::leftover::dropped);
    if (thread_.joinable())
      thread_.join();
  }

  jobs::result<jobs::recovery> begin(jobs::commit_listener& listener);
  void push(std::unique_ptr<ledger_call> call, std::size_t limit);
  void push_progress(std::int64_t job_row, jobs::progress what) {
    queue_.push_progress(job_row, std::move(what));
  }
  void note_ending();
  void end();

  const ledger_settings& settings() const { return settings_; }
  std::int64_t log_bytes() const { return log_bytes_; }

private:
  /// Everything that lives on the open database.
  struct desk {
    desk(booted_ledger& booted, const jobs::clock& clock, ballast& reserve,
         const ledger_settings& settings)
      : db(std::move(booted.db)),
        store(db, clock, settings, booted.last_job_row),
        commits(db, store, reserve), chores(db, clock, reserve, settings) {}
    database db;
    job_store store;
    group_commit commits;
    upkeep chores;
  };

  void work();
  void write(call_queue::batch& batch);
  void keep_up(bool is_idle);
  void tell(const ledger_news& news);
  void fail(const fault& why);
  void mark_clean();

  ledger_settings settings_;
  const jobs::clock& clock_;
  call_queue queue_;
  ballast ballast_;
  last_words last_words_;
  jobs::commit_listener* listener_ = nullptr;
  std::int64_t boot_ = 0;
  std::unique_ptr<desk> desk_;
  std::optional<fault> broken_; ///< why nothing is written any more
  std::atomic<std::int64_t> log_bytes_ = 0;
  std::stop_source stop_;
  std::thread thread_;
};

// -- from begin to end --------------------------------------------------------

jobs::result<jobs::recovery>
sqlite_ledger::writer::begin(jobs::commit_listener& listener) {
  if (desk_)
    return fault{.code = fault_code::internal,
                 .what = "the ledger was begun twice"};
  const auto before = last_words_.heard();
  auto booted = boot_ledger(settings_, before, clock_);
  if (!booted && booted.error().code == fault_code::insufficient_storage
      && ballast_.release())
    booted = boot_ledger(settings_, before, clock_);
  if (!booted)
    return std::move(booted).error();
  take_ballast(ballast_);
  if (auto ready = last_words_.prepare(); !ready)
    jobs::log(jobs::log_level::warning, "ledger-last-words-missing",
              {{"why", ready.error().what}});
  listener_ = &listener;
  boot_ = booted->found.boot;
  desk_ = std::make_unique<desk>(*booted, clock_, ballast_, settings_);
  thread_ = std::thread{[this] { work(); }};
  return std::move(booted->found);
}

void sqlite_ledger::writer::push(std::unique_ptr<ledger_call> call,
                                 std::size_t limit) {
  switch (queue_.push(call, limit)) {
  case call_queue::answer::queued:
    return;
  case call_queue::answer::full:
    call->refuse({.code = fault_code::rate_limited,
                  .what = "more requests wait for the ledger than it can "
                          "write; ask again later"});
    break;
  case call_queue::answer::closed:
    call->refuse(closed());
    break;
  }
  call->answer();
}

void sqlite_ledger::writer::note_ending() {
  push(make_call(std::function<void(jobs::status)>{},
                 [this, at = clock_.now()](job_store&, ledger_news&) {
                   auto noted =
                       desk_->db.run(ledger_sql("boot_ends"), boot_, at);
                   return noted ? jobs::status{}
                                : jobs::status{std::move(noted).error()};
                 }),
       std::numeric_limits<std::size_t>::max());
}

void sqlite_ledger::writer::end() {
  stop_.request_stop(); // no endless wait for a foreign writer
  queue_.close(call_queue::leftover::wanted);
  if (!thread_.joinable())
    return;
  thread_.join();
  if (!broken_)
    mark_clean();
  desk_.reset();
}

void sqlite_ledger::writer::mark_clean() {
  auto& db = desk_->db;
  auto marked = db.run(ledger_sql("end_boot"), boot_, clock_.now());
  if (marked)
    (void)db.run_checkpoint(database::checkpoint::truncate);
  else
    jobs::log(jobs::log_level::warning, "ledger-end-not-noted",
              {{"why", marked.error().what}});
}

// -- the thread ---------------------------------------------------------------

void sqlite_ledger::writer::work() {
  for (;;) {
    const auto until =
        broken_ ? call_queue::time_point::max() : desk_->chores.next();
    auto batch = queue_.take(settings_.group, until);
    const bool is_idle = batch.empty();
    if (!is_idle)
      write(batch);
    if (batch.closed && batch.calls.empty())
      return;
    if (!broken_ && !batch.closed)
      keep_up(is_idle);
  }
}

void sqlite_ledger::writer::write(call_queue::batch& batch) {
  if (!broken_) {
    desk_->db.time_log_syncs();
    const auto begun = steady_clock::now();
    auto news =
        desk_->commits.commit(batch.calls, batch.progress, stop_.get_token());
    log_bytes_ = desk_->db.log_bytes();
    const std::chrono::duration<double> took = steady_clock::now() - begun;
    jobs::observe(jobs::measure::ledger_commit_seconds, took.count());
    jobs::observe(jobs::measure::ledger_log_bytes,
                  static_cast<double>(log_bytes_));
    if (news)
      tell(*news);
    else
      fail(news.error());
  }
  for (auto& call : batch.calls) {
    if (broken_)
      call->refuse(*broken_);
    shielded([&] { call->answer(); });
  }
}

void sqlite_ledger::writer::keep_up(bool is_idle) {
  ledger_news news;
  const auto now = steady_clock::now();
  auto done = is_idle ? desk_->chores.when_idle(now, news)
                      : desk_->chores.after_commit(now, news);
  log_bytes_ = desk_->db.log_bytes();
  if (done)
    tell(news);
  else
    fail(done.error());
}

void sqlite_ledger::writer::tell(const ledger_news& news) {
  if (!news.events.empty() || !news.jobs.empty() || !news.servers.empty())
    shielded(
        [&] { listener_->committed(news.events, news.jobs, news.servers); });
  if (!news.forgotten.empty())
    shielded([&] { listener_->forgotten(news.forgotten); });
}

/// What could not be written is not believed, nor is anything after it: the
/// next boot reads the truth back (job-engine B.3).
void sqlite_ledger::writer::fail(const fault& why) {
  jobs::log(jobs::log_level::error, "ledger-failed",
            {{"why", why.what}, {"where", why.where}});
  last_words_.say({boot_, clock_.now()});
  settings_.fatal(why);
  broken_ = fault{.code = fault_code::journal_unavailable,
                  .what = "the ledger cannot be written: " + why.what,
                  .where = why.where};
}

// -- jobs::ledger -------------------------------------------------------------

sqlite_ledger::sqlite_ledger(ledger_settings settings, const jobs::clock& clock)
  : writer_(std::make_unique<writer>(std::move(settings), clock)) {}

sqlite_ledger::~sqlite_ledger() = default;

jobs::result<jobs::recovery>
sqlite_ledger::begin(jobs::commit_listener& listener) {
  return writer_->begin(listener);
}

void sqlite_ledger::accept(
    jobs::acceptance what,
    std::function<void(jobs::result<jobs::accepted>)> done) {
  writer_->push(
      make_call(std::move(done),
                [what = std::move(what)](job_store& store, ledger_news& news) {
                  return store.accept(what, news);
                }),
      writer_->settings().max_waiting);
}

void sqlite_ledger::save(
    jobs::save what, std::function<void(jobs::result<jobs::job_record>)> done) {
  // Not limited: a job has one save at a time, and it must not be lost.
  writer_->push(
      make_call(std::move(done),
                [what = std::move(what)](job_store& store, ledger_news& news) {
                  return store.save(what, news);
                }),
      std::numeric_limits<std::size_t>::max());
}

void sqlite_ledger::amend(std::vector<jobs::change> what,
                          std::function<void(jobs::status)> done) {
  writer_->push(
      make_call(std::move(done),
                [what = std::move(what)](job_store& store, ledger_news& news) {
                  return store.amend(what, news);
                }),
      writer_->settings().max_waiting);
}

void sqlite_ledger::burn_token(std::string id, jobs::time_ms expires_at,
                               std::function<void(jobs::result<bool>)> done) {
  writer_->push(make_call(std::move(done),
                          [id = std::move(id), expires_at](job_store& store,
                                                           ledger_news&) {
                            return store.burn_token(id, expires_at);
                          }),
                writer_->settings().max_waiting);
}

void sqlite_ledger::save_progress(std::int64_t job_row, jobs::progress what) {
  writer_->push_progress(job_row, std::move(what));
}

void sqlite_ledger::forget(jobs::job_id id,
                           std::function<void(jobs::status)> done) {
  writer_->push(make_call(std::move(done),
                          [id](job_store& store, ledger_news& news) {
                            return store.forget(id, news);
                          }),
                writer_->settings().max_waiting);
}

void sqlite_ledger::ending() {
  writer_->note_ending();
}

void sqlite_ledger::end() {
  writer_->end();
}

std::int64_t sqlite_ledger::log_bytes() const {
  return writer_->log_bytes();
}

} // namespace alula::storage
