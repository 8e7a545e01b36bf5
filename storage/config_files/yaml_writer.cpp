#include "storage/config_files/yaml_writer.hpp"

#include "storage/config_files/text_lines.hpp"
#include "storage/config_files/yaml_emitter.hpp"
#include "storage/config_files/yaml_words.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace alula::storage {

namespace {

using kind = tree_node::kind;
constexpr auto nowhere = std::string::npos;

/// How much deeper the file's nested maps are: the first one tells.
std::size_t step_of(std::string_view text, const tree_node& root);

class splicer {
public:
  splicer(std::string_view text, std::size_t step)
    : text_(text), end_(line_end_of(text)), emitter_(end_, step), step_(step) {}

  std::optional<std::string> run(const tree_node& root) {
    if (root.begin == nowhere) // an empty file, or comments alone
      return with_lines_at_end(root);
    visit(root, nullptr, false);
    if (!is_possible_)
      return std::nullopt;
    return apply();
  }

private:
  struct splice {
    std::size_t begin;
    std::size_t end;
    std::string text;
  };

  std::string with_lines_at_end(const tree_node& root) {
    std::string made{text_};
    if (!made.empty() && !made.ends_with('\n'))
      made += end_;
    auto lines = emitter_.value(root, 0);
    return made + lines.substr(std::min(end_.size(), lines.size())) + end_;
  }

  void visit(const tree_node& node, const tree_member* member, bool in_flow) {
    if (node.is_new)
      return; // written with what it is in
    if (node.is_changed)
      return replace(node, member, in_flow);
    in_flow = in_flow || node.is_flow;
    bool has_new = false;
    for (const auto& one : node.members) {
      visit(one.value, node.is == kind::map ? &one : nullptr, in_flow);
      has_new = has_new || one.value.is_new;
    }
    if (has_new)
      extend(node);
  }

  void replace(const tree_node& node, const tree_member* member, bool in_flow) {
    if (node.begin == nowhere)
      return fill(node, member);
    if (!node.is_scalar())
      return give_up();
    if (!node.was_open)
      if (const auto now = token_at(node.begin, in_flow);
          now && is_whole(*now, member, in_flow))
        return cut(now->begin, now->end, yaml_scalar(node, now->quote));
    // Of more lines than one: all between its key and the next key.
    const auto colon = member ? colon_of(*member) : nowhere;
    if (colon == nowhere || in_flow)
      return give_up();
    cut(colon + 1, block_end(member->key_begin), " " + yaml_scalar(node));
  }

  /// A value where there was none: "key:", "key: ~".
  void fill(const tree_node& node, const tree_member* member) {
    const auto colon = member ? colon_of(*member) : nowhere;
    if (colon == nowhere)
      return give_up();
    auto at = colon + 1;
    while (at < text_.size() && (text_[at] == ' ' || text_[at] == '\t'))
      ++at;
    const auto rest = text_.substr(at);
    const auto size = std::min(rest.find_first_of(" \t\r\n,]}"), rest.size());
    const auto word = rest.substr(0, size);
    if (size > 0 && plain_kind(word) == kind::null)
      return cut(at, at + size, emitter_.flow(node));
    if (node.is_scalar())
      return cut(colon + 1, colon + 1, " " + yaml_scalar(node));
    const auto line = line_end(colon);
    cut(line, line, emitter_.value(node, column_of(member->key_begin) + step_));
  }

  /// New members of a map or list that was there before.
  void extend(const tree_node& node) {
    if (node.is_flow)
      return extend_flow(node);
    const tree_member* last = nullptr;
    for (const auto& member : node.members)
      if (!member.value.is_new && (!last || member.key_begin > last->key_begin))
        last = &member;
    if (node.is != kind::map || !last || last->key_begin == nowhere)
      return give_up();
    const auto at = block_end(last->key_begin);
    std::string added;
    for (const auto& member : node.members)
      if (member.value.is_new)
        added += emitter_.member(member, column_of(last->key_begin));
    cut(at, at, std::move(added));
  }

  void extend_flow(const tree_node& node) {
    const auto open = node.is == kind::map ? '{' : '[';
    const auto at = skip_properties(node.begin);
    if (at >= text_.size() || text_[at] != open)
      return give_up();
    std::string added;
    bool is_first = true;
    for (const auto& member : node.members)
      if (member.value.is_new) {
        added += is_first ? "" : ", ";
        added += emitter_.flow_member(member, node.is == kind::map);
        is_first = false;
      }
    const auto old =
        std::count_if(node.members.begin(), node.members.end(),
                      [](const auto& member) { return !member.value.is_new; });
    cut(at + 1, at + 1, added + (old > 0 ? ", " : ""));
  }

  struct token {
    std::size_t begin;
    std::size_t end;
    char quote;
  };

  /// The scalar on one line that begins there.
  std::optional<token> token_at(std::size_t begin, bool in_flow) const {
    begin = skip_properties(begin);
    if (begin >= text_.size())
      return std::nullopt;
    const char first = text_[begin];
    if (first == '"' || first == '\'') {
      const auto end = closing_quote(begin, first);
      if (end == nowhere)
        return std::nullopt;
      return token{begin, end + 1, first};
    }
    if (std::string_view{"|>[{"}.find(first) != std::string_view::npos)
      return std::nullopt;
    auto end = begin;
    for (; end < text_.size() && text_[end] != '\n' && text_[end] != '\r';
         ++end) {
      const char c = text_[end];
      const char next = end + 1 < text_.size() ? text_[end + 1] : '\n';
      const bool is_blank = next == ' ' || next == '\n' || next == '\r';
      if ((c == ' ' && next == '#') || (c == ':' && is_blank)
          || (in_flow && (c == ',' || c == ']' || c == '}')))
        break;
    }
    while (end > begin && (text_[end - 1] == ' ' || text_[end - 1] == '\t'))
      --end;
    return token{begin, end, 0};
  }

