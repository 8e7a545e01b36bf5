#include "http/auth.hpp"

#include "http/text.hpp"

#include <openssl/crypto.h>

#include <utility>

namespace alula::http {

bearer_auth::bearer_auth(std::string token)
  : token_(std::make_shared<const std::string>(std::move(token))) {}

void bearer_auth::replace(std::string token) {
  auto fresh = std::make_shared<const std::string>(std::move(token));
  std::lock_guard lock{mutex_};
  token_ = std::move(fresh);
}

bool bearer_auth::admits(std::optional<std::string_view> authorization) const {
  if (!authorization)
    return false;
  const auto space = authorization->find(' ');
  if (space == std::string_view::npos
      || !equal_ignoring_case(authorization->substr(0, space), "Bearer"))
    return false;
  const auto given = authorization->substr(space + 1);
  std::shared_ptr<const std::string> token;
  {
    std::lock_guard lock{mutex_};
    token = token_;
  }
  return !token->empty() && given.size() == token->size()
         && CRYPTO_memcmp(given.data(), token->data(), given.size()) == 0;
}

} // namespace alula::http
