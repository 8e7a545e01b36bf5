/// Finds the route of a method and a path. A tree of segments: the cost of a
/// look-up grows with the depth of the path, not with the number of routes, and
/// no path can make it recurse deeper than the deepest pattern.
#pragma once

#include "http/exchange.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace alula::http {

class router {
public:
  /// A literal segment is preferred to a parameter in the same place. Two
  /// routes of one method and pattern are a programming error: the first stays.
  explicit router(std::vector<route> routes);
  router(router&&) noexcept;
  router& operator=(router&&) noexcept;
  ~router();

  enum class outcome {
    found,
    not_found,          ///< no pattern fits the path
    method_not_allowed, ///< a pattern fits, see `allow`
    malformed           ///< a parameter has a broken percent escape
  };

  struct match {
    outcome result = outcome::not_found;
    const route* hit = nullptr; ///< lives as long as the router
    /// Decoded; an encoded slash stays inside its parameter.
    std::vector<std::pair<std::string, std::string>> params;
    std::string allow; ///< "DELETE, GET, OPTIONS", sorted (RFC 9110, 10.2.1)
  };

  /// `path` is raw: not decoded, without the query. Segments are compared byte
  /// for byte; a trailing slash is an empty segment and therefore another path.
  /// HEAD is found only where it is routed.
  match find(std::string_view method, std::string_view path) const;

private:
  struct node;
  std::unique_ptr<node> root_;
  std::vector<std::unique_ptr<route>> routes_;
};

} // namespace alula::http
