/// The shape of a server's configuration as the Panel writes it, as a table
/// (wings-protocol 3.4), and the one function that holds a JSON value against
/// such a table.
#pragma once

#include "jobs/result.hpp"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace alula::http {

enum class shape {
  text,
  name,    ///< a text that is not empty
  flag,    ///< true or false
  integer, ///< between least and most
  scalar,  ///< text, number or flag
  texts,   ///< a list of texts
  scalars, ///< an object whose members are scalars or null
  labels,  ///< an object whose members are texts
  ports,   ///< an object whose members are lists of port numbers
  object,  ///< an object with the members of `inside`
  objects, ///< a list of such objects
};

struct member {
  std::string_view name;
  shape is;
  std::int64_t least = 0, most = 0; ///< of an integer
  std::span<const member> inside{}; ///< of an object
  bool required = false;
  std::span<const std::string_view> words{}; ///< if any: the allowed texts
};

std::span<const member> settings_shape();
std::span<const member> process_shape();

/// Appends what is wrong to `errors` (at most `max_field_errors` in all) and
/// returns the value with known members under their exact names, nulls left
/// out. As Wings does, keys match without regard to case and null is absence.
nlohmann::json conform(const nlohmann::json& value,
                       std::span<const member> members,
                       const std::string& pointer,
                       std::vector<jobs::field_error>& errors);

inline constexpr std::size_t max_field_errors = 50;

} // namespace alula::http
