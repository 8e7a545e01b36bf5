/// Answers that are files: what of a file a client asked for (RFC 9110, 13 and
/// 14), and how it is named.
#pragma once

#include "http/exchange.hpp"
#include "jobs/ids.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace alula::http {

struct byte_range {
  std::int64_t offset = 0;
  std::int64_t length = 0;
  friend bool operator==(const byte_range&, const byte_range&) = default;
};

/// What a Range header means for a file of `size` bytes.
struct range_choice {
  enum class verdict {
    whole,        ///< none, malformed, of another unit, or several: all of it
    part,         ///< see `range`
    unsatisfiable ///< it begins behind the end
  } is = verdict::whole;
  byte_range range = {};
};
range_choice choose_range(std::string_view header, std::int64_t size);

/// A file as an answer.
struct file_facts {
  std::int64_t size = 0;
  jobs::time_ms modified_at = 0;
  std::string etag; ///< strong, with the quotes
  std::string name; ///< as it is to be saved; any bytes
};

/// What to answer: the head of a 200, 206, 304, 412 or 416 with all headers but
/// Content-Length, and which bytes follow it (none for the last three).
struct file_plan {
  response head;
  std::optional<byte_range> body;
};

/// By If-Match or If-Unmodified-Since, then If-None-Match and, of a GET, Range
/// and If-Range of the request.
file_plan plan_file(const request& req, const file_facts& file);

/// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, 5.6.7).
std::string to_http_date(jobs::time_ms at);

/// `attachment` with the name twice: in ASCII for old clients, and as it is
/// (RFC 6266, RFC 8187). A name that is no UTF-8 has its odd bytes replaced.
std::string content_disposition(std::string_view name);

} // namespace alula::http
