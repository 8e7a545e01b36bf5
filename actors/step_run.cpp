#include "actors/step_run.hpp"

#include "jobs/log.hpp"

#include <exception>
#include <string>
#include <utility>

namespace alula::actors {

bool progress_cell::put(jobs::progress p) {
  const std::scoped_lock lock{mutex_};
  newest_ = std::move(p);
  return !std::exchange(dirty_, true);
}

jobs::progress progress_cell::take(jobs::time_ms now) {
  const std::scoped_lock lock{mutex_};
  dirty_ = false;
  auto out = newest_;
  if (out.updated_at == 0)
    out.updated_at = now;
  if (out.rate > 0)
    return out;
  // An exponential average: a third of the newest second, two of the past.
  if (sampled_at_ != 0 && now > sampled_at_ && out.done >= sampled_done_) {
    const auto newest = static_cast<double>(out.done - sampled_done_) * 1000.0
                        / static_cast<double>(now - sampled_at_);
    rate_ = rate_ > 0 ? (newest + 2 * rate_) / 3 : newest;
  }
  sampled_done_ = out.done;
  sampled_at_ = now;
  out.rate = rate_;
  return out;
}

step_run::step_run(jobs::job_record job, const jobs::step& step, bool undo,
                   const jobs::ports& node)
  : job_(std::move(job)), step_(step), undo_(undo), node_(node) {}

jobs::step_outcome
step_run::perform(const jobs::clock& clock,
                  std::function<void(jobs::progress)> report) {
  const auto threw = [this](std::string what) {
    return jobs::fault{.code = jobs::fault_code::internal,
                       .what = "step \"" + std::string{step_.name}
                               + "\" threw: " + std::move(what),
                       .where = std::string{step_.name}};
  };
  const jobs::log_scope whose{"job", job_.id.view()};
  try {
    jobs::step_context context{job_, node_, stop_.get_token(), clock.now(),
                               std::move(report)};
    return undo_ ? step_.undo(context) : step_.run(context);
  } catch (const std::exception& e) {
    return threw(e.what());
  } catch (...) {
    return threw("something that is no std::exception");
  }
}

void step_run::ask_to_stop(stop_cause why) {
  auto none = stop_cause::none;
  cause_.compare_exchange_strong(none, why);
  stop_.request_stop();
}

} // namespace alula::actors
