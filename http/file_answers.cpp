#include "http/file_answers.hpp"

#include "http/job_answers.hpp"
#include "http/reply.hpp"
#include "http/text.hpp"
#include "http/words.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>
#include <limits>

namespace alula::http {

namespace {

/// Digits only; nothing for what no file can have.
std::optional<std::int64_t> parse_offset(std::string_view text) {
  std::int64_t value = 0;
  const auto* end = text.data() + text.size();
  if (text.empty() || text.front() == '-')
    return std::nullopt;
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error == std::errc::result_out_of_range && stop == end)
    return std::numeric_limits<std::int64_t>::max();
  if (error != std::errc{} || stop != end)
    return std::nullopt;
  return value;
}

range_choice last_bytes(std::int64_t count, std::int64_t size) {
  using verdict = range_choice::verdict;
  if (count == 0 || size == 0)
    return {verdict::unsatisfiable};
  const auto length = std::min(count, size);
  return {verdict::part, {size - length, length}};
}

/// In any of the three ways there are (RFC 9110, 5.6.7). Nothing for what is no
/// such time.
std::optional<std::time_t> parse_http_date(std::string_view text) {
  const std::string given{trimmed(text)};
  for (const auto* form :
       {"%a, %d %b %Y %H:%M:%S GMT", "%a, %d-%b-%y %H:%M:%S GMT",
        "%a %b %d %H:%M:%S %Y"}) {
    std::tm utc{};
    const auto* end = ::strptime(given.c_str(), form, &utc);
    if (end && end == given.c_str() + given.size())
      return ::timegm(&utc);
  }
  return std::nullopt;
}

/// By strong comparison; `*` is any (RFC 9110, 13.1.1).
bool names_strongly(std::string_view if_match, std::string_view etag) {
  return std::ranges::any_of(split(if_match, ','), [&](auto tag) {
    return tag == "*" || tag == etag;
  });
}

/// Whether it is the file that the client means (RFC 9110, 13.2.2).
bool is_meant(const request& req, const file_facts& file) {
  if (const auto tags = req.header("If-Match"))
    return names_strongly(*tags, file.etag);
  const auto given = req.header("If-Unmodified-Since");
  const auto since = given ? parse_http_date(*given) : std::nullopt;
  return !since || file.modified_at / 1'000 <= *since;
}

/// The range is only meant for the very file the client has a part of
/// (RFC 9110, 13.1.5).
bool range_holds(const request& req, const file_facts& file) {
  const auto given = req.header("If-Range");
  return !given || trimmed(*given) == file.etag
         || trimmed(*given) == to_http_date(file.modified_at);
}

bool is_utf8_head(unsigned char c) {
  return c >= 0xc2 && c <= 0xf4;
}

/// Length of the well-formed sequence at the front, or 0 (RFC 3629).
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) {
    return static_cast<unsigned char>(text[i]);
  };
  if (byte(0) < 0x80)
    return 1;
  if (!is_utf8_head(byte(0)))
    return 0;
  const std::size_t size = byte(0) < 0xe0 ? 2 : byte(0) < 0xf0 ? 3 : 4;
  if (text.size() < size)
    return 0;
  for (std::size_t i = 1; i < size; ++i)
    if ((byte(i) & 0xc0) != 0x80)
      return 0;
  const bool overlong = (byte(0) == 0xe0 && byte(1) < 0xa0)
                        || (byte(0) == 0xf0 && byte(1) < 0x90);
  const bool beyond = (byte(0) == 0xed && byte(1) > 0x9f)
                      || (byte(0) == 0xf4 && byte(1) > 0x8f);
  return overlong || beyond ? 0 : size;
}

std::string as_utf8(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto size = utf8_length(text);
    out += size == 0 ? std::string_view{"\xef\xbf\xbd"} : text.substr(0, size);
    text.remove_prefix(std::max<std::size_t>(size, 1));
  }
  return out;
}

} // namespace

