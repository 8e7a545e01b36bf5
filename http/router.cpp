#include "http/router.hpp"

#include "http/text.hpp"

#include <cstddef>
#include <functional>
#include <map>
#include <set>

namespace alula::http {

struct router::node {
  /// Transparent: looked up by view.
  std::map<std::string, std::unique_ptr<node>, std::less<>> literals;
  std::unique_ptr<node> parameter;
  /// By method; the names belong to this route, as two routes may name the
  /// same place differently.
  struct leaf {
    const route* hit;
    std::vector<std::string> names;
  };
  std::map<std::string, leaf, std::less<>> leaves;
};

namespace {

/// The segments of a path that starts with a slash; "/" has one empty segment.
std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> segments;
  path.remove_prefix(1);
  for (;;) {
    const auto slash = path.find('/');
    segments.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos)
      return segments;
    path.remove_prefix(slash + 1);
  }
}

/// What is left to match of a path, one segment at a time, so that a long path
/// costs nothing beyond the segments some pattern has.
struct remainder {
  std::string_view rest;
  bool done = false;

  std::string_view take() {
    const auto slash = rest.find('/');
    const auto segment = rest.substr(0, slash);
    done = slash == std::string_view::npos;
    rest = done ? std::string_view{} : rest.substr(slash + 1);
    return segment;
  }
};

} // namespace

router::router(std::vector<route> routes) : root_(std::make_unique<node>()) {
  for (auto& given : routes) {
    routes_.push_back(std::make_unique<route>(std::move(given)));
    const route& line = *routes_.back();
    node* at = root_.get();
    std::vector<std::string> names;
    for (const auto segment : split(line.pattern)) {
      const bool is_parameter = !segment.empty() && segment.front() == ':';
      if (is_parameter)
        names.emplace_back(segment.substr(1));
      auto& next =
          is_parameter ? at->parameter : at->literals[std::string{segment}];
      if (!next)
        next = std::make_unique<node>();
      at = next.get();
    }
    at->leaves.try_emplace(std::string{line.method},
                           node::leaf{&line, std::move(names)});
  }
}

router::router(router&&) noexcept = default;
router& router::operator=(router&&) noexcept = default;
router::~router() = default;

router::match router::find(std::string_view method,
                           std::string_view path) const {
  struct walk {
    std::string_view method;
    std::vector<std::string_view> values = {};
    const node::leaf* hit = nullptr;
    std::set<std::string> allowed = {};

    /// True when a route was found below `at`.
    bool descend(const node& at, remainder path) {
      if (path.done) {
        if (auto leaf = at.leaves.find(method); leaf != at.leaves.end()) {
          hit = &leaf->second;
          return true;
        }
        for (const auto& [name, leaf] : at.leaves)
          allowed.insert(name);
        return false;
      }
      const auto segment = path.take();
      if (auto next = at.literals.find(segment); next != at.literals.end())
        if (descend(*next->second, path))
          return true;
      if (!at.parameter || segment.empty())
        return false;
      values.push_back(segment);
      if (descend(*at.parameter, path))
        return true;
      values.pop_back();
      return false;
    }
  };

  match found;
  if (path.empty() || path.front() != '/')
    return found;
  walk search{method};
  if (!search.descend(*root_, remainder{path.substr(1)})) {
    if (search.allowed.empty())
      return found;
    found.result = outcome::method_not_allowed;
    search.allowed.insert("OPTIONS");
    for (const auto& name : search.allowed)
      found.allow += (found.allow.empty() ? "" : ", ") + name;
    return found;
  }
  found.result = outcome::found;
  found.hit = search.hit->hit;
  found.params.reserve(search.values.size());
  for (std::size_t i = 0; i < search.values.size(); ++i) {
    auto value = percent_decode(search.values[i]);
    if (!value) {
      found.result = outcome::malformed;
      return found;
    }
    found.params.emplace_back(search.hit->names[i], std::move(*value));
  }
  return found;
}

} // namespace alula::http
