/// The way from a file to a ledger that may be written: steps 2 and 3 of the
/// boot order (job-engine C.6).
#pragma once

#include "jobs/clock.hpp"
#include "jobs/ledger.hpp"
#include "storage/last_words.hpp"
#include "storage/ledger_settings.hpp"
#include "storage/sqlite.hpp"

#include <cstdint>
#include <optional>

namespace alula::storage {

struct booted_ledger {
  database db;
  jobs::recovery found;
  std::int64_t last_job_row = 0;
};

/// Opens or makes the file, looks for damage when the last boot did not end
/// cleanly, migrates, writes the row of this boot, and reads what is alive.
/// `before` is what the process before said last.
/// Faults: those of storage/sqlite.hpp and migrate().
jobs::result<booted_ledger>
boot_ledger(const ledger_settings& settings,
            const std::optional<last_words::end>& before,
            const jobs::clock& clock);

} // namespace alula::storage
