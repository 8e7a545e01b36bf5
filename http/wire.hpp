/// Writes answers as HTTP/1.1 bytes. Ours and not the library's, because the
/// library gives 204 a Content-Length, cannot answer HEAD, and copies more.
#pragma once

#include "http/exchange.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace alula::http {

/// What an answer needs besides itself.
struct wire_frame {
  std::string_view request_id;
  std::string_view extra_lines; ///< whole header lines (CORS)
  bool keep_alive = true;
  bool head_only = false; ///< HEAD: the lengths of GET without the body
  bool chunked = false;   ///< a stream follows
  /// Of a body that follows by other ways.
  std::optional<std::int64_t> length = std::nullopt;
};

/// The head, with the empty line. Connection, Content-Length, Date,
/// Transfer-Encoding and X-Request-Id are ours: an answer's own are dropped
/// (its Content-Length counts for HEAD only). A header with a control
/// character in it is dropped. Cache-Control is no-store unless given.
std::string write_head(const response& answer, const wire_frame& frame);

/// Head and body in one.
std::string write_whole(const response& answer, const wire_frame& frame);

/// True when the status forbids a body (RFC 9110, 6.4.1).
bool is_bodiless(int status);

/// RFC 9112, 7.1; `data` must not be empty.
std::string write_chunk(std::string_view data);

std::string_view reason_phrase(int status);

/// The current Date (RFC 9110, 5.6.7); computed once a second per thread.
std::string_view http_date();

} // namespace alula::http
