/// Statements looked up by name at compile time: an unknown name does not
/// compile, and a test can walk the table.
#pragma once

#include "storage/sqlite.hpp"

#include <array>
#include <cstddef>
#include <stdexcept>
#include <string_view>

namespace alula::storage {

template<std::size_t Size>
consteval const named_sql& find_sql(const std::array<named_sql, Size>& table,
                                    std::string_view name) {
  for (const auto& sql : table)
    if (sql.name == name)
      return sql;
  throw std::out_of_range{"no statement of that name"};
}

} // namespace alula::storage
