#include "storage/config_files/config_values.hpp"
#include "storage/config_files/formats.hpp"
#include "storage/config_files/text_lines.hpp"

#include <utility>

namespace alula::storage {

jobs::result<config_text> edit_lines(std::string_view text,
                                     const config_replacements& wanted) {
  auto lines = split_lines(text);
  growth_limit growth;
  for (auto& line : lines) {
    std::optional<jobs::config_value> made;
    std::size_t longest = 0;
    for (const auto& one : wanted) {
      if (one.match.empty() || one.match.size() < longest
          || !line.body.starts_with(one.match))
        continue;
      if (auto value = value_for(one, line.body)) {
        made = std::move(value);
        longest = one.match.size();
      }
    }
    if (!made)
      continue;
    line.body = std::move(made->text);
    if (!growth.add(line.body.size()))
      return too_large();
  }
  return config_text{join_lines(lines), {}};
}

} // namespace alula::storage
