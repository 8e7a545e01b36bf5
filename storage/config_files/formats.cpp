#include "storage/config_files/formats.hpp"

#include <exception>
#include <utility>

namespace alula::storage {

using jobs::fault;
using jobs::fault_code;
using jobs::result;

namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

result<config_text> edit_format(std::string_view parser, std::string_view text,
                                const config_replacements& wanted) {
  if (parser == "file")
    return edit_lines(text, wanted);
  if (parser == "properties")
    return edit_properties(text, wanted);
  if (parser == "ini")
    return edit_ini(text, wanted);
  if (parser == "json")
    return edit_json(text, wanted);
  if (parser == "yaml" || parser == "yml")
    return edit_yaml(text, wanted);
  if (parser == "xml")
    return edit_xml(text, wanted);
  return fault{fault_code::malformed,
               "There is no parser of the name that the egg gives."};
}

} // namespace

fault too_large() {
  return {fault_code::malformed, "It would become larger than 4 MiB."};
}

result<config_text> edit_config(std::string_view parser, std::string_view text,
                                const config_replacements& wanted) {
  if (text.size() > max_config_bytes)
    return fault{fault_code::malformed, "It is larger than 4 MiB."};
  // Also UTF-16, which some games write.
  if (text.find('\0') != text.npos)
    return fault{fault_code::malformed,
                 "It is no text in UTF-8: there are NUL bytes in it."};
  const bool has_mark = text.starts_with(byte_order_mark);
  if (has_mark)
    text.remove_prefix(byte_order_mark.size());
  try {
    auto edited = edit_format(parser, text, wanted);
    if (!edited)
      return edited;
    if (edited->text.size() > max_config_bytes)
      return too_large();
    if (has_mark)
      edited->text.insert(0, byte_order_mark);
    return edited;
  } catch (const std::exception&) { // out of memory, or a library's bug
    return fault{fault_code::malformed, "It cannot be rewritten."};
  }
}

} // namespace alula::storage
