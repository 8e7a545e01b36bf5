#include "http/wire.hpp"

#include "http/text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>

namespace alula::http {

namespace {

/// A tab is a legal part of a value; nothing else below a space is.
bool is_clean(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
  });
}

bool is_ours(std::string_view name) {
  static constexpr std::array<std::string_view, 6> names{
      "Connection",        "Content-Length", "Date",
      "Transfer-Encoding", "User-Agent",     "X-Request-Id"};
  return std::any_of(names.begin(), names.end(), [&](std::string_view own) {
    return equal_ignoring_case(own, name);
  });
}

void append_number(std::string& out, std::size_t number, int base = 10) {
  std::array<char, 24> digits;
  const auto end =
      std::to_chars(digits.data(), digits.data() + digits.size(), number, base)
          .ptr;
  out.append(digits.data(), end);
}

void append_line(std::string& out, std::string_view name,
                 std::string_view value) {
  out.append(name).append(": ").append(value).append("\r\n");
}

/// The length a HEAD answer names: the handler's, when it knows better.
std::string_view given_length(const response& answer) {
  for (const auto& [name, value] : answer.headers)
    if (equal_ignoring_case(name, "Content-Length"))
      return value;
  return {};
}

void append_length(std::string& out, const response& answer,
                   const wire_frame& frame) {
  if (frame.chunked) {
    out.append("Transfer-Encoding: chunked\r\n");
    return;
  }
  if (is_bodiless(answer.status))
    return;
  if (frame.length) {
    append_line(out, "Content-Length", std::to_string(*frame.length));
    return;
  }
  if (const auto given = given_length(answer);
      frame.head_only && !given.empty() && is_clean(given)) {
    append_line(out, "Content-Length", given);
    return;
  }
  out.append("Content-Length: ");
  append_number(out, answer.body.size());
  out.append("\r\n");
}

} // namespace

std::string write_head(const response& answer, const wire_frame& frame) {
  std::string out;
  // One allocation for head and a small body.
  const bool room = !frame.head_only && answer.body.size() < 16'384;
  out.reserve(1'024 + (room ? answer.body.size() : 0));
  out.append("HTTP/1.1 ");
  append_number(out, static_cast<std::size_t>(answer.status));
  out.append(" ").append(reason_phrase(answer.status)).append("\r\n");
  bool has_cache_control = false;
  for (const auto& [name, value] : answer.headers) {
    if (is_ours(name) || !is_clean(name) || !is_clean(value))
      continue;
    has_cache_control =
        has_cache_control || equal_ignoring_case(name, "Cache-Control");
    append_line(out, name, value);
  }
  if (!has_cache_control)
    out.append("Cache-Control: no-store\r\n");
  append_length(out, answer, frame);
  append_line(out, "Date", http_date());
  append_line(out, "X-Request-Id", frame.request_id);
  // Pelican's Panel takes no answer without one for a node's.
  out.append("User-Agent: alula\r\n");
  out.append(frame.extra_lines);
  out.append(frame.keep_alive ? "Connection: keep-alive\r\n\r\n"
                              : "Connection: close\r\n\r\n");
  return out;
}

std::string write_whole(const response& answer, const wire_frame& frame) {
  auto out = write_head(answer, frame);
  if (!frame.head_only && !is_bodiless(answer.status))
    out.append(answer.body);
  return out;
}

bool is_bodiless(int status) {
  return status < 200 || status == 204 || status == 304;
}

std::string write_chunk(std::string_view data) {
  std::string out;
  out.reserve(data.size() + 16);
  append_number(out, data.size(), 16);
  out.append("\r\n").append(data).append("\r\n");
  return out;
}

std::string_view reason_phrase(int status) {
  switch (status) {
  case 101:
    return "Switching Protocols";
  case 200:
    return "OK";
  case 201:
    return "Created";
  case 202:
    return "Accepted";
  case 204:
    return "No Content";
  case 206:
    return "Partial Content";
  case 301:
    return "Moved Permanently";
  case 302:
    return "Found";
  case 303:
    return "See Other";
  case 304:
    return "Not Modified";
  case 307:
    return "Temporary Redirect";
  case 308:
    return "Permanent Redirect";
  case 400:
    return "Bad Request";
  case 401:
    return "Unauthorized";
  case 403:
    return "Forbidden";
  case 404:
    return "Not Found";
  case 405:
    return "Method Not Allowed";
  case 406:
    return "Not Acceptable";
  case 408:
    return "Request Timeout";
  case 409:
    return "Conflict";
  case 410:
    return "Gone";
  case 412:
    return "Precondition Failed";
  case 413:
    return "Content Too Large";
  case 414:
    return "URI Too Long";
  case 415:
    return "Unsupported Media Type";
  case 416:
    return "Range Not Satisfiable";
  case 422:
    return "Unprocessable Content";
  case 426:
    return "Upgrade Required";
  case 429:
    return "Too Many Requests";
  case 431:
    return "Request Header Fields Too Large";
  case 500:
    return "Internal Server Error";
  case 501:
    return "Not Implemented";
  case 502:
    return "Bad Gateway";
  case 503:
    return "Service Unavailable";
  case 504:
    return "Gateway Timeout";
  case 507:
    return "Insufficient Storage";
  default:
    return "Unknown";
  }
}

std::string_view http_date() {
  thread_local std::time_t second = 0;
  thread_local std::string text;
  const auto now = std::time(nullptr);
  if (now != second || text.empty()) {
    std::tm utc{};
    gmtime_r(&now, &utc);
    std::array<char, 40> buffer;
    // The C locale is never changed by alula, so the names are English.
    const auto size = std::strftime(buffer.data(), buffer.size(),
                                    "%a, %d %b %Y %H:%M:%S GMT", &utc);
    text.assign(buffer.data(), size);
    second = now;
  }
  return text;
}

} // namespace alula::http
