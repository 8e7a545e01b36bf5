/// Test kinds as data, and a stage on which every step of them is played: by
/// default a step succeeds; a test may let one do something else, or hold it.
#pragma once

#include "jobs/engine.hpp"
#include "jobs/kind.hpp"
#include "jobs/log.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace alula::actors_test {

/// Long enough for a loaded machine; a test that reaches it has failed. What a
/// sanitizer watches is many times as slow.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr std::chrono::seconds patience{120};
#else
inline constexpr std::chrono::seconds patience{30};
#endif

/// Entries that tests wait for.
class journal {
public:
  void write(std::string entry) {
    const std::scoped_lock lock{mutex_};
    entries_.push_back(std::move(entry));
    // Under the lock: whoever has seen the entry may end the journal.
    changed_.notify_all();
  }
  std::vector<std::string> entries() const {
    const std::scoped_lock lock{mutex_};
    return entries_;
  }
  std::size_t count(const std::string& entry) const {
    const std::scoped_lock lock{mutex_};
    return static_cast<std::size_t>(std::ranges::count(entries_, entry));
  }
  /// Waits until the entry is there `times` times.
  bool wait_for(const std::string& entry, std::size_t times = 1) const {
    std::unique_lock lock{mutex_};
    return changed_.wait_for(lock, patience, [&] {
      return static_cast<std::size_t>(std::ranges::count(entries_, entry))
             >= times;
    });
  }
  /// Waits for the next entry, but not longer than this.
  void wait_for_more(std::chrono::milliseconds limit) const {
    std::unique_lock lock{mutex_};
    changed_.wait_for(lock, limit, [this, before = entries_.size()] {
      return entries_.size() > before;
    });
  }

private:
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::vector<std::string> entries_;
};

/// All log lines of this process: their names, and whole.
struct log_journals {
  journal names, lines;
};

inline log_journals& log_books() {
  static log_journals& books = []() -> log_journals& {
    static log_journals both;
    jobs::set_log_sink(
        [](jobs::log_level, std::string_view event, std::string_view fields) {
          both.lines.write(std::string{event} + " " + std::string{fields});
          both.names.write(std::string{event});
        });
    return both;
  }();
  return books;
}

inline journal& log_book() {
  return log_books().names;
}

/// A door that a step waits at.
class gate {
public:
  /// False when the step was asked to stop first, unless it ignores that.
  bool pass(const std::stop_token& stop, bool ignores_stop) {
    const std::stop_callback wake{stop, [this] {
                                    const std::scoped_lock lock{mutex_};
                                    changed_.notify_all();
                                  }};
    std::unique_lock lock{mutex_};
    const auto over = [&] {
      return open_ || (!ignores_stop && stop.stop_requested());
    };
    if (!changed_.wait_for(lock, 4 * patience, over))
      return false;
    return open_;
  }
  void open() {
    const std::scoped_lock lock{mutex_};
    open_ = true;
    changed_.notify_all();
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
};

using play = std::function<jobs::step_outcome(jobs::step_context&)>;

/// A step that fails so.
inline play fails(jobs::fault_code code, std::string what = "it failed") {
  return [code, what](jobs::step_context&) -> jobs::step_outcome {
    return jobs::fault{.code = code, .what = what};
  };
}

inline jobs::fault stopped() {
  return {.code = jobs::fault_code::interrupted, .what = "asked to stop"};
}

class stage : public journal {
public:
  stage() { current = this; }
  ~stage() {
    open_all();
    current = nullptr;
  }
  stage(const stage&) = delete;
  stage& operator=(const stage&) = delete;

  /// `label` is "kind.step", or "undo kind.step"; with " @<server number>"
  /// behind it, for that server only.
  void let(const std::string& label, play what) {
    const std::scoped_lock lock{mutex_};
    plays_[label] = std::move(what);
  }
  /// The step waits until open(label); "in <label>" is in the journal then.
  void hold(const std::string& label, bool ignores_stop = false) {
    auto door = std::make_shared<gate>();
    {
      const std::scoped_lock lock{mutex_};
      gates_[label] = door;
    }
    let(label,
        [this, label, door,
         ignores_stop](jobs::step_context& ctx) -> jobs::step_outcome {
          write("in " + label);
          if (!door->pass(ctx.stop, ignores_stop))
            return stopped();
          return jobs::step_done{};
        });
  }
  void open(const std::string& label) {
    const std::scoped_lock lock{mutex_};
    plays_.erase(label);
    if (const auto door = gates_.find(label); door != gates_.end())
      door->second->open();
  }
  void open_all() {
    const std::scoped_lock lock{mutex_};
    plays_.clear();
    for (auto& [label, door] : gates_)
      door->open();
  }

  jobs::step_outcome perform(jobs::step_context& ctx, bool undo) {
    const auto moving =
        undo ? jobs::step_state::undoing : jobs::step_state::started;
    std::string label = undo ? "undo " : "";
    for (const auto& step : ctx.job.steps)
      if (step.state == moving)
        label += ctx.job.kind + "." + step.name;
    const auto here = label + " @" + std::to_string(ctx.job.server_row);
    write(here);
    play what;
    {
      const std::scoped_lock lock{mutex_};
      if (plays_.contains(here))
        what = plays_[here];
      else if (plays_.contains(label))
        what = plays_[label];
    }
    return what ? what(ctx) : jobs::step_outcome{jobs::step_done{}};
  }

