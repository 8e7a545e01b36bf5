#include "app/docker_gauge.hpp"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>

namespace alula::app {

/// Outlives whoever asked: an answer may come when nobody waits any more.
struct docker_gauge::answers {
  using clock = std::chrono::steady_clock;

  std::mutex mutex;
  std::condition_variable changed;
  std::optional<clock::time_point> asked_at; ///< an answer is on its way
  std::optional<bool> last;

  void take(const jobs::result<jobs::docker_facts>& answer) {
    using enum jobs::fault_code;
    const std::scoped_lock lock{mutex};
    asked_at.reset();
    // Who is told to ask later, or that alula stops, heard nothing of Docker;
    // one that refuses is there.
    if (answer)
      last = true;
    else if (answer.error().code == docker_unavailable)
      last = false;
    else if (answer.error().code != rate_limited
             && answer.error().code != shutting_down)
      last = true;
    changed.notify_all();
  }
};

docker_gauge::docker_gauge(prometheus::Registry& in, docker_patience has)
  : patience_(has),
    up_(prometheus::BuildGauge()
            .Name("alula_docker_up")
            .Help("1 when Docker answered the last look, 0 when it did not")
            .Register(in)),
    unresponsive_(prometheus::BuildGauge()
                      .Name("alula_containers_unresponsive")
                      .Help("Containers whose last call got no answer")
                      .Register(in)),
    heard_(std::make_shared<answers>()) {}

docker_gauge::~docker_gauge() = default;

void docker_gauge::look(jobs::node_facts& facts) {
  const auto now = answers::clock::now();
  std::unique_lock lock{heard_->mutex};
  if (!heard_->asked_at) {
    heard_->asked_at = now;
    lock.unlock();
    facts.docker([heard = heard_](const jobs::result<jobs::docker_facts>& is) {
      heard->take(is);
    });
    lock.lock();
    heard_->changed.wait_for(lock, patience_.one_look,
                             [&] { return !heard_->asked_at; });
  } else if (now - *heard_->asked_at >= patience_.one_question) {
    heard_->last = false;
  }
  if (heard_->last)
    up_.Add({}).Set(*heard_->last ? 1 : 0);
}

void docker_gauge::show_unresponsive(std::size_t containers) {
  unresponsive_.Add({}).Set(static_cast<double>(containers));
}

} // namespace alula::app
