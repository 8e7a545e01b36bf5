/// The facts about this node: the machine's from the system, Docker's from
/// dockerd, on a thread of their own.
#pragma once

#include "jobs/node_facts.hpp"

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

namespace alula::remote {

/// Of the machine this runs on; `version` is alula's.
jobs::machine_facts read_machine(std::string version);

class docker_facts_desk final : public jobs::node_facts {
public:
  /// `factory` outlives it.
  docker_facts_desk(jobs::container_factory& factory, std::string version,
                    std::size_t most_waiting = 256);
  /// Those who wait are answered `shutting_down`.
  ~docker_facts_desk() override;

  const jobs::machine_facts& machine() const override { return machine_; }
  void
  docker(std::function<void(jobs::result<jobs::docker_facts>)> done) override;

private:
  using asker = std::function<void(jobs::result<jobs::docker_facts>)>;
  void work(const std::stop_token& stop);

  jobs::container_factory& factory_;
  const jobs::machine_facts machine_;
  const std::size_t most_waiting_;
  std::mutex mutex_;
  std::condition_variable_any asked_;
  std::vector<asker> waiting_;
  std::jthread thread_;
};

} // namespace alula::remote
