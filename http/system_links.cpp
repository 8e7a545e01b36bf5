#include "http/system_links.hpp"

#include "http/sha256.hpp"

#include <algorithm>
#include <charconv>

namespace alula::http {

namespace {

std::string signature_of(std::string_view secret, std::string_view id,
                         std::string_view expires) {
  const auto key = hmac_sha256(secret, "alula link to a system's backup v1");
  std::string text{id};
  text += '\n';
  text += expires;
  return to_hex(hmac_sha256(key, text));
}

jobs::fault refused(std::string what) {
  return {.code = jobs::fault_code::forbidden, .what = std::move(what)};
}

/// What a Host may be made of; nothing that ends a URL early or a header.
bool is_of_host(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
         || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == ':'
         || c == '[' || c == ']' || c == '_';
}

} // namespace

std::chrono::seconds link_lifetime(std::chrono::seconds asked) {
  constexpr std::chrono::minutes usual{5}, most{15};
  if (asked.count() <= 0)
    return usual;
  return std::min<std::chrono::seconds>(asked, most);
}

std::string make_system_link(std::string_view secret, std::string_view id,
                             jobs::time_ms until) {
  const auto expires = std::to_string(until / 1'000);
  return "/download/system-backup?id=" + std::string{id} + "&expires=" + expires
         + "&signature=" + signature_of(secret, id, expires);
}

jobs::result<std::string> read_system_link(std::string_view secret,
                                           const request& req,
                                           jobs::time_ms now) {
  const auto id = req.query_value("id");
  const auto expires = req.query_value("expires");
  const auto signature = req.query_value("signature");
  if (secret.empty() || !id || !expires || !signature
      || !equal_in_constant_time(signature_of(secret, *id, *expires),
                                 *signature))
    return refused("the link was not made by this node");
  std::int64_t until = 0;
  const auto* end = expires->data() + expires->size();
  const auto [stop, error] = std::from_chars(expires->data(), end, until);
  if (error != std::errc{} || stop != end || now / 1'000 >= until)
    return refused("the link has expired");
  return std::string{*id};
}

std::string base_url(std::string_view configured, const request& req,
                     bool has_tls) {
  while (configured.ends_with('/'))
    configured.remove_suffix(1);
  if (!configured.empty())
    return std::string{configured};
  const auto host = req.header("Host").value_or("");
  if (host.empty() || !std::ranges::all_of(host, is_of_host))
    return {};
  return (has_tls ? "https://" : "http://") + std::string{host};
}

} // namespace alula::http
