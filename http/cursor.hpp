/// The opaque cursor of a list: where the next page begins, bound to the
/// filters it was made for and sealed, so that no client can make one up.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace alula::http {

class cursor_seal {
public:
  /// `secret` is any text that outlives a restart (the node's token is one);
  /// the key of the seal is derived from it, and the secret is not kept.
  explicit cursor_seal(std::string_view secret);

  /// base64url(version | before | hash of filters | HMAC), 56 characters.
  std::string make(std::int64_t before, std::string_view filters) const;

  /// Nothing for a cursor that was not made here, was changed, or belongs to
  /// other filters.
  std::optional<std::int64_t> open(std::string_view cursor,
                                   std::string_view filters) const;

private:
  std::string body(std::int64_t before, std::string_view filters) const;
  std::string seal(std::string_view body) const;

  std::string key_;
};

} // namespace alula::http
