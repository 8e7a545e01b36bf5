#include "http/access_book.hpp"

#include "http/sha256.hpp"

#include <openssl/rand.h>

#include <array>
#include <stdexcept>
#include <utility>

namespace alula::http {

namespace {

constexpr std::size_t id_bytes = 10, secret_bytes = 20;
/// One write per token in so long, however often it is used.
constexpr jobs::time_ms note_every = 60'000;

/// The public part of "<prefix>_<id>.<secret>"; empty for another shape.
std::string_view id_in(std::string_view secret, std::string_view prefix) {
  const auto dot = prefix.size() + 1 + 2 * id_bytes;
  if (secret.size() != dot + 1 + 2 * secret_bytes || !secret.starts_with(prefix)
      || secret[prefix.size()] != '_' || secret[dot] != '.')
    return {};
  return secret.substr(prefix.size() + 1, 2 * id_bytes);
}

} // namespace

fresh_secret make_secret(std::string_view prefix) {
  std::array<unsigned char, id_bytes + secret_bytes> random{};
  if (::RAND_bytes(random.data(), static_cast<int>(random.size())) != 1)
    throw std::runtime_error{"there is no randomness for a token"};
  const auto digits =
      to_hex({reinterpret_cast<const char*>(random.data()), random.size()});
  fresh_secret made;
  made.id = digits.substr(0, 2 * id_bytes);
  made.text =
      std::string{prefix} + '_' + made.id + '.' + digits.substr(2 * id_bytes);
  made.hash = to_hex(sha256(made.text));
  return made;
}

void access_book::follow_desk() {
  auto now = desk_.tokens();
  if (now == seen_)
    return;
  std::map<std::string, entry, std::less<>> fresh;
  for (const auto& token : *now) {
    entry one{
        token,
        std::make_shared<const jobs::principal>(jobs::principal_of(token)),
        token.used_at};
    if (const auto known = by_id_.find(token.id); known != by_id_.end())
      one.noted_at = known->second.noted_at;
    fresh.emplace(token.id, std::move(one));
  }
  by_id_ = std::move(fresh);
  seen_ = std::move(now);
}

jobs::principal_ptr access_book::find(std::string_view secret,
                                      std::string_view prefix,
                                      jobs::principal_kind kind,
                                      std::string_view subject) {
  const auto id = id_in(secret, prefix);
  if (id.empty())
    return nullptr;
  const auto hash = to_hex(sha256(secret));
  const auto now = clock_.now();
  jobs::principal_ptr who;
  bool is_news = false;
  {
    const std::scoped_lock lock{mutex_};
    follow_desk();
    const auto known = by_id_.find(id);
    if (known == by_id_.end())
      return nullptr;
    auto& [token, principal, noted_at] = known->second;
    if (token.kind != kind || token.subject != subject
        || !equal_in_constant_time(token.hash, hash) || !token.is_good(now))
      return nullptr;
    who = principal;
    is_news = now - noted_at >= note_every;
    if (is_news)
      noted_at = now;
  }
  if (is_news)
    desk_.note_use(std::string{id}, now);
  return who;
}

jobs::principal_ptr access_book::by_token(std::string_view secret) {
  return find(secret, token_prefix, jobs::principal_kind::token, {});
}

jobs::principal_ptr access_book::by_password(std::string_view user,
                                             std::string_view secret) {
  if (user.empty())
    return nullptr;
  return find(secret, appliance_prefix, jobs::principal_kind::appliance, user);
}

} // namespace alula::http
