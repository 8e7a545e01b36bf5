/// A node of fakes with one server that can live on it, and a Panel.
#pragma once

#include "tests/doubles/fake_life.hpp"
#include "tests/jobs/kinds/world.hpp"

#include <algorithm>

namespace alula::jobs {

struct life_world : world {
  explicit life_world(std::string with = {}) {
    config = with.empty() ? standard_config() : std::move(with);
    life.factory.registry = {};
    panel.put(id, config);
    panel.put_script(id, {"debian:12", "bash", "echo hi\n"});
    node.life = &life.ports;
    keep();
  }

  static std::string standard_config() {
    return R"({"settings":{"container":{"image":"game:1"},)"
           R"("build":{"disk_space":10}},"process_configuration":{)"
           R"("stop":{"type":"command","value":"stop"}}})";
  }
  static std::string suspended_config() {
    return R"({"settings":{"suspended":true},"process_configuration":{}})";
  }

  /// The server as the ledger has it now.
  server_record& record() { return store->servers.at(server.row).record; }

  void keep() {
    server.config = config;
    store->servers[server.row].record = server;
    store->live_server[id] = server.row;
  }

  /// As a server that runs and is listened to.
  void run_it() {
    docker.put("c0ffee", uuid(), true);
    life.processes.put(id, process_state::running);
    record().wanted_up = true;
  }

  /// Runs all steps of the job, each change applied to the ledger's record as
  /// far as the life of servers goes; the first outcome that is no step_done
  /// ends it.
  step_outcome run_all(const kind& k, job_record& job) {
    step_outcome last = step_done{};
    for (std::size_t i = 0; i < k.steps.size(); ++i) {
      if (job.steps[i].state == step_state::skipped)
        continue;
      last = run(k, job, k.steps[i].name);
      if (!std::holds_alternative<step_done>(last))
        return last;
      job.steps[i].state = step_state::done;
      apply(std::get<step_done>(last).changes);
    }
    return last;
  }

  void apply(const std::vector<change>& changes) {
    for (const auto& each : changes) {
      if (const auto* power = std::get_if<want_power>(&each))
        record().wanted_up = power->up;
      if (const auto* told = std::get_if<set_server_config>(&each)) {
        record().config = told->config;
        record().suspended = told->suspended;
      }
    }
  }

  job_record accept_power(const std::string& word,
                          const std::string& cause = {}) {
    const auto text =
        R"({"action":")" + word + R"(","cause":")" + cause + "\"}";
    auto draft = read(server_power, text);
    REQUIRE(draft);
    apply(draft->changes);
    return accept(server_power, text);
  }

  std::string uuid() const { return id.to_string(); }

  bool called(std::vector<std::string> calls, const std::string& what) const {
    return std::ranges::find(calls, what) != calls.end();
  }

  std::string config;
  fake_life life{docker};
};

} // namespace alula::jobs
