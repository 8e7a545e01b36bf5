/// A world with the files of a deleted server in its trash.
#pragma once

#include "tests/jobs/kinds/world.hpp"

namespace alula::jobs {

/// Jobs are about its delete.
struct deleted_world : world {
  deleted_world() {
    subject = make_job_id(now);
    disk.trash[subject.to_string()] = {.files = 3, .bytes = 30};
  }
};

} // namespace alula::jobs
