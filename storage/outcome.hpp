/// What a statement of a change comes to.
#pragma once

#include "jobs/result.hpp"

#include <string>
#include <utility>

namespace alula::storage {

/// For who does not ask how many rows it touched.
template<class T>
jobs::status outcome_of(jobs::result<T> run) {
  return run ? jobs::status{} : jobs::status{std::move(run).error()};
}

/// A change that what the ledger has on record does not allow: a bug of ours.
inline jobs::fault nonsense(std::string what) {
  return {.code = jobs::fault_code::internal,
          .what = std::move(what),
          .where = "ledger"};
}

} // namespace alula::storage
