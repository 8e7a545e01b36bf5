/// jobs::transfer_journal on the ledger: what a step keeps while it runs.
#pragma once

#include "jobs/ledger.hpp"
#include "jobs/transfers.hpp"

namespace alula::storage {

/// The ledger outlives it.
class ledger_journal final : public jobs::transfer_journal {
public:
  explicit ledger_journal(jobs::ledger& ledger) : ledger_(ledger) {}

  jobs::status keep(const jobs::job_id& job,
                    const jobs::transfer_record& what) override;
  jobs::status keep_part(const jobs::job_id& job, const std::string& upload,
                         const jobs::object_part& part) override;

private:
  jobs::status amend(jobs::change what);

  jobs::ledger& ledger_;
};

} // namespace alula::storage
