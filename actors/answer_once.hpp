/// A callback that is called exactly once, whatever happens to the message that
/// carries it: when the last copy goes unanswered, it answers itself.
#pragma once

#include "jobs/log.hpp"
#include "jobs/result.hpp"

#include <atomic>
#include <exception>
#include <functional>
#include <memory>
#include <utility>

namespace alula::actors {

/// Copies share the one answer. Any thread. Lines of the callback say for whom
/// the thread worked that made it: the request it answers.
template<class T>
class answer_once {
public:
  using callback = std::function<void(jobs::result<T>)>;

  answer_once() = default;
  explicit answer_once(callback done)
    : state_(std::make_shared<state>(std::move(done))) {}

  explicit operator bool() const { return state_ != nullptr; }

  /// For lines about what was asked, as long as a copy of this lives; of nobody
  /// without a callback.
  const jobs::log_context& whose() const noexcept {
    return state_ ? state_->whose : jobs::log_context::of_nobody();
  }

  /// Later calls are ignored, and so is the answer to nobody.
  void operator()(jobs::result<T> value) const {
    if (state_)
      state_->give(std::move(value));
  }

private:
  struct state {
    explicit state(callback callee) : done(std::move(callee)) {}
    state(const state&) = delete;
    state& operator=(const state&) = delete;
    ~state() {
      give(jobs::fault{.code = jobs::fault_code::shutting_down,
                       .what = "alula stopped working on the request; whether "
                               "it was taken, the list of jobs tells"});
    }
    void give(jobs::result<T> value) noexcept {
      if (!done || given.exchange(true))
        return;
      const jobs::log_scope as{whose};
      try {
        done(std::move(value));
      } catch (const std::exception& e) {
        jobs::log(jobs::log_level::error, "callback-threw",
                  {{"what", e.what()}});
      } catch (...) {
        jobs::log(jobs::log_level::error, "callback-threw");
      }
    }
    const jobs::log_context whose; ///< of whoever asked
    callback done;
    std::atomic<bool> given{false};
  };
  std::shared_ptr<state> state_;
};

} // namespace alula::actors
