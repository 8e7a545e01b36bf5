/// A server whose install script can be run, in an installer that does as a
/// test tells it.
#pragma once

#include "tests/jobs/kinds/life_world.hpp"

#include <cstddef>
#include <future>
#include <string>
#include <string_view>
#include <thread>

namespace alula::jobs {

struct install_world : life_world {
  install_world() {
    panel.configured = true;
    life.factory.images.insert("debian:12");
  }

  std::string installer() const { return installer_name(id); }

  /// Up to, but without, the step.
  job_record accept_until(std::string_view step) {
    auto job = accept(server_install);
    for (std::size_t i = 0; server_install.steps[i].name != step; ++i) {
      const auto outcome =
          run(server_install, job, server_install.steps[i].name);
      done(outcome);
      job.steps[i].state = step_state::done;
    }
    return job;
  }

  /// The whole of `run`, while the installer does as it is told.
  template<class Script>
  step_outcome run_while(job_record& job, Script does) {
    auto outcome = std::async(std::launch::async,
                              [&] { return run(server_install, job, "run"); });
    while (!called(docker.calls(), "start " + installer()))
      std::this_thread::yield();
    does();
    return outcome.get();
  }

  void end_installer(int code, bool oom = false) {
    docker.exit(installer(), code, oom);
    life.streams.end(installer());
  }
};

inline bool announced(install_world& w, const std::string& what) {
  return w.called(w.clients.calls(), "announce " + w.uuid() + ' ' + what);
}

inline fault bad_disk() {
  return {.code = fault_code::io_error,
          .what = "rename failed: Input/output error"};
}

/// After it no other try of the step is made.
inline void last_try(job_record& job, std::string_view name) {
  for (auto& step : job.steps)
    if (step.name == name)
      step.attempt = job.max_attempts - 1;
}

} // namespace alula::jobs
