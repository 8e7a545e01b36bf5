/// A node of fakes that a server comes to, and what the other node sends.
#pragma once

#include "jobs/incoming_transfers.hpp"
#include "tests/doubles/transfer_form.hpp"
#include "tests/jobs/kinds/life_world.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace alula::jobs {

inline const std::string the_request = "5c1f9c1e-0000-4000-8000-000000000001";
using doubles::forms::last;
using doubles::forms::part;

struct receiving_world : life_world {
  receiving_world() : life_world(with_denied_files()) {
    panel.configured = true;
    node.incoming = &incoming;
  }

  static std::string with_denied_files() {
    return R"({"settings":{"container":{"image":"game:1"},)"
           R"("build":{"disk_space":10},"egg":{"file_denylist":["*.secret"]}},)"
           R"("process_configuration":{}})";
  }

  static std::string archive(const std::string& content = "world") {
    return doubles::forms::archive(content);
  }
  std::string sum_of(const std::string& bytes) {
    return doubles::forms::sum_of(backups, bytes);
  }
  std::string good_body(const std::string& bytes = archive()) {
    return doubles::forms::body(backups, bytes);
  }

  void send(const std::string& body) {
    pipe->push(body);
    pipe->finish();
    announce();
  }
  void announce() {
    incoming.announce(
        the_request,
        {.body = pipe, .boundary = doubles::forms::mark, .length = -1});
  }

  job_record begin() {
    return accept(
        receive_server,
        nlohmann::json{{"server", id.view()}, {"request", the_request}}.dump(),
        false);
  }
  step_outcome run(job_record& job, std::string_view name) {
    return world::run(receive_server, job, name);
  }
  /// Up to the step of that name, which is not run.
  void run_up_to(job_record& job, std::string_view name) {
    for (std::size_t i = 0; receive_server.steps[i].name != name; ++i) {
      apply(done(run(job, receive_server.steps[i].name)).changes);
      job.steps[i].state = step_state::done;
    }
  }
  /// As the engine does when a step has failed, been cancelled, or died.
  void undo_all(job_record& job) {
    for (auto i = receive_server.steps.size(); i-- > 0;)
      if (receive_server.steps[i].undo)
        done(undo(receive_server, job, receive_server.steps[i].name));
  }
  /// Nothing of it is left.
  bool is_clean() {
    return disk.live.empty() && disk.trash.empty() && disk.staging.empty()
           && disk.reserved.empty() && backups.fetched.empty()
           && backups.reserved.empty() && docker.by_id.empty();
  }
  bool heard(const std::string& event) {
    return called(clients.calls(), "announce " + uuid() + ' ' + event);
  }

  std::shared_ptr<body_pipe> pipe = std::make_shared<body_pipe>();
  incoming_transfers incoming;
};

} // namespace alula::jobs
