// Installs a server's files for the first time, or again when that has failed:
// see installing.cpp. Existing files are touched by nothing but the script.
// When it has gone well, which the Panel has heard by then, a server that was
// never started gets its container ahead: see first_container.hpp.
#include "jobs/catalog.hpp"
#include "jobs/engine.hpp"
#include "jobs/kinds/first_container.hpp"
#include "jobs/kinds/installing.hpp"

namespace alula::jobs {

namespace {

result<job_draft> read(const submission& request) {
  return read_install(request, false);
}

std::vector<step> steps() {
  auto all = install_steps();
  all.push_back(first_image_step());
  all.push_back(first_container_step("install"));
  return all;
}

} // namespace

const kind server_install{.name = "server.install",
                          .plan_version = 2,
                          .oldest_plan = 1, // without the container ahead
                          .max_attempts = 5,
                          .read = read,
                          .steps = steps(),
                          .when_over = install_is_over};

} // namespace alula::jobs
