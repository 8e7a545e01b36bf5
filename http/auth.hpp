/// Says who asks: reads `Authorization` and finds the principal behind it.
#pragma once

#include "http/exchange.hpp"

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace alula::http {

/// Where principals other than the Panel are known. Called for requests that
/// bring such a credential, on the I/O thread; must not block and must compare
/// secrets in constant time. Null, or a null answer: nobody.
struct principal_sources {
  /// API tokens and JWTs: what stands behind `Bearer`.
  std::function<jobs::principal_ptr(std::string_view token)> bearer = {};
  /// Appliances: user and password of `Basic`.
  std::function<jobs::principal_ptr(std::string_view user,
                                    std::string_view password)>
      basic = {};
};

struct identified {
  jobs::principal_ptr who; ///< null unless `proof` is good
  credential proof = credential::missing;
};

/// Any thread.
class authenticator {
public:
  /// An empty node token admits nobody.
  explicit authenticator(std::string node_token, principal_sources others = {});

  /// From now on only `token` is the Panel's.
  void replace(std::string token);

  /// `Bearer <token>` or `Basic <base64 of user:password>`; the scheme matches
  /// in any case (RFC 9110, 11.1). The node's token takes the same time for
  /// every wrong one of the right length.
  identified identify(std::optional<std::string_view> authorization) const;

private:
  bool is_node_token(std::string_view given) const;

  const principal_sources others_;
  mutable std::mutex mutex_;
  std::shared_ptr<const std::string> token_;
};

} // namespace alula::http
