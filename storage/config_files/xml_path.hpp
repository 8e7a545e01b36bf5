/// Where a replacement applies in XML: "Settings.property[@name='Port']".
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace alula::storage {

/// One element of a path; each given condition must hold.
struct xml_step {
  std::string name; ///< "*": any
  struct condition {
    std::string name; ///< of an attribute, or of a child element
    bool is_attribute = false;
    std::optional<std::string> value; ///< absent: it only has to be there
  };
  std::vector<condition> conditions;
  std::size_t position = 0; ///< counted from 1; 0: every one
};

/// Steps between dots that are in no brackets. Nothing when it is no such path.
std::optional<std::vector<xml_step>> read_xml_path(std::string_view match);

/// "[name='value']" as a replacement: an attribute, not the text.
struct xml_attribute {
  std::string name;
  std::string value;
};
std::optional<xml_attribute> read_xml_attribute(std::string_view value);

bool is_xml_name(std::string_view name);

} // namespace alula::storage
