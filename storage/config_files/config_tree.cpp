#include "storage/config_files/config_tree.hpp"

#include "storage/config_files/config_path.hpp"
#include "storage/config_files/config_values.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace alula::storage {

using jobs::config_replacement;
using jobs::config_value;

namespace {

using kind = tree_node::kind;
using part_type = path_part::type;

constexpr const char* no_room = "would make the file too large.";
constexpr std::size_t node_cost = 64; // bounds the memory too

/// The type a text has in the file. As Wings has it a text of digits is a
/// number; but a string of digits, or an empty one, shows that the game keeps
/// such things in strings, and a boolean or a fraction stays one.
kind kind_of_text(const std::string& text, const tree_node* now) {
  const auto was = now ? now->is : kind::null;
  if (was == kind::boolean && (text == "true" || text == "false"))
    return kind::boolean;
  const bool keeps_digits =
      was == kind::text && (now->text.empty() || is_plain_integer(now->text));
  const bool is_number =
      was == kind::number ? is_json_number(text) : is_plain_integer(text);
  return is_number && !keeps_digits ? kind::number : kind::text;
}

/// `with` as a node; in place of `now`, if that is a scalar.
tree_node typed(const config_value& with, const tree_node* now) {
  tree_node made;
  made.text = with.text;
  switch (with.is) {
  case config_value::type::null:
    made.is = kind::null;
    break;
  case config_value::type::boolean:
    made.is = kind::boolean;
    break;
  case config_value::type::number:
    made.is = kind::number;
    break;
  case config_value::type::text:
    made.is = kind_of_text(with.text, now);
  }
  return made;
}

tree_member* find_member(tree_node& map, std::string_view key) {
  // Of a key that is there twice the last one counts, as in most parsers.
  const auto at = std::find_if(map.members.rbegin(), map.members.rend(),
                               [&](const auto& m) { return m.key == key; });
  return at == map.members.rend() ? nullptr : &*at;
}

class change {
public:
  change(const config_replacement& wanted, growth_limit& growth,
         std::vector<std::string>& notes)
    : wanted_(wanted), growth_(growth), notes_(notes),
      path_(read_path(wanted.match)) {}

  void make(tree_node& root) {
    if (path_.size() > max_tree_depth)
      return complain("goes too deep.");
    if (root.is == kind::map && !find_member(root, path_.front().key))
      if (auto* whole = find_member(root, unescape_key(wanted_.match)))
        return set(whole->value); // a key with dots
    walk(root, 0);
  }

  bool changed() const { return changed_; }

private:
  void walk(tree_node& at, std::size_t i) {
    if (i == path_.size())
      return set(at);
    if (at.is == kind::alias)
      return complain("leads through an alias (*" + at.text
                      + "), which is changed where it is defined only.");
    switch (path_[i].is) {
    case part_type::each:
      return walk_all(at, i);
    case part_type::index:
      return walk_list(at, i);
    case part_type::key:
      if (at.is == kind::list)
        return walk_list(at, i);
      return walk_map(at, i);
    }
  }

  void walk_all(tree_node& at, std::size_t i) {
    if (i == 0)
      if (auto* literal = find_member(at, "*"))
        return walk(literal->value, i + 1);
    const bool is_last = i + 1 == path_.size();
    for (auto& member : at.members)
      if (is_last || !member.value.is_scalar())
        walk(member.value, i + 1);
  }

  void walk_list(tree_node& at, std::size_t i) {
    const auto& key = path_[i].key;
    if (at.is == kind::null && creates(i))
      become(at, kind::list);
    if (at.is != kind::list)
      return complain("asks for an element of what is no list.");
    if (!is_plain_integer(key) || key.size() > 9 || key.front() == '-')
      return complain("asks for a key of what is a list.");
    const auto index = static_cast<std::size_t>(std::stoul(key));
    if (index >= at.members.size()) {
      if (!wanted_.if_value.empty())
        return;
      if (!creates(i) || !at.members.empty())
        return complain("asks for an element that is not there.");
      if (!growth_.add(node_cost))
        return complain(no_room);
      add(at, "");
    }
    walk(at.members[index].value, i + 1);
  }

