#include "http/auth.hpp"

#include "http/text.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <utility>

namespace alula::http {

namespace {

/// Strict RFC 4648 base64 with padding; nothing for anything else.
std::optional<std::string> decode_base64(std::string_view text) {
  if (text.size() % 4 != 0 || text.find_first_of("\r\n \t") != text.npos)
    return std::nullopt;
  std::string bytes(text.size() / 4 * 3, '\0');
  const auto size =
      ::EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                        reinterpret_cast<const unsigned char*>(text.data()),
                        static_cast<int>(text.size()));
  if (size < 0)
    return std::nullopt;
  // The library counts what the padding stands for.
  const auto padding = text.ends_with("==")  ? 2u
                       : text.ends_with('=') ? 1u
                                             : 0u;
  bytes.resize(static_cast<std::size_t>(size) - padding);
  return bytes;
}

} // namespace

authenticator::authenticator(std::string node_token, principal_sources others)
  : others_(std::move(others)),
    token_(std::make_shared<const std::string>(std::move(node_token))) {}

void authenticator::replace(std::string token) {
  auto fresh = std::make_shared<const std::string>(std::move(token));
  std::lock_guard lock{mutex_};
  token_ = std::move(fresh);
}

bool authenticator::is_node_token(std::string_view given) const {
  std::shared_ptr<const std::string> token;
  {
    std::lock_guard lock{mutex_};
    token = token_;
  }
  return !token->empty() && given.size() == token->size()
         && CRYPTO_memcmp(given.data(), token->data(), given.size()) == 0;
}

identified
authenticator::identify(std::optional<std::string_view> authorization) const {
  if (!authorization)
    return {nullptr, credential::missing};
  const auto space = authorization->find(' ');
  const auto scheme = authorization->substr(0, space);
  const bool is_bearer = equal_ignoring_case(scheme, "Bearer");
  if (!is_bearer && !equal_ignoring_case(scheme, "Basic"))
    return {nullptr, credential::other_scheme};
  if (space == std::string_view::npos || space + 1 == authorization->size())
    return {nullptr, credential::empty};
  const auto given = authorization->substr(space + 1);
  jobs::principal_ptr who;
  if (is_bearer) {
    if (is_node_token(given))
      who = jobs::panel_principal();
    else if (others_.bearer)
      who = others_.bearer(given);
  } else {
    const auto pair = decode_base64(given);
    if (!pair)
      return {nullptr, credential::undecodable};
    const auto colon = pair->find(':');
    if (colon == std::string::npos)
      return {nullptr, credential::unsplittable};
    if (others_.basic)
      who = others_.basic(std::string_view{*pair}.substr(0, colon),
                          std::string_view{*pair}.substr(colon + 1));
  }
  const auto proof = who ? credential::good : credential::unknown;
  return {std::move(who), proof};
}

} // namespace alula::http
