/// Reads typed fields out of a JSON body and collects everything that is wrong
/// with it, so that a caller learns all of it at once. Wings' leniency is kept
/// (wings-protocol 1.7): Content-Type is not looked at, the first JSON value
/// counts, unknown keys are ignored, keys match without regard to case, `null`
/// is an empty object.
#pragma once

#include "jobs/result.hpp"

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace alula::http {

/// A JSON object inside a body. Cheap to copy; keeps the body alive. Every
/// reader returns nothing when the key is absent or null, and also when the
/// value is wrong; then body.check() tells. `required` readers also report
/// absence.
class json_object {
public:
  bool has(std::string_view key) const; ///< present and not null

  std::optional<std::string> text(std::string_view key,
                                  std::size_t max_bytes = 65'536) const;
  std::optional<bool> boolean(std::string_view key) const;
  std::optional<std::int64_t>
  integer(std::string_view key,
          std::int64_t least = std::numeric_limits<std::int64_t>::min(),
          std::int64_t most = std::numeric_limits<std::int64_t>::max()) const;
  std::optional<double> number(std::string_view key) const;
  std::optional<std::vector<std::string>>
  texts(std::string_view key, std::size_t max_items = 1'000,
        std::size_t max_bytes_each = 65'536) const;
  std::optional<std::string>
  one_of(std::string_view key,
         std::initializer_list<std::string_view> allowed) const;
  std::optional<json_object> object(std::string_view key) const;
  std::optional<std::vector<json_object>>
  objects(std::string_view key, std::size_t max_items = 1'000) const;
  /// The member's JSON text, whatever its type; empty when absent.
  std::string raw(std::string_view key) const;

  /// As `text`, but absence and the empty string are reported; "" then.
  std::string required_text(std::string_view key,
                            std::size_t max_bytes = 65'536) const;

  /// Reports the member as wrong: for rules this class does not know.
  void reject(std::string_view key, std::string detail) const;

private:
  friend class json_body;
  struct document;
  struct position;
  explicit json_object(std::shared_ptr<const position> at);
  std::shared_ptr<const position> at_;
};

class json_body {
public:
  /// Fault: malformed (empty, not JSON, not an object, nested deeper than 64).
  static jobs::result<json_body> parse(std::string_view text);

  const json_object& root() const { return root_; }

  /// Fault: validation, with one entry per wrong field, in the order they were
  /// read, at most 100.
  jobs::status check() const;

private:
  explicit json_body(json_object root) : root_(std::move(root)) {}
  json_object root_;
};

} // namespace alula::http
