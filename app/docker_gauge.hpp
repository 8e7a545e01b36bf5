/// Whether Docker answers, and for how many containers it does not. The first
/// is asked at every look: counters of failed calls stand still on a node that
/// has nothing to ask it.
#pragma once

#include "jobs/node_facts.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>

namespace alula::app {

struct docker_patience {
  /// A look's thread answers others, too.
  std::chrono::milliseconds one_look{2'000};
  /// Longer than the limits of all that Docker is asked for one answer.
  std::chrono::milliseconds one_question{30'000};
};

class docker_gauge {
public:
  explicit docker_gauge(prometheus::Registry& in, docker_patience has = {});
  ~docker_gauge();

  /// Asks, and shows what was answered last: this time when that takes no
  /// longer than a look may. While an earlier question is open it neither asks
  /// nor waits, and one that is open for too long was not answered. Nothing
  /// before the first answer.
  void look(jobs::node_facts& facts);

  /// Containers whose last call got no answer.
  void show_unresponsive(std::size_t containers);

private:
  struct answers;
  const docker_patience patience_;
  prometheus::Family<prometheus::Gauge>& up_;
  prometheus::Family<prometheus::Gauge>& unresponsive_;
  std::shared_ptr<answers> heard_;
};

} // namespace alula::app
