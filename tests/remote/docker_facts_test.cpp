#include "remote/docker_facts.hpp"
#include "tests/doubles/fake_container_factory.hpp"

#include <catch2/catch.hpp>

#include <future>
#include <memory>

using namespace alula;
using remote::docker_facts_desk;
using answer = jobs::result<jobs::docker_facts>;

namespace {

std::future<answer> ask(jobs::node_facts& desk) {
  auto told = std::make_shared<std::promise<answer>>();
  auto later = told->get_future();
  desk.docker([told](answer facts) { told->set_value(std::move(facts)); });
  return later;
}

} // namespace

TEST_CASE("the machine is known without Docker", "[remote]") {
  const auto machine = remote::read_machine("1.2.3");
  CHECK(machine.version == "1.2.3");
  CHECK_FALSE(machine.architecture.empty());
  CHECK(machine.architecture != "x86_64");
  CHECK_FALSE(machine.kernel_version.empty());
  CHECK_FALSE(machine.os.empty());
  CHECK(machine.cpu_threads > 0);
  CHECK(machine.memory_bytes > 1'000'000);
}

TEST_CASE("Docker's facts are asked for each time", "[remote]") {
  jobs::fake_container_factory factory;
  docker_facts_desk desk{factory, "1"};
  CHECK(ask(desk).get()->version == "20.10.24");
  factory.set_down(true);
  CHECK(ask(desk).get().error().code == jobs::fault_code::docker_unavailable);
}

TEST_CASE("who asks together is answered together, up to a bound", "[remote]") {
  jobs::fake_container_factory factory;
  std::promise<void> let_go;
  std::promise<void> is_asking;
  factory.before_facts = [&](const std::stop_token&) {
    is_asking.set_value();
    let_go.get_future().wait();
  };
  docker_facts_desk desk{factory, "1", 3};
  auto one = ask(desk);
  is_asking.get_future().wait();
  auto two = ask(desk);
  auto three = ask(desk);
  CHECK(ask(desk).get().error().code == jobs::fault_code::rate_limited);
  let_go.set_value();
  for (auto* each : {&one, &two, &three})
    CHECK(each->get());
  CHECK(factory.calls().size() == 1);
}

TEST_CASE("who still waits at the end is told so", "[remote]") {
  jobs::fake_container_factory factory;
  std::promise<void> is_asking;
  factory.before_facts = [&](const std::stop_token& stop) {
    std::promise<void> is_stopping;
    const std::stop_callback told{stop, [&] { is_stopping.set_value(); }};
    is_asking.set_value();
    is_stopping.get_future().wait();
  };
  auto desk = std::make_unique<docker_facts_desk>(factory, "1");
  auto one = ask(*desk);
  is_asking.get_future().wait();
  desk.reset();
  CHECK(one.get().error().code == jobs::fault_code::shutting_down);
}