  /// Without quotes a scalar may go on in the next line.
  bool is_whole(const token& now, const tree_member* member,
                bool in_flow) const {
    return now.quote != 0 || in_flow || !member
           || block_end(member->key_begin) == line_end(now.begin);
  }

  std::size_t closing_quote(std::size_t begin, char quote) const {
    for (auto i = begin + 1; i < text_.size(); ++i) {
      if (quote == '"' && text_[i] == '\\') {
        ++i;
      } else if (text_[i] == quote) {
        if (quote == '"' || i + 1 == text_.size() || text_[i + 1] != quote)
          return i;
        ++i;
      }
    }
    return nowhere;
  }

  /// Past "&anchor ".
  std::size_t skip_properties(std::size_t at) const {
    while (at < text_.size() && text_[at] == '&') {
      at = std::min(text_.find_first_of(" \r\n", at), text_.size());
      while (at < text_.size() && text_[at] == ' ')
        ++at;
    }
    return at;
  }

  std::size_t colon_of(const tree_member& member) const {
    auto at = member.key_begin;
    if (at >= text_.size())
      return nowhere;
    if (text_[at] == '"' || text_[at] == '\'') {
      at = closing_quote(at, text_[at]);
      return at == nowhere ? at : text_.find(':', at);
    }
    for (; at < text_.size() && text_[at] != '\n'; ++at)
      if (text_[at] == ':'
          && (at + 1 == text_.size()
              || std::string_view{" \t\r\n"}.find(text_[at + 1])
                     != std::string_view::npos))
        return at;
    return nowhere;
  }

  std::size_t line_begin(std::size_t at) const {
    const auto before = at == 0 ? nowhere : text_.rfind('\n', at - 1);
    return before == nowhere ? 0 : before + 1;
  }

  std::size_t line_end(std::size_t at) const {
    auto end = std::min(text_.find('\n', at), text_.size());
    if (end > at && text_[end - 1] == '\r')
      --end;
    return end;
  }

  std::size_t column_of(std::size_t at) const { return at - line_begin(at); }

  /// The end of the last line that belongs to the key there: deeper ones, and
  /// the items of a list right below it.
  std::size_t block_end(std::size_t key_begin) const {
    const auto column = column_of(key_begin);
    auto end = line_end(key_begin);
    for (auto at = text_.find('\n', end); at != nowhere;
         at = text_.find('\n', at)) {
      ++at;
      const auto word = text_.find_first_not_of(' ', at);
      if (word == nowhere)
        break;
      if (text_[word] == '\n' || text_[word] == '\r' || text_[word] == '#')
        continue;
      const auto indent = word - at;
      const auto rest = text_.substr(word, 2);
      const bool is_item =
          indent == column && (rest == "- " || rest == "-\n" || rest == "-\r");
      if (indent <= column && !is_item)
        break;
      end = line_end(word);
    }
    return end;
  }

  void cut(std::size_t begin, std::size_t end, std::string text) {
    splices_.push_back({begin, end, std::move(text)});
  }

  void give_up() { is_possible_ = false; }

  std::optional<std::string> apply() {
    std::stable_sort(
        splices_.begin(), splices_.end(),
        [](const auto& a, const auto& b) { return a.begin < b.begin; });
    std::string made;
    std::size_t at = 0;
    for (const auto& one : splices_) {
      if (one.begin < at || one.end < one.begin)
        return std::nullopt;
      made += text_.substr(at, one.begin - at);
      made += one.text;
      at = one.end;
    }
    made += text_.substr(at);
    return made;
  }

  const std::string_view text_;
  const std::string end_;
  yaml_emitter emitter_;
  const std::size_t step_;
  std::vector<splice> splices_;
  bool is_possible_ = true;
};

std::size_t step_of(std::string_view text, const tree_node& root) {
  const auto column = [&](std::size_t at) {
    const auto before = at == 0 ? nowhere : text.rfind('\n', at - 1);
    return before == nowhere ? at : at - before - 1;
  };
  for (const auto& outer : root.members)
    if (outer.value.is == kind::map && !outer.value.is_flow
        && !outer.value.members.empty()) {
      const auto inner = outer.value.members.front().key_begin;
      if (inner != nowhere && outer.key_begin != nowhere
          && column(inner) > column(outer.key_begin))
        return std::min<std::size_t>(column(inner) - column(outer.key_begin),
                                     8);
    }
  return 2;
}

} // namespace

std::optional<std::string> splice_yaml(std::string_view text,
                                       const tree_node& root) {
  return splicer{text, step_of(text, root)}.run(root);
}

std::string write_yaml(const tree_node& root, std::string_view line_end) {
  auto lines = yaml_emitter{line_end, 2}.value(root, 0);
  const auto first =
      std::min(lines.starts_with(line_end) ? line_end.size() : 1, lines.size());
  return lines.substr(first) + std::string{line_end};
}

} // namespace alula::storage
