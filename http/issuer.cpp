#include "http/issuer.hpp"

#include "http/jwt.hpp"
#include "http/sha256.hpp"

#include <nlohmann/json.hpp>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

namespace alula::http {

namespace {

using json = nlohmann::json;
using key_ptr = std::shared_ptr<EVP_PKEY>;

constexpr std::size_t longest_token = 16 * 1'024;
constexpr std::size_t shortest_secret = 32; ///< RFC 7518, 3.2
constexpr int shortest_rsa = 2'048;         ///< RFC 7518, 3.3
constexpr int longest_rsa = 8'192;          ///< what checking one may cost
constexpr std::size_t most_keys = 100, most_words = 1'000;

struct freed {
  void operator()(BIGNUM* n) const { ::BN_free(n); }
  void operator()(OSSL_PARAM_BLD* b) const { ::OSSL_PARAM_BLD_free(b); }
  void operator()(OSSL_PARAM* p) const { ::OSSL_PARAM_free(p); }
  void operator()(EVP_PKEY_CTX* c) const { ::EVP_PKEY_CTX_free(c); }
  void operator()(EVP_MD_CTX* c) const { ::EVP_MD_CTX_free(c); }
};
template<class T>
using owned = std::unique_ptr<T, freed>;

std::string text_in(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>()
                                                     : std::string{};
}

owned<BIGNUM> number_in(const json& jwk, const char* name) {
  const auto bytes = decode_base64url(text_in(jwk, name));
  if (!bytes || bytes->empty())
    return nullptr;
  return owned<BIGNUM>{
      ::BN_bin2bn(reinterpret_cast<const unsigned char*>(bytes->data()),
                  static_cast<int>(bytes->size()), nullptr)};
}

/// Null for anything but an RSA key of a sound size.
key_ptr rsa_of(const json& jwk) {
  const auto n = number_in(jwk, "n"), e = number_in(jwk, "e");
  if (!n || !e || ::BN_num_bits(n.get()) < shortest_rsa
      || ::BN_num_bits(n.get()) > longest_rsa || ::BN_num_bits(e.get()) > 64)
    return nullptr;
  const owned<OSSL_PARAM_BLD> parts{::OSSL_PARAM_BLD_new()};
  if (!parts
      || ::OSSL_PARAM_BLD_push_BN(parts.get(), OSSL_PKEY_PARAM_RSA_N, n.get())
             != 1
      || ::OSSL_PARAM_BLD_push_BN(parts.get(), OSSL_PKEY_PARAM_RSA_E, e.get())
             != 1)
    return nullptr;
  const owned<OSSL_PARAM> all{::OSSL_PARAM_BLD_to_param(parts.get())};
  const owned<EVP_PKEY_CTX> made{
      ::EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr)};
  EVP_PKEY* key = nullptr;
  if (!all || !made || ::EVP_PKEY_fromdata_init(made.get()) != 1
      || ::EVP_PKEY_fromdata(made.get(), &key, EVP_PKEY_PUBLIC_KEY, all.get())
             != 1)
    return nullptr;
  return {key, [](EVP_PKEY* k) { ::EVP_PKEY_free(k); }};
}

bool is_rsa_signed(std::string_view content, std::string_view signature,
                   EVP_PKEY* key) {
  const owned<EVP_MD_CTX> check{::EVP_MD_CTX_new()};
  return check
         && ::EVP_DigestVerifyInit(check.get(), nullptr, ::EVP_sha256(),
                                   nullptr, key)
                == 1
         && ::EVP_DigestVerify(
                check.get(),
                reinterpret_cast<const unsigned char*>(signature.data()),
                signature.size(),
                reinterpret_cast<const unsigned char*>(content.data()),
                content.size())
                == 1;
}

std::optional<json> object_in(std::string_view part) {
  const auto text = decode_base64url(part);
  if (!text)
    return std::nullopt;
  auto value = json::parse(*text, nullptr, false);
  if (!value.is_object())
    return std::nullopt;
  return value;
}

/// A time claim in milliseconds; nothing when it is absent or no number.
std::optional<jobs::time_ms> time_in(const json& claims, const char* name) {
  const auto found = claims.find(name);
  if (found == claims.end() || !found->is_number())
    return std::nullopt;
  constexpr double most = 1e12; // seconds
  const auto seconds = found->get<double>();
  if (!(std::abs(seconds) <= most))
    return std::nullopt;
  return static_cast<jobs::time_ms>(std::floor(seconds * 1'000));
}

std::vector<std::string> words_in(const json& object, const char* name) {
  std::vector<std::string> words;
  const auto found = object.find(name);
  if (found != object.end() && found->is_array())
    for (const auto& one : *found)
      if (one.is_string() && words.size() < most_words)
        words.push_back(one.get<std::string>());
  return words;
}

bool is_for(const json& claims, const std::string& audience) {
  const auto found = claims.find("aud");
  if (found == claims.end())
    return false;
  if (found->is_string())
    return found->get<std::string>() == audience;
  for (const auto& one : words_in(claims, "aud"))
    if (one == audience)
      return true;
  return false;
}

void add_permissions(jobs::permission_set& to,
                     const std::vector<std::string>& words) {
  for (const auto& word : words) {
    const auto one = jobs::parse_permission(word);
    // What is an appliance's comes with an appliance's key alone.
    if (!one || *one == jobs::permission::deliver_backups)
      continue;
    to.add(*one);
    to.add(jobs::permission::known);
  }
}

jobs::object_scope scope_in(const json& claims, const json& user) {
  jobs::object_scope scope;
  const auto all = claims.find("all");
  scope.everything =
      (all != claims.end() && all->is_boolean() && all->get<bool>())
      || text_in(user, "org_role") == "owner"
      || text_in(user, "org_role") == "Owner";
  scope.servers = words_in(claims, "servers");
  scope.systems = words_in(claims, "systems");
  scope.organisations = words_in(claims, "organisations");
  if (auto own = text_in(user, "organization_id"); !own.empty())
    scope.organisations.push_back(std::move(own));
  return scope;
}

jobs::principal_ptr principal_in(const json& claims, jobs::time_ms until) {
  const auto subject = text_in(claims, "sub");
  if (subject.empty())
    return nullptr;
  static const json nobody = json::object();
  const auto found = claims.find("user");
  const auto& user =
      found != claims.end() && found->is_object() ? *found : nobody;
  jobs::principal who;
  who.id = "jwt:" + subject;
  who.kind = jobs::principal_kind::jwt;
  who.name = text_in(user, "username");
  if (who.name.empty())
    who.name = subject;
  if (const auto role = jobs::parse_access_role(text_in(claims, "role"))) {
    who.role = *role;
    who.permissions = jobs::permissions_of(*role);
  } else {
    who.role = jobs::access_role::custom;
    add_permissions(who.permissions, words_in(claims, "permissions"));
    add_permissions(who.permissions, words_in(user, "user_permissions"));
    add_permissions(who.permissions, words_in(user, "org_permissions"));
  }
  who.scope = scope_in(claims, user);
  who.expires_at = until;
  return std::make_shared<const jobs::principal>(std::move(who));
}

/// The three parts; nothing unless there are three.
struct token_parts {
  std::string_view head, claims, signature;
  std::string_view content; ///< what is signed
};
std::optional<token_parts> parts_of(std::string_view token) {
  const auto first = token.find('.');
  const auto last = token.rfind('.');
  if (token.size() > longest_token || first == std::string_view::npos
      || first == last)
    return std::nullopt;
  const token_parts all{token.substr(0, first),
                        token.substr(first + 1, last - first - 1),
                        token.substr(last + 1), token.substr(0, last)};
  if (all.claims.find('.') != std::string_view::npos)
    return std::nullopt;
  return all;
}

} // namespace

/// A key checks one algorithm, whatever a token says of itself.
struct issuer::key_set {
  struct key {
    std::string id;     ///< `kid`, may be empty
    std::string secret; ///< of HS256
    key_ptr rsa;        ///< of RS256
  };
  std::vector<key> all;

  bool has(const std::string& id) const {
    return std::ranges::find(all, id, &key::id) != all.end();
  }
  bool has_signed(std::string_view content, std::string_view signature,
                  const std::string& algorithm, const std::string& id) const {
    for (const auto& one : all) {
      if (!id.empty() && !one.id.empty() && one.id != id)
        continue;
      if (algorithm == "RS256" && one.rsa
          && is_rsa_signed(content, signature, one.rsa.get()))
        return true;
      if (algorithm == "HS256" && !one.secret.empty()
          && equal_in_constant_time(hmac_sha256(one.secret, content),
                                    signature))
        return true;
    }
    return false;
  }
};

issuer::issuer(issuer_settings settings, const jobs::clock& clock)
  : settings_(std::move(settings)), clock_(clock) {
  auto keys = std::make_shared<key_set>();
  if (!settings_.secret.empty())
    keys->all.push_back({{}, settings_.secret, nullptr});
  keys_ = std::move(keys);
}

jobs::result<std::shared_ptr<issuer>> issuer::make(issuer_settings settings,
                                                   const jobs::clock& clock) {
  const auto refuse = [](std::string what) {
    return jobs::fault{jobs::fault_code::validation, std::move(what),
                       "api.jwt"};
  };
  if (settings.issuer.empty() || settings.audience.empty())
    return refuse("tokens of an issuer need its name and an audience");
  if (!settings.secret.empty() && settings.secret.size() < shortest_secret)
    return refuse("the secret of HS256 has less than 32 bytes");
  return std::shared_ptr<issuer>{new issuer{std::move(settings), clock}};
}

jobs::status issuer::take_keys(std::string_view jwks) {
  const auto set = json::parse(jwks, nullptr, false);
  const auto list = set.is_object() ? set.find("keys") : set.end();
  if (!set.is_object() || list == set.end() || !list->is_array())
    return jobs::fault{jobs::fault_code::malformed,
                       "this is no set of JSON Web Keys", "api.jwt"};
  auto fresh = std::make_shared<key_set>();
  for (const auto& jwk : *list) {
    if (!jwk.is_object() || fresh->all.size() >= most_keys)
      continue;
    const auto use = text_in(jwk, "use"), alg = text_in(jwk, "alg"),
               type = text_in(jwk, "kty");
    if (!use.empty() && use != "sig")
      continue;
    key_set::key key{text_in(jwk, "kid"), {}, nullptr};
    if (type == "RSA" && (alg.empty() || alg == "RS256"))
      key.rsa = rsa_of(jwk);
    else if (type == "oct" && (alg.empty() || alg == "HS256"))
      key.secret = decode_base64url(text_in(jwk, "k")).value_or("");
    if (key.rsa || key.secret.size() >= shortest_secret)
      fresh->all.push_back(std::move(key));
  }
  if (fresh->all.empty())
    return jobs::fault{jobs::fault_code::malformed,
                       "no key of the set is for HS256 or RS256", "api.jwt"};
  if (!settings_.secret.empty())
    fresh->all.push_back({{}, settings_.secret, nullptr});
  const std::scoped_lock lock{mutex_};
  keys_ = std::move(fresh);
  return {};
}

std::shared_ptr<const issuer::key_set> issuer::keys() const {
  const std::scoped_lock lock{mutex_};
  return keys_;
}

bool issuer::lacks_key_of(std::string_view token) const {
  const auto parts = parts_of(token);
  const auto head = parts ? object_in(parts->head) : std::nullopt;
  if (!head)
    return false;
  const auto algorithm = text_in(*head, "alg"), id = text_in(*head, "kid");
  return (algorithm == "RS256" || algorithm == "HS256") && !id.empty()
         && !keys()->has(id);
}

jobs::principal_ptr issuer::find(std::string_view token) const {
  const auto parts = parts_of(token);
  if (!parts)
    return nullptr;
  const auto head = object_in(parts->head);
  const auto signature = decode_base64url(parts->signature);
  // `crit` names what must be understood; we understand nothing more.
  if (!head || !signature || head->contains("crit"))
    return nullptr;
  if (!keys()->has_signed(parts->content, *signature, text_in(*head, "alg"),
                          text_in(*head, "kid")))
    return nullptr;
  const auto claims = object_in(parts->claims);
  if (!claims || text_in(*claims, "iss") != settings_.issuer
      || !is_for(*claims, settings_.audience))
    return nullptr;
  // Refresh and impersonation tokens are signed with the same key
  // (systems-api 4.1), and are no credentials of ours.
  if (const auto type = text_in(*claims, "token_type");
      !type.empty() && type != "access")
    return nullptr;
  const auto now = clock_.now();
  const auto leeway = std::chrono::milliseconds{settings_.leeway}.count();
  const auto until = time_in(*claims, "exp");
  if (!until || now >= *until + leeway)
    return nullptr;
  if (claims->contains("nbf")) {
    const auto from = time_in(*claims, "nbf");
    if (!from || now + leeway < *from)
      return nullptr;
  }
  return principal_in(*claims, *until + leeway);
}

} // namespace alula::http
