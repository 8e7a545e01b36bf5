/// A server that runs, and another node that it may go to.
#pragma once

#include "tests/doubles/fake_node_links.hpp"
#include "tests/jobs/kinds/backup_world.hpp"

#include <string>
#include <vector>

namespace alula::jobs {

struct transfer_world : backup_world {
  static inline const std::string url =
      "https://node2.example:8080/api/transfers";
  static inline const std::string token = "Bearer eyJ.secret.words";

  transfer_world() {
    store->tells_panel = true;
    far.places.nodes = &other;
    node.far = &far.places;
    docker.put("c0ffee", id.to_string());
  }

  fake_node_links other;

  static std::string body(const std::string& to = url,
                          const std::string& with = token) {
    return nlohmann::json{{"server_id", "3f1d3a0e-7a55-4c3c-9d4f-0a4f5c1f2b11"},
                          {"url", to},
                          {"token", with},
                          {"server", {{"start_on_completion", false}}}}
        .dump();
  }

  server_record& known() { return store->servers.at(server.row).record; }
  bool runs() { return docker.by_id.at("c0ffee").info.running; }
  static fault refusal() {
    return {.code = fault_code::node_refused, .what = "it answers 500"};
  }
  static fault unreachable() {
    return {.code = fault_code::node_unavailable, .what = "refused"};
  }

  /// What clients were told of one event, in order.
  std::vector<std::string> told(const std::string& event) {
    const auto begin = "announce " + id.to_string() + ' ' + event + ' ';
    std::vector<std::string> out;
    for (const auto& line : clients.calls())
      if (line.starts_with(begin))
        out.push_back(line.substr(begin.size()));
    return out;
  }
  std::vector<std::string> reported() {
    std::vector<std::string> out;
    for (const auto& [row, report] : store->reports)
      out.push_back(report.path);
    return out;
  }
  std::string failure_path() const {
    return "/servers/" + id.to_string() + "/transfer/failure";
  }

  /// The server is as it was before anybody asked, and the Panel knows.
  void check_back(const job_record& job) {
    CHECK(job.is_done());
    CHECK_FALSE(known().transferring);
    CHECK(runs());
    CHECK(reported() == std::vector{failure_path()});
    REQUIRE_FALSE(told("transfer status").empty());
    CHECK(told("transfer status").back() == "failure");
    CHECK_FALSE(records.find_transfer(job.id).value());
  }

  /// The process dies after this step has done its work, before anybody is
  /// told; the next boot takes the job up.
  job_record die_in(const kind& k, const job_record& job,
                    const std::string& step) {
    auto started = must_commit(job, happened::step_started{running_boot, {}});
    auto lost = started; // what it was about to say
    (void)run(k, lost, step);
    return must_commit(started, happened::adopted{running_boot});
  }
};

} // namespace alula::jobs
