#include "app/docker_gauge.hpp"
#include "tests/doubles/fake_node_facts.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <functional>
#include <future>
#include <optional>
#include <prometheus/metric_family.h>
#include <thread>
#include <utility>

using namespace alula;
using namespace std::chrono_literals;

namespace {

/// Answers when the test says so.
class slow_facts final : public jobs::node_facts {
public:
  const jobs::machine_facts& machine() const override {
    return known_.machine();
  }
  void
  docker(std::function<void(jobs::result<jobs::docker_facts>)> done) override {
    done_ = std::move(done);
    asked.set_value(); // a second question would throw
  }
  void answer() { known_.docker(done_); }

  std::promise<void> asked;

private:
  doubles::fake_node_facts known_;
  std::function<void(jobs::result<jobs::docker_facts>)> done_;
};

std::optional<double> shown(prometheus::Registry& in) {
  for (const auto& family : in.Collect())
    for (const auto& one : family.metric)
      return one.gauge.value;
  return std::nullopt;
}

} // namespace

TEST_CASE("a look at Docker does not wait for the question of another",
          "[app]") {
  using clock = std::chrono::steady_clock;
  slow_facts facts;
  prometheus::Registry registry;
  app::docker_gauge gauge{registry, {.one_look = 60s, .one_question = 1h}};
  std::thread first{[&] { gauge.look(facts); }};
  facts.asked.get_future().wait();
  const auto begin = clock::now();
  gauge.look(facts);
  CHECK(clock::now() - begin < 30s);
  CHECK_FALSE(shown(registry)); // nothing was answered yet
  facts.answer();
  first.join();
  CHECK(shown(registry) == 1.0);
}

TEST_CASE("a Docker that leaves a question open for too long is not up",
          "[app]") {
  slow_facts facts;
  prometheus::Registry registry;
  app::docker_gauge gauge{registry, {.one_look = 0ms, .one_question = 0ms}};
  gauge.look(facts);
  CHECK_FALSE(shown(registry));
  gauge.look(facts);
  CHECK(shown(registry) == 0.0);
  facts.answer();
  doubles::fake_node_facts quick;
  gauge.look(quick);
  CHECK(shown(registry) == 1.0);
}

TEST_CASE("containers that Docker does not answer for are counted", "[app]") {
  prometheus::Registry registry;
  app::docker_gauge gauge{registry};
  gauge.show_unresponsive(3);
  CHECK(shown(registry) == 3.0);
  gauge.show_unresponsive(0);
  CHECK(shown(registry) == 0.0);
}
