#include "remote/s3_signature.hpp"

#include "remote/http_client.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <map>
#include <new>

namespace alula::remote {

namespace {

constexpr std::string_view algorithm = "AWS4-HMAC-SHA256";

std::string hex(std::string_view raw) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string out;
  out.reserve(raw.size() * 2);
  for (const char c : raw) {
    const auto byte = static_cast<unsigned char>(c);
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
  return out;
}

std::string hmac(std::string_view key, std::string_view text) {
  std::array<unsigned char, 32> out{};
  unsigned size = 0;
  if (!HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
            reinterpret_cast<const unsigned char*>(text.data()), text.size(),
            out.data(), &size))
    throw std::bad_alloc{};
  return {reinterpret_cast<const char*>(out.data()), size};
}

/// "20130524T000000Z"
std::string stamp(jobs::time_ms now) {
  const std::time_t seconds = now / 1'000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  std::array<char, 24> out{};
  const auto size =
      std::strftime(out.data(), out.size(), "%Y%m%dT%H%M%SZ", &utc);
  return {out.data(), size};
}

std::string scope_of(std::string_view date, std::string_view region) {
  return std::string{date.substr(0, 8)} + '/' + std::string{region}
         + "/s3/aws4_request";
}

struct signing {
  std::string names; ///< of the signed headers, by ';'
  std::string value;
};

signing sign(const s3_request& request,
             std::map<std::string, std::string> headers, const s3_keys& keys,
             std::string_view region, const std::string& at) {
  headers["host"] = request.host;
  signing out;
  std::string lines;
  for (const auto& [name, value] : headers) {
    out.names += (out.names.empty() ? "" : ";") + name;
    lines += name + ':' + value + '\n';
  }
  const auto canonical = request.method + '\n' + request.path + '\n'
                         + s3_query_text(request.query) + '\n' + lines + '\n'
                         + out.names + '\n' + request.payload;
  const auto text = std::string{algorithm} + '\n' + at + '\n'
                    + scope_of(at, region) + '\n' + sha256_hex(canonical);
  auto key = hmac("AWS4" + keys.secret, at.substr(0, 8));
  for (const auto step :
       {region, std::string_view{"s3"}, std::string_view{"aws4_request"}})
    key = hmac(key, step);
  out.value = hex(hmac(key, text));
  return out;
}

} // namespace

std::string s3_path(std::string_view path) {
  std::string out;
  for (;;) {
    const auto slash = path.find('/');
    out += escape(path.substr(0, slash));
    if (slash == std::string_view::npos)
      return out;
    out += '/';
    path.remove_prefix(slash + 1);
  }
}

std::string s3_query_text(s3_query query) {
  for (auto& [name, value] : query) {
    name = escape(name);
    value = escape(value);
  }
  std::ranges::sort(query);
  std::string out;
  for (const auto& [name, value] : query)
    out += (out.empty() ? "" : "&") + name + '=' + value;
  return out;
}

std::string sha256_hex(std::string_view text) {
  std::array<unsigned char, 32> out{};
  unsigned size = 0;
  if (EVP_Digest(text.data(), text.size(), out.data(), &size, EVP_sha256(),
                 nullptr)
      != 1)
    throw std::bad_alloc{};
  return hex({reinterpret_cast<const char*>(out.data()), size});
}

std::vector<std::pair<std::string, std::string>>
sign_s3(const s3_request& request, const s3_keys& keys, std::string_view region,
        jobs::time_ms now) {
  const auto at = stamp(now);
  std::map<std::string, std::string> headers{request.headers.begin(),
                                             request.headers.end()};
  headers["x-amz-date"] = at;
  headers["x-amz-content-sha256"] = request.payload;
  if (!keys.session.empty())
    headers["x-amz-security-token"] = keys.session;
  const auto made = sign(request, headers, keys, region, at);
  std::vector<std::pair<std::string, std::string>> out{
      {"x-amz-date", at}, {"x-amz-content-sha256", request.payload}};
  if (!keys.session.empty())
    out.emplace_back("x-amz-security-token", keys.session);
  out.emplace_back("authorization",
                   std::string{algorithm} + " Credential=" + keys.access + '/'
                       + scope_of(at, region) + ", SignedHeaders=" + made.names
                       + ", Signature=" + made.value);
  return out;
}

std::string presign_s3(s3_request request, const s3_keys& keys,
                       std::string_view region, jobs::time_ms now,
                       std::chrono::seconds lasts) {
  const auto at = stamp(now);
  request.payload = unsigned_payload;
  auto& query = request.query;
  query.emplace_back("X-Amz-Algorithm", algorithm);
  query.emplace_back("X-Amz-Credential",
                     keys.access + '/' + scope_of(at, region));
  query.emplace_back("X-Amz-Date", at);
  query.emplace_back("X-Amz-Expires", std::to_string(lasts.count()));
  query.emplace_back("X-Amz-SignedHeaders", "host");
  if (!keys.session.empty())
    query.emplace_back("X-Amz-Security-Token", keys.session);
  const auto made = sign(request, {}, keys, region, at);
  return s3_query_text(query) + "&X-Amz-Signature=" + made.value;
}

} // namespace alula::remote
