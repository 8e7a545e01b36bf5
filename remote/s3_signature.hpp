/// AWS Signature Version 4, as docs.aws.amazon.com, "Authenticating Requests",
/// has it: pure functions. libcurl's own signs queries as they come and knows
/// no presigned URLs (7.88).
#pragma once

#include "jobs/ids.hpp"

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace alula::remote {

struct s3_keys {
  std::string access;
  std::string secret;  ///< never logged
  std::string session; ///< of temporary keys, or empty
};

/// Names and values as they are meant, not escaped.
using s3_query = std::vector<std::pair<std::string, std::string>>;

struct s3_request {
  std::string method = "GET";
  std::string host; ///< with its port unless that is the scheme's own
  std::string path; ///< escaped, "/" at least: see s3_path
  s3_query query = {};
  /// Signed besides host: names in lower case.
  std::vector<std::pair<std::string, std::string>> headers = {};
  /// SHA-256 of the body in hexadecimal, or unsigned_payload.
  std::string payload;
};

inline constexpr std::string_view unsigned_payload = "UNSIGNED-PAYLOAD";

/// Escapes all but unreserved characters and slashes.
std::string s3_path(std::string_view path);
/// Sorted and escaped, as it is signed and as it is sent.
std::string s3_query_text(s3_query query);
/// Lower-case hexadecimal.
std::string sha256_hex(std::string_view text);

/// Headers to send besides those of the request: x-amz-date,
/// x-amz-content-sha256, x-amz-security-token and authorization.
std::vector<std::pair<std::string, std::string>>
sign_s3(const s3_request& request, const s3_keys& keys, std::string_view region,
        jobs::time_ms now);

/// The query of a URL that needs no headers while it lasts (7 days at most).
std::string presign_s3(s3_request request, const s3_keys& keys,
                       std::string_view region, jobs::time_ms now,
                       std::chrono::seconds lasts);

} // namespace alula::remote
