/// The job that another one stands in line behind, as that one says it.
#pragma once

#include "jobs/ids.hpp"
#include "jobs/job.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace alula::jobs {

/// What a job says that waits in line: "waits for the end of <kind> <id>", and
/// of one that is parked, which ends by nobody but an operator, that it is.
std::string words_of_line(const job_record& in_front);

struct job_in_front {
  job_id id;
  bool is_parked = false;
};

/// The job that these words of words_of_line() are about; nothing for any
/// others. A job keeps the words alone.
std::optional<job_in_front> job_in_front_in(std::string_view words);

} // namespace alula::jobs
