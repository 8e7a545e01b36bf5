/// The rows of an answer as records.
#pragma once

#include "storage/sqlite.hpp"

#include <optional>
#include <utility>
#include <vector>

namespace alula::storage {

/// The first row, if there is one.
template<class Record>
jobs::result<std::optional<Record>> read_first(rows answer,
                                               Record (*read)(const rows&)) {
  std::optional<Record> found;
  if (answer.next())
    found = read(answer);
  if (auto ended = answer.outcome(); !ended)
    return std::move(ended).error();
  return found;
}

template<class Record>
jobs::result<std::vector<Record>> read_every(rows answer,
                                             Record (*read)(const rows&)) {
  std::vector<Record> found;
  while (answer.next())
    found.push_back(read(answer));
  if (auto ended = answer.outcome(); !ended)
    return std::move(ended).error();
  return found;
}

} // namespace alula::storage
