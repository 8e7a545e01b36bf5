#include "storage/transfer_journal.hpp"

#include <future>
#include <memory>
#include <utility>

namespace alula::storage {

jobs::status ledger_journal::keep(const jobs::job_id& job,
                                  const jobs::transfer_record& what) {
  return amend(jobs::keep_transfer{what, job});
}

jobs::status ledger_journal::keep_part(const jobs::job_id& job,
                                       const std::string& upload,
                                       const jobs::object_part& part) {
  return amend(jobs::keep_transfer_part{upload, part, job});
}

jobs::status ledger_journal::amend(jobs::change what) {
  auto answer = std::make_shared<std::promise<jobs::status>>();
  auto committed = answer->get_future();
  std::vector<jobs::change> changes;
  changes.push_back(std::move(what));
  ledger_.amend(std::move(changes), [answer](const jobs::status& done) {
    answer->set_value(done);
  });
  return committed.get();
}

} // namespace alula::storage
