/// Says who may come in: the node token as `Authorization: Bearer <token>`.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace alula::http {

class bearer_auth {
public:
  /// An empty token admits nobody.
  explicit bearer_auth(std::string token);

  /// From now on only `token` is admitted. Any thread.
  void replace(std::string token);

  /// True for exactly `Bearer <token>`; the scheme matches in any case (RFC
  /// 9110, 11.1). Takes the same time for every wrong token of the right
  /// length. Any thread.
  bool admits(std::optional<std::string_view> authorization) const;

private:
  mutable std::mutex mutex_;
  std::shared_ptr<const std::string> token_;
};

} // namespace alula::http
