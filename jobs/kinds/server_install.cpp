// Installs a server's files for the first time, or again when that has failed:
// see installing.cpp. Existing files are touched by nothing but the script.
#include "jobs/catalog.hpp"
#include "jobs/engine.hpp"
#include "jobs/kinds/installing.hpp"

namespace alula::jobs {

namespace {

result<job_draft> read(const submission& request) {
  return read_install(request, false);
}

} // namespace

const kind server_install{.name = "server.install",
                          .max_attempts = 5,
                          .read = read,
                          .steps = install_steps(),
                          .when_over = install_is_over};

} // namespace alula::jobs