  void walk_map(tree_node& at, std::size_t i) {
    const auto& key = path_[i].key;
    if (at.is == kind::null && creates(i))
      become(at, kind::map);
    if (at.is != kind::map) {
      if (at.is != kind::null)
        complain("leads through what has no keys.");
      return;
    }
    auto* found = find_member(at, key);
    if (!found) {
      if (!creates(i))
        return;
      if (!growth_.add(node_cost + key.size()))
        return complain(no_room);
      found = &add(at, key);
    }
    walk(found->value, i + 1);
  }

  /// Nothing is made for a replacement that asks for a value first, or of
  /// whose path the rest, from part `i` on, cannot be made.
  bool creates(std::size_t i) const {
    return wanted_.if_value.empty()
           && std::all_of(path_.begin() + static_cast<std::ptrdiff_t>(i),
                          path_.end(), [](const path_part& part) {
                            return part.is == part_type::key
                                   || (part.is == part_type::index
                                       && part.index == 0);
                          });
  }

  void become(tree_node& at, kind is) {
    at.is = is;
    at.text.clear();
    at.is_changed = true;
    changed_ = true;
  }

  tree_member& add(tree_node& at, std::string_view key) {
    tree_member added;
    added.key = key;
    added.value.is_new = true;
    at.members.push_back(std::move(added));
    changed_ = true;
    return at.members.back();
  }

  void set(tree_node& at) {
    std::optional<std::string_view> current;
    if (at.is_scalar() && !at.is_new)
      current = at.text;
    const auto value = value_for(wanted_, current);
    if (!value)
      return;
    auto made = typed(*value, at.is_scalar() && !at.is_new ? &at : nullptr);
    if (made.is == at.is && made.text == at.text && !at.is_new)
      return;
    if (!growth_.add(made.text.size() + 1))
      return complain(no_room);
    at.was_open = at.was_open || !at.members.empty();
    at.is = made.is;
    at.text = std::move(made.text);
    at.members.clear();
    at.tag.clear();
    at.is_changed = true;
    changed_ = true;
  }

  void complain(const std::string& why) {
    if (!complained_)
      notes_.push_back(wanted_.match + " " + why);
    complained_ = true;
  }

  const config_replacement& wanted_;
  growth_limit& growth_;
  std::vector<std::string>& notes_;
  const config_path path_;
  bool changed_ = false;
  bool complained_ = false;
};

std::vector<const tree_member*> sorted(const tree_node& map) {
  std::vector<const tree_member*> all;
  for (const auto& member : map.members)
    all.push_back(&member);
  std::stable_sort(all.begin(), all.end(), [](const auto* a, const auto* b) {
    return a->key < b->key;
  });
  return all;
}

} // namespace

bool change_tree(tree_node& root, const config_replacements& wanted,
                 std::vector<std::string>& notes) {
  growth_limit growth;
  bool changed = false;
  for (const auto& one : wanted) {
    change made{one, growth, notes};
    made.make(root);
    changed = changed || made.changed();
  }
  return changed;
}

bool is_same_tree(const tree_node& one, const tree_node& other) {
  if (one.is != other.is || one.text != other.text || one.tag != other.tag
      || one.anchor != other.anchor
      || one.members.size() != other.members.size())
    return false;
  if (one.is == kind::list)
    return std::equal(one.members.begin(), one.members.end(),
                      other.members.begin(), [](const auto& a, const auto& b) {
                        return is_same_tree(a.value, b.value);
                      });
  const auto left = sorted(one);
  const auto right = sorted(other);
  return std::equal(left.begin(), left.end(), right.begin(),
                    [](const auto* a, const auto* b) {
                      return a->key == b->key
                             && is_same_tree(a->value, b->value);
                    });
}

} // namespace alula::storage
