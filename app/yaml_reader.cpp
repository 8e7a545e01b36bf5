#include "app/yaml_reader.hpp"

#include "app/config_schema.hpp"
#include "app/config_value.hpp"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <map>
#include <memory>
#include <numeric>
#include <utility>

namespace alula::app {

namespace {

using severity = config_problem::severity;

/// The table as a tree: a section with children, or a key with a rule.
struct branch {
  std::map<std::string, std::unique_ptr<branch>, std::less<>> children;
  const value_rule* rule = nullptr;

  const branch* find(const std::string& name) const {
    auto it = children.find(name);
    if (it == children.end())
      it = children.find("*");
    return it == children.end() ? nullptr : it->second.get();
  }
};

const branch& schema() {
  static const std::unique_ptr<branch> root = [] {
    auto top = std::make_unique<branch>();
    for (const auto& key : known_keys()) {
      branch* at = top.get();
      for (std::size_t from = 0; from <= key.path.size();) {
        const auto dot = std::min(key.path.find('.', from), key.path.size());
        auto& child =
            at->children[std::string{key.path.substr(from, dot - from)}];
        if (!child)
          child = std::make_unique<branch>();
        at = child.get();
        from = dot + 1;
      }
      at->rule = &key.rule;
    }
    return top;
  }();
  return *root;
}

/// Levenshtein; the words are keys, so short.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t corner = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t same = corner + (a[i - 1] == b[j - 1] ? 0 : 1);
      corner = row[j];
      row[j] = std::min({row[j - 1] + 1, row[j] + 1, same});
    }
  }
  return row.back();
}

std::string suggest(const branch& at, const std::string& name) {
  std::string best;
  std::size_t best_distance = 3; // more than two slips is another word
  if (name.size() < 64)
    for (const auto& [known, child] : at.children)
      if (const auto d = distance(name, known); d < best_distance) {
        best = known;
        best_distance = d;
      }
  return best.empty() ? "" : "; did you mean " + best + "?";
}

class walker {
public:
  explicit walker(config_report& into) : into_(into) {}

  void section(const YAML::Node& node, const branch& at,
               const std::string& path) {
    std::map<std::string, int> seen;
    for (const auto& entry : node) {
      const int line = line_of(entry.first);
      if (!entry.first.IsScalar()) {
        note(severity::error, line, path, "a key must be plain text");
        continue;
      }
      const auto& name = entry.first.Scalar();
      std::string key = path;
      key += path.empty() ? "" : ".";
      key += name;
      if (const auto [first, fresh] = seen.emplace(name, line); !fresh)
        note(severity::warning, line, key,
             "stands here a second time (first in line "
                 + std::to_string(first->second) + "); this one counts");
      into_.lines[key] = line;
      if (name == "<<")
        note(severity::error, line, key,
             "merge keys are not followed; write the keys out");
      else if (const auto* child = at.find(name)) {
        auto outer = any_name_;
        if (!at.children.contains(name))
          any_name_ = name;
        entry_of(*child, entry.second, key, line);
        any_name_ = std::move(outer);
      } else
        note(severity::warning, line, key, "unknown key" + suggest(at, name));
    }
  }

  void note(severity grade, int line, std::string key, std::string what) {
    into_.problems.push_back({grade, line, std::move(key), std::move(what)});
  }

private:
  static int line_of(const YAML::Node& node) { return node.Mark().line + 1; }

  void entry_of(const branch& at, const YAML::Node& node,
                const std::string& key, int line) {
    if (node.IsNull())
      return;
    if (!at.rule) {
      if (node.IsMap())
        section(node, at, key);
      else if (!(node.IsSequence() && node.size() == 0))
        // PHP writes an empty map as [], so that one is let through.
        note(severity::error, line, key,
             "must be a section with keys of its own below it");
      return;
    }
    if (node.IsScalar())
      complain(store(*at.rule,
                     scalar{node.Scalar(), node.Tag() == "!", any_name_},
                     into_.value),
               key, line);
    else if (node.IsSequence() && holds_list(*at.rule))
      list(*at.rule, node, key, line);
    else
      note(severity::error, line, key,
           std::string{node.IsMap() ? "is a section" : "is a list"} + ", not "
               + allowed(*at.rule));
  }

  void list(const value_rule& rule, const YAML::Node& node,
            const std::string& key, int line) {
    std::vector<std::string> values;
    for (const auto& item : node) {
      if (!item.IsScalar()) {
        note(severity::error, item.IsNull() ? line : line_of(item), key,
             "holds something that is not text; allowed is " + allowed(rule));
        return;
      }
      values.push_back(item.Scalar());
    }
    complain(store(rule, values, into_.value), key, line);
  }

  void complain(const std::optional<complaint>& about, const std::string& key,
                int line) {
    if (about)
      note(about->grade, line, key, about->what);
  }

  config_report& into_;
  std::string any_name_; ///< what stands in place of a `*`
};

} // namespace

void read_yaml(const std::string& text, config_report& into) {
  walker walk{into};
  try {
    const YAML::Node root = YAML::Load(text);
    if (root.IsMap())
      walk.section(root, schema(), "");
    else if (!root.IsNull())
      walk.note(severity::error, 1, "",
                "the file must be a YAML map of keys and values");
  } catch (const YAML::Exception& e) {
    walk.note(severity::error, e.mark.line + 1, "", "not YAML: " + e.msg);
  }
  std::stable_sort(
      into.problems.begin(), into.problems.end(),
      [](const auto& a, const auto& b) { return a.line < b.line; });
}

} // namespace alula::app
