#include "jobs/path_text.hpp"
#include "storage/config_files/formats.hpp"
#include "storage/config_files/text_lines.hpp"
#include "storage/config_files/xml_editor.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

namespace alula::storage {

using jobs::fault;
using jobs::fault_code;

namespace {

/// Everything is kept but what stands outside the root element. Entities of a
/// document type are text to pugixml: none is ever expanded.
constexpr unsigned reading =
    (pugi::parse_full | pugi::parse_ws_pcdata) & ~unsigned{pugi::parse_eol};
constexpr unsigned writing = pugi::format_raw | pugi::format_no_declaration;

class string_writer final : public pugi::xml_writer {
public:
  void write(const void* data, std::size_t size) override {
    text.append(static_cast<const char*>(data), size);
  }
  std::string text;
};

std::string written(const pugi::xml_node& node) {
  string_writer writer;
  node.print(writer, "", writing, pugi::encoding_utf8);
  return std::move(writer.text);
}

pugi::xml_parse_result read_xml(std::string_view text,
                                pugi::xml_document& into) {
  return into.load_buffer(text.data(), text.size(), reading,
                          pugi::encoding_utf8);
}

bool is_blank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n") == text.npos;
}

/// Entities other than XML's own would be lost when it is written anew.
bool has_own_entities(std::string_view text) {
  for (auto at = text.find('&'); at != text.npos; at = text.find('&', at + 1)) {
    const auto rest = text.substr(at + 1, 5);
    if (!rest.starts_with('#') && !rest.starts_with("lt;")
        && !rest.starts_with("gt;") && !rest.starts_with("amp;")
        && !rest.starts_with("quot;") && !rest.starts_with("apos;"))
      return true;
  }
  return false;
}

/// What stands before and after the root element stays as it is.
std::optional<std::string> rewritten(std::string_view text, std::ptrdiff_t root,
                                     const pugi::xml_document& document) {
  const auto element = document.document_element();
  const auto end = line_end_of(text);
  if (root <= 0)
    return "<?xml version=\"1.0\" encoding=\"utf-8\"?>" + end + written(element)
           + end;
  if (has_own_entities(text))
    return std::nullopt;
  std::string made{text.substr(0, static_cast<std::size_t>(root) - 1)};
  made += written(element);
  const auto close = text.rfind("</" + std::string{element.name()});
  const auto after = close == text.npos ? close : text.find('>', close);
  made += after == text.npos ? end : std::string{text.substr(after + 1)};
  return made;
}

bool says(std::string_view text, const pugi::xml_document& wanted) {
  pugi::xml_document read;
  return read_xml(text, read)
         && written(read.document_element())
                == written(wanted.document_element());
}

bool is_ascii(const config_replacements& wanted) {
  return std::all_of(wanted.begin(), wanted.end(), [](const auto& one) {
    return std::all_of(one.with.text.begin(), one.with.text.end(),
                       [](char c) { return (c & 0x80) == 0; });
  });
}

} // namespace

jobs::result<config_text> edit_xml(std::string_view text,
                                   const config_replacements& wanted) {
  // Its bytes are kept, whatever they mean; others cannot be mixed in.
  if (!jobs::is_utf8(text) && !is_ascii(wanted))
    return fault{fault_code::malformed, "It is no text in UTF-8."};
  pugi::xml_document document;
  if (!is_blank(text))
    if (const auto read = read_xml(text, document); !read)
      return fault{fault_code::malformed,
                   "It is not XML from byte " + std::to_string(read.offset)
                       + " on: " + read.description() + "."};
  config_text edited{std::string{text}, {}};
  const auto root = document.document_element().offset_debug();
  xml_editor editor{text, document, edited.notes};
  for (const auto& one : wanted)
    if (!editor.make(one))
      return too_large();
  if (!editor.changed())
    return edited;
  if (auto spliced = editor.spliced(); spliced && says(*spliced, document)) {
    edited.text = std::move(*spliced);
    return edited;
  }
  auto whole = rewritten(text, root, document);
  if (!whole || !says(*whole, document))
    return fault{fault_code::malformed,
                 "It is written in a way that cannot be changed without "
                 "changing more than was asked for."};
  edited.text = std::move(*whole);
  return edited;
}

} // namespace alula::storage
