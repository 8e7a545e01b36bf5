#include "http/jwt.hpp"

#include <nlohmann/json.hpp>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <optional>

namespace alula::http {

namespace {

using json = nlohmann::json;

constexpr jobs::time_ms early_leeway = 60'000;

jobs::fault refused_because(std::string what) {
  return {jobs::fault_code::unauthorized, std::move(what), "token"};
}

int sextet(char c) {
  if (c >= 'A' && c <= 'Z')
    return c - 'A';
  if (c >= 'a' && c <= 'z')
    return c - 'a' + 26;
  if (c >= '0' && c <= '9')
    return c - '0' + 52;
  if (c == '-')
    return 62;
  return c == '_' ? 63 : -1;
}

bool is_signed(std::string_view content, std::string_view signature,
               std::string_view key) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> mac{};
  unsigned int size = 0;
  if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
           reinterpret_cast<const unsigned char*>(content.data()),
           content.size(), mac.data(), &size)
      == nullptr)
    return false;
  return signature.size() == size
         && CRYPTO_memcmp(signature.data(), mac.data(), size) == 0;
}

json decode_object(std::string_view part) {
  const auto text = decode_base64url(part);
  if (!text)
    return json::value_t::discarded;
  auto value = json::parse(*text, nullptr, false);
  return value.is_object() ? value : json(json::value_t::discarded);
}

bool read_text(const json& from, const char* name, std::string& to) {
  const auto found = from.find(name);
  if (found == from.end() || found->is_null())
    return true;
  if (!found->is_string())
    return false;
  to = found->get<std::string>();
  return true;
}

bool read_time(const json& from, const char* name, jobs::time_ms& to) {
  const auto found = from.find(name);
  if (found == from.end() || found->is_null())
    return true;
  if (!found->is_number())
    return false;
  // A double holds every second of the next hundred million years exactly; the
  // clamp keeps the milliseconds of an absurd one inside 63 bits.
  const double most = 1e15;
  const double seconds = std::clamp(found->get<double>(), -most, most);
  to = static_cast<jobs::time_ms>(std::floor(seconds * 1000));
  return true;
}

bool read_texts(const json& from, const char* name,
                std::vector<std::string>& to) {
  const auto found = from.find(name);
  if (found == from.end() || found->is_null())
    return true;
  if (!found->is_array())
    return false;
  for (const auto& item : *found) {
    if (!item.is_string())
      return false;
    to.push_back(item.get<std::string>());
  }
  return true;
}

} // namespace

std::optional<std::string> decode_base64url(std::string_view text) {
  if (text.size() % 4 == 1)
    return std::nullopt;
  std::string out;
  out.reserve(text.size() * 3 / 4);
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const int value = sextet(c);
    if (value < 0)
      return std::nullopt;
    bits = (bits << 6) | static_cast<std::uint32_t>(value);
    count += 6;
    if (count >= 8) {
      count -= 8;
      out += static_cast<char>((bits >> count) & 0xff);
      bits &= (1U << count) - 1;
    }
  }
  if (bits != 0)
    return std::nullopt;
  return out;
}

jobs::result<token_claims> read_token(std::string_view token,
                                      std::string_view key) {
  // Without a key anybody could sign.
  if (key.empty())
    return refused_because("This node has no token that could sign another.");
  const auto first = token.find('.');
  const auto last = token.rfind('.');
  if (first == std::string_view::npos || first == last
      || token.substr(first + 1, last - first - 1).find('.')
             != std::string_view::npos)
    return refused_because("The token does not have three parts.");
  const auto signature = decode_base64url(token.substr(last + 1));
  if (!signature || !is_signed(token.substr(0, last), *signature, key))
    return refused_because("The token's signature is not ours.");

  const auto head = decode_object(token.substr(0, first));
  if (head.is_discarded())
    return refused_because("The token's header is not a JSON object.");
  std::string alg;
  if (!read_text(head, "alg", alg) || alg != "HS256" || head.contains("crit"))
    return refused_because(
        "The token's header asks for something else than HS256.");

  const auto body = decode_object(token.substr(first + 1, last - first - 1));
  if (body.is_discarded())
    return refused_because("The token's claims are not a JSON object.");
  token_claims claims;
  const bool well_typed = read_text(body, "jti", claims.jti)
                          && read_text(body, "sub", claims.subject)
                          && read_text(body, "user_uuid", claims.user_uuid)
                          && read_text(body, "server_uuid", claims.server_uuid)
                          && read_text(body, "backup_uuid", claims.backup_uuid)
                          && read_text(body, "unique_id", claims.unique_id)
                          && read_texts(body, "permissions", claims.permissions)
                          && read_time(body, "iat", claims.issued_at)
                          && read_time(body, "exp", claims.expires_at)
                          && read_time(body, "nbf", claims.not_before);
  if (!well_typed)
    return refused_because("A claim of the token has a wrong type.");
  return claims;
}

bool is_expired(const token_claims& claims, jobs::time_ms now) {
  return claims.expires_at < now / 1000 * 1000;
}

bool is_early(const token_claims& claims, jobs::time_ms now) {
  return claims.not_before > now + early_leeway;
}

bool has_permission(const token_claims& claims, std::string_view name) {
  const bool all_but_admin = name.substr(0, 5) != "admin";
  return std::any_of(claims.permissions.begin(), claims.permissions.end(),
                     [&](const std::string& held) {
                       return held == name || (all_but_admin && held == "*");
                     });
}

// -- the deny list -----------------------------------------------------------

namespace {

/// Beside the names of tokens, which are what a Panel makes of a hash.
std::string name_of_user(std::string_view user, std::string_view server) {
  return "user:" + std::string{user} + '@' + std::string{server};
}

} // namespace

deny_list::deny_list(jobs::time_ms started, std::chrono::milliseconds keep,
                     std::size_t most)
  : keep_(keep.count()), most_(most), floor_(started) {}

void deny_list::deny(const std::string& jti, jobs::time_ms now) {
  const std::lock_guard lock{mutex_};
  denied_[jti] = now;
  order_.emplace_back(now, jti);
  while (order_.front().first < now - keep_)
    forget_oldest();
  while (order_.size() > most_) {
    const auto& [at, name] = order_.front();
    const auto found = denied_.find(name);
    if (found != denied_.end() && found->second == at)
      floor_ = std::max(floor_, at);
    forget_oldest();
  }
}

void deny_list::forget_oldest() {
  const auto& [at, name] = order_.front();
  const auto found = denied_.find(name);
  // A name denied again since then stands further back, too.
  if (found != denied_.end() && found->second == at)
    denied_.erase(found);
  order_.pop_front();
}

bool deny_list::is_denied(const token_claims& claims, jobs::time_ms now) const {
  const std::lock_guard lock{mutex_};
  const auto issued = claims.issued_at;
  if (issued <= floor_ || issued < now - keep_)
    return true;
  if (is_named(claims.jti, issued))
    return true;
  const auto& user = claims.user_uuid;
  return !user.empty()
         && (is_named(name_of_user(user, {}), issued)
             || is_named(name_of_user(user, claims.server_uuid), issued));
}

bool deny_list::is_named(const std::string& name, jobs::time_ms issued) const {
  const auto found = denied_.find(name);
  return found != denied_.end() && issued <= found->second;
}

void deny_list::deny_user(std::string_view user, std::string_view server,
                          jobs::time_ms now) {
  deny(name_of_user(user, server), now);
}

std::size_t deny_list::size() const {
  const std::lock_guard lock{mutex_};
  return denied_.size();
}

} // namespace alula::http
