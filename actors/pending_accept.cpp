#include "actors/pending_accept.hpp"

#include "jobs/log.hpp"

#include <exception>
#include <string_view>
#include <utility>
#include <vector>

namespace alula::actors {

pending_accept::~pending_accept() {
  if (taken_)
    return;
  taken();
  try {
    give_up();
  } catch (const std::exception& e) {
    const jobs::log_scope as{done_.whose()};
    const bool is_job = what_ && *what_;
    const jobs::log_scope whose{"job", is_job ? what_->value().job.id.view()
                                              : std::string_view{}};
    jobs::log(jobs::log_level::error, "accept-given-up",
              {{"server", key_}, {"what", e.what()}});
  }
}

void pending_accept::count_in(std::shared_ptr<std::atomic<int>> count) {
  ++*count;
  --*std::exchange(count_, std::move(count));
}

void pending_accept::taken() {
  if (!std::exchange(taken_, true))
    --*count_;
}

void pending_accept::give_up() const {
  std::vector<jobs::job_record> found;
  auto key = key_;
  if (what_ && *what_) {
    const auto& [record, outcome] = what_->value();
    key = key_of(record.server_row);
    found.push_back(record);
    auto view = board_.peek(record.id);
    if (!view || view->record().version < record.version)
      view = std::make_shared<jobs::job_view>(record, std::nullopt, 0);
    done_(jobs::ticket{std::move(view), outcome});
  } else if (what_) {
    done_(what_->error());
  }
  // Also without a job: whoever waits for the count looks at it again.
  registry_->send(adopt_jobs{
      std::move(key),
      std::make_shared<const std::vector<jobs::job_record>>(std::move(found))});
}

} // namespace alula::actors
