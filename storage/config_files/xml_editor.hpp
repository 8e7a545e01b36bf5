/// Changes an XML document and, as far as that goes, its text word by word.
#pragma once

#include "jobs/config_files.hpp"
#include "storage/config_files/formats.hpp"

#include <optional>
#include <pugixml.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace alula::storage {

struct xml_step;
struct xml_attribute;

class xml_editor {
public:
  /// `document` was read from `text`.
  xml_editor(std::string_view text, pugi::xml_document& document,
             std::vector<std::string>& notes)
    : text_(text), document_(document), notes_(notes) {}

  /// False: the file becomes too large.
  bool make(const jobs::config_replacement& wanted);

  bool changed() const { return changed_; }

  /// The text with the same changes made word by word; nothing when an element
  /// is new or a word cannot be found. A proposal: read it again.
  std::optional<std::string> spliced() const;

private:
  using elements = std::vector<pugi::xml_node>;

  elements find(const std::vector<xml_step>& path, bool creates);
  elements step(const elements& above, const xml_step& to, bool creates);
  pugi::xml_node add(pugi::xml_node parent, const xml_step& like);
  bool set_attribute(pugi::xml_node element, const xml_attribute& to);
  bool set_text(pugi::xml_node element, const std::string& to);
  void cut_attribute(pugi::xml_node element, const xml_attribute& to);
  void cut_text(pugi::xml_node element, const std::string& to);

  struct splice {
    std::size_t begin;
    std::size_t end;
    std::string text;
  };

  const std::string_view text_;
  pugi::xml_document& document_;
  std::vector<std::string>& notes_;
  std::vector<splice> splices_;
  growth_limit growth_;
  bool changed_ = false;
  bool can_splice_ = true;
};

} // namespace alula::storage