  inline static stage* current = nullptr;

private:
  std::mutex mutex_;
  std::map<std::string, play> plays_;
  std::map<std::string, std::shared_ptr<gate>> gates_;
};

// -- kinds --------------------------------------------------------------------

inline jobs::step_outcome run_step(jobs::step_context& ctx) {
  return stage::current->perform(ctx, false);
}
inline jobs::step_outcome undo_step(jobs::step_context& ctx) {
  return stage::current->perform(ctx, true);
}

inline jobs::result<jobs::job_draft> read_plain(const jobs::submission& what) {
  if (what.body == "bad")
    return jobs::fault{.code = jobs::fault_code::validation, .what = "bad"};
  jobs::job_draft draft;
  if (what.body.starts_with('{'))
    draft.input = what.body;
  return draft;
}
/// One live job per server.
inline jobs::result<jobs::job_draft> read_keyed(const jobs::submission& what) {
  jobs::job_draft draft;
  draft.dedup_key = std::string{what.kind} + ":" + what.server.to_string();
  return draft;
}
inline jobs::result<jobs::job_draft> read_create(const jobs::submission& what) {
  jobs::job_draft draft;
  draft.changes = {
      jobs::register_server{*jobs::server_id::parse(what.body), "{}", false}};
  draft.dedup_key = "create:" + what.body;
  return draft;
}
inline jobs::result<jobs::job_draft> read_delete(const jobs::submission& what) {
  auto draft = read_keyed(what);
  draft->changes = {jobs::begin_delete{}};
  return draft;
}
/// Locks what its body names.
inline jobs::result<jobs::job_draft> read_lock(const jobs::submission& what) {
  jobs::job_draft draft;
  draft.locks = {{what.body, true}};
  return draft;
}

inline jobs::step comp(std::string_view name) {
  return {.name = name,
          .cls = jobs::step_class::compensatable,
          .run = run_step,
          .undo = undo_step};
}
inline jobs::step pivot(std::string_view name) {
  return {.name = name, .cls = jobs::step_class::pivot, .run = run_step};
}
inline jobs::step tail(std::string_view name) {
  return {.name = name, .cls = jobs::step_class::retriable, .run = run_step};
}

inline jobs::kind make_kind(std::string_view name,
                            std::vector<jobs::step> steps,
                            std::string_view lane = "") {
  return {.name = name,
          .lane = lane,
          .read = read_plain,
          .steps = std::move(steps)};
}

inline jobs::kind changed(jobs::kind k, std::function<void(jobs::kind&)> how) {
  how(k);
  return k;
}

inline const jobs::kind plain =
    make_kind("test.plain", {comp("a"), comp("b"), pivot("p"), tail("c")});
inline const jobs::kind side = make_kind("test.side", {tail("s")}, "side");
inline const jobs::kind soft_side =
    make_kind("test.soft_side", {comp("s"), tail("t")}, "soft");
inline const jobs::kind single = make_kind("test.single", {tail("s")});
inline const jobs::kind keyed = changed(make_kind("test.keyed", {tail("k")}),
                                        [](auto& k) { k.read = read_keyed; });
/// Gives a step up after three tries.
inline const jobs::kind fragile =
    changed(make_kind("test.fragile", {comp("f"), pivot("p"), tail("t")}),
            [](auto& k) { k.max_attempts = 3; });
inline const jobs::kind create =
    changed(make_kind("test.create", {comp("make"), pivot("activate")}),
            [](auto& k) { k.read = read_create; });
inline const jobs::kind remove_server =
    changed(make_kind("test.delete", {tail("tell"), tail("alone"),
                                      tail("forget"), tail("purge")}),
            [](auto& k) {
              k.read = read_delete;
              k.pivot_at_accept = true;
              k.preempts = true;
              k.answer_after = "alone";
              k.steps[1].alone = true;
            });
inline const jobs::kind watched =
    changed(make_kind("test.watched", {tail("w")}), [](auto& k) {
      k.steps[0].stall_limit = std::chrono::seconds{60};
      k.steps[0].pool = "narrow";
    });
inline const jobs::kind narrow =
    changed(make_kind("test.narrow", {tail("n")}),
            [](auto& k) { k.steps[0].pool = "narrow"; });
inline const jobs::kind elsewhere =
    changed(make_kind("test.elsewhere", {comp("e"), pivot("p")}), [](auto& k) {
      k.steps[0].pool = "narrow";
      k.steps[0].undo_pool = "lifecycle";
    });
inline const jobs::kind node_wide = make_kind("test.node", {tail("n")});
inline const jobs::kind locking = changed(make_kind("test.lock", {tail("l")}),
                                          [](auto& k) { k.read = read_lock; });
/// Works on the server of the job it is about.
inline const jobs::kind about = make_kind("test.about", {tail("a")}, "trash");

inline const jobs::catalog& test_catalog() {
  static const jobs::catalog all{{&plain, &side, &soft_side, &single, &keyed,
                                  &fragile, &create, &remove_server, &watched,
                                  &narrow, &node_wide, &locking, &about,
                                  &elsewhere}};
  return all;
}

} // namespace alula::actors_test