range_choice choose_range(std::string_view header, std::int64_t size) {
  using verdict = range_choice::verdict;
  constexpr std::string_view unit = "bytes=";
  header = trimmed(header);
  if (!equal_ignoring_case(header.substr(0, unit.size()), unit))
    return {};
  const auto spec = trimmed(header.substr(unit.size()));
  const auto dash = spec.find('-');
  if (dash == std::string_view::npos
      || spec.find(',') != std::string_view::npos)
    return {};
  const auto first_text = spec.substr(0, dash);
  const auto last_text = spec.substr(dash + 1);
  if (first_text.empty()) {
    const auto count = parse_offset(last_text);
    return count ? last_bytes(*count, size) : range_choice{};
  }
  const auto first = parse_offset(first_text);
  const auto last =
      last_text.empty()
          ? std::optional{std::numeric_limits<std::int64_t>::max()}
          : parse_offset(last_text);
  if (!first || !last || *last < *first)
    return {};
  if (*first >= size)
    return {verdict::unsatisfiable};
  return {verdict::part, {*first, std::min(*last, size - 1) - *first + 1}};
}

file_plan plan_file(const request& req, const file_facts& file) {
  file_plan out;
  auto& head = out.head;
  head.headers = {{"ETag", file.etag},
                  {"Last-Modified", to_http_date(file.modified_at)},
                  {"Accept-Ranges", "bytes"},
                  {"Cache-Control", "private, no-cache"}};
  if (!is_meant(req, file)) {
    head = problem(req, {.code = jobs::fault_code::precondition_failed,
                         .what = "the file is not the one that If-Match or "
                                 "If-Unmodified-Since is about"});
    return out;
  }
  const auto known = req.header("If-None-Match");
  if (known && names_etag(*known, file.etag)) {
    head.status = 304;
    return out;
  }
  // A range is one of a GET and of nothing else (RFC 9110, 14.2).
  const auto asked = req.method == "GET" ? req.header("Range") : std::nullopt;
  auto choice = asked && range_holds(req, file)
                    ? choose_range(*asked, file.size)
                    : range_choice{};
  const auto total = "/" + std::to_string(file.size);
  if (choice.is == range_choice::verdict::unsatisfiable) {
    head = problem(
        req, {.code = jobs::fault_code::range_not_satisfiable,
              .what = "the file has " + std::to_string(file.size) + " bytes"});
    head.headers.emplace_back("Content-Range", "bytes *" + total);
    return out;
  }
  head.status = 200;
  head.headers.emplace_back("Content-Type", "application/octet-stream");
  head.headers.emplace_back("Content-Disposition",
                            content_disposition(file.name));
  head.headers.emplace_back("X-Content-Type-Options", "nosniff");
  out.body = byte_range{0, file.size};
  if (choice.is == range_choice::verdict::part) {
    const auto& [offset, length] = choice.range;
    head.status = 206;
    head.headers.emplace_back(
        "Content-Range", "bytes " + std::to_string(offset) + "-"
                             + std::to_string(offset + length - 1) + total);
    out.body = choice.range;
  }
  return out;
}

std::string to_http_date(jobs::time_ms at) {
  const auto seconds = static_cast<std::time_t>(at / 1'000);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  std::array<char, 40> buffer;
  // The C locale is never changed by alula, so the names are English.
  const auto size = std::strftime(buffer.data(), buffer.size(),
                                  "%a, %d %b %Y %H:%M:%S GMT", &utc);
  return {buffer.data(), size};
}

std::string content_disposition(std::string_view name) {
  std::string plain;
  for (const char c : name) {
    const bool harmless =
        c >= ' ' && c < '\x7f' && c != '"' && c != '\\' && c != '%' && c != '/';
    plain += harmless ? c : '_';
  }
  if (plain == name)
    return "attachment; filename=\"" + plain + "\"";
  return "attachment; filename=\"" + plain + "\"; filename*=UTF-8''"
         + percent_encoded(as_utf8(name));
}

} // namespace alula::http
