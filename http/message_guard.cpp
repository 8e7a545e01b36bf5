#include "http/message_guard.hpp"

#include "http/text.hpp"

#include <algorithm>
#include <http_parser.h>
#include <limits>
#include <string>
#include <utility>

namespace alula::http {

using jobs::fault_code;

namespace {

/// Longer names are cut: none that matters is this long.
constexpr std::size_t kept_name = 24;
constexpr std::size_t kept_value = 4'096;

} // namespace

struct message_guard::reading {
  reading(const message_limits& given, body_policy& asked)
    : limits(given), policy(asked) {
    restart();
  }

  const message_limits& limits;
  body_policy& policy;
  http_parser parser{};
  phase at = phase::idle;
  jobs::fault why;
  std::size_t url = 0, head = 0, fields = 0, body = 0;
  std::size_t body_limit = 0, reserved = 0;
  bool trusted = false; ///< the message with a body has a good bearer
  int hosts = 0;
  bool in_value = false, expects_continue = false, head_done = false;
  std::string name, value, authorization;
  bool keeps_head = false, streamed = false;
  std::string target; ///< kept while it may be of a streamed request
  streamed_head kept;
  std::string_view piece;
  std::string gathered; ///< of chunks, without what stands between them

  void restart() {
    http_parser_init(&parser, HTTP_REQUEST);
    parser.data = this;
    policy.release(reserved);
    url = head = fields = body = reserved = 0;
    hosts = 0;
    in_value = expects_continue = head_done = trusted = false;
    name.clear();
    value.clear();
    authorization.clear();
    target.clear();
    kept = {};
    piece = {};
    gathered = {};
    keeps_head = streamed = false;
    at = phase::idle;
  }

  int refuse(fault_code code, std::string what) {
    if (at != phase::broken)
      why = {code, std::move(what)};
    at = phase::broken;
    return -1;
  }

  int grow_head(std::size_t bytes) {
    head += bytes;
    if (head > limits.head)
      return refuse(fault_code::headers_too_large,
                    "the request's head is larger than "
                        + std::to_string(limits.head) + " bytes");
    return 0;
  }

  int on_url(std::string_view part) {
    const auto bytes = part.size();
    url += bytes;
    target.append(part);
    if (url > limits.url)
      return refuse(fault_code::uri_too_long, "the URL is longer than "
                                                  + std::to_string(limits.url)
                                                  + " bytes");
    return 0;
  }

  int on_field(std::string_view part) {
    if (in_value)
      keep_field();
    // RFC 9112, 5.1: a proxy might read another name, or none.
    if (part.find_first_of(" \t") != std::string_view::npos)
      return refuse(fault_code::malformed,
                    "a header's name has a space in it or behind it");
    if (name.empty() && ++fields > limits.fields)
      return refuse(fault_code::headers_too_large,
                    "the request has more than " + std::to_string(limits.fields)
                        + " header fields");
    if (fields == 1 && name.empty())
      keeps_head = policy.is_streamed(
          http_method_str(static_cast<http_method>(parser.method)), target);
    name.append(
        keeps_head
            ? part
            : part.substr(0, kept_name - std::min(kept_name, name.size())));
    // Trailers come behind a body, where nobody else counts them.
    return head_done ? grow_head(part.size()) : 0;
  }

  int on_value(std::string_view part) {
    in_value = true;
    value.append(
        keeps_head
            ? part
            : part.substr(0, kept_value - std::min(kept_value, value.size())));
    return head_done ? grow_head(part.size()) : 0;
  }

  void keep_field() {
    if (!head_done && keeps_head && !name.empty())
      kept.fields.emplace_back(name, value);
    if (!head_done) {
      if (equal_ignoring_case(name, "Authorization"))
        authorization = value;
      else if (equal_ignoring_case(name, "Host"))
        ++hosts;
      else if (equal_ignoring_case(name, "Expect"))
        expects_continue = equal_ignoring_case(value, "100-continue");
    }
    name.clear();
    value.clear();
    in_value = false;
  }

  int on_head_done() {
    keep_field();
    head_done = true;
    if (parser.http_major != 1)
      return refuse(fault_code::malformed, "only HTTP/1.x is spoken here");
    // RFC 9112, 3.2: exactly one Host in 1.1, at most one before.
    if (hosts > 1 || (hosts == 0 && parser.http_minor > 0))
      return refuse(fault_code::malformed,
                    "the request needs exactly one Host header");
    const bool chunked = is_chunked();
    const bool announced =
        parser.content_length > 0 && parser.content_length != ULLONG_MAX;
    expects_continue =
        expects_continue && (chunked || announced) && parser.http_minor > 0;
    if (!chunked && !announced)
      return 0;
    at = phase::body;
    if (keeps_head) {
      streamed = true;
      kept.method = http_method_str(static_cast<http_method>(parser.method));
      kept.target = target;
      constexpr std::uint64_t most = std::numeric_limits<std::int64_t>::max();
      kept.length = chunked ? -1
                            : static_cast<std::int64_t>(std::min<std::uint64_t>(
                                parser.content_length, most));
      return 0;
    }
    trusted = policy.is_trusted(authorization);
    body_limit =
        trusted ? limits.body : std::min(limits.body, limits.open_body);
    if (chunked)
      return 0;
    return claim(parser.content_length);
  }

  int claim(std::uint64_t bytes) {
    if (bytes > body_limit - std::min<std::uint64_t>(body_limit, reserved))
      return refuse(fault_code::body_too_large, "the body is larger than "
                                                    + std::to_string(body_limit)
                                                    + " bytes");
    if (!policy.reserve(static_cast<std::size_t>(bytes)))
      return refuse(fault_code::rate_limited,
                    "too many request bodies are being received");
    reserved += static_cast<std::size_t>(bytes);
    return 0;
  }

  int on_body(std::string_view bytes) {
    if (streamed) {
      piece = bytes;
      if (is_chunked()) { // several of them in what was fed
        gathered += bytes;
        piece = gathered;
      }
      return 0;
    }
    body += bytes.size();
    return body > reserved ? claim(body - reserved) : 0;
  }

  bool is_chunked() const { return (parser.flags & F_CHUNKED) != 0; }

  int on_done() {
    at = phase::complete;
    http_parser_pause(&parser, 1);
    return 0;
  }
};

namespace {

template<auto Method, class Self>
int call_with_text(http_parser* parser, const char* at, std::size_t size) {
  return (static_cast<Self*>(parser->data)->*Method)({at, size});
}

template<auto Method, class Self>
int call(http_parser* parser) {
  return (static_cast<Self*>(parser->data)->*Method)();
}

template<class Self>
http_parser_settings make_callbacks() {
  http_parser_settings s;
  http_parser_settings_init(&s);
  s.on_url = call_with_text<&Self::on_url, Self>;
  s.on_header_field = call_with_text<&Self::on_field, Self>;
  s.on_header_value = call_with_text<&Self::on_value, Self>;
  s.on_headers_complete = call<&Self::on_head_done, Self>;
  s.on_body = call_with_text<&Self::on_body, Self>;
  s.on_message_complete = call<&Self::on_done, Self>;
  return s;
}

} // namespace

message_guard::message_guard(const message_limits& limits, body_policy& policy)
  : reading_(std::make_unique<reading>(limits, policy)) {}

message_guard::~message_guard() {
  reading_->policy.release(reading_->reserved);
}

std::size_t message_guard::feed(std::string_view bytes) {
  static const auto callbacks = make_callbacks<reading>();
  auto& r = *reading_;
  if (r.at == phase::broken || r.at == phase::complete || bytes.empty())
    return 0;
  if (r.at == phase::idle)
    r.at = phase::head;
  const bool in_head = !r.head_done;
  r.piece = {};
  r.gathered.clear();
  const auto used =
      http_parser_execute(&r.parser, &callbacks, bytes.data(), bytes.size());
  const auto error = HTTP_PARSER_ERRNO(&r.parser);
  if (error != HPE_OK && error != HPE_PAUSED && r.at != phase::broken) {
    if (error == HPE_HEADER_OVERFLOW)
      r.refuse(fault_code::headers_too_large,
               "the request's head is too large");
    else
      r.refuse(fault_code::malformed, std::string{"the request is not HTTP: "}
                                          + http_errno_description(error));
  }
  // The bytes of a head that ended inside this piece count as a whole piece:
  // they are at most one read buffer too many, and never counted as body.
  if (in_head && !r.head_done && r.at == phase::head)
    r.grow_head(used);
  return r.at == phase::broken ? 0 : used;
}

message_guard::phase message_guard::now() const {
  return reading_->at;
}

const jobs::fault& message_guard::why() const {
  return reading_->why;
}

bool message_guard::is_trusted() const {
  return reading_->trusted;
}

bool message_guard::take_continue() {
  const bool wanted = reading_->expects_continue && reading_->at == phase::body;
  if (wanted)
    reading_->expects_continue = false;
  return wanted;
}

bool message_guard::is_upgrade() const {
  return reading_->parser.upgrade != 0;
}

bool message_guard::is_1_1() const {
  return reading_->parser.http_minor > 0;
}

bool message_guard::is_streamed() const {
  return reading_->streamed && reading_->at != phase::broken;
}

std::string_view message_guard::target() const {
  return reading_->target;
}

streamed_head message_guard::take_head() {
  return std::exchange(reading_->kept, {});
}

std::string_view message_guard::take_piece() {
  return std::exchange(reading_->piece, {});
}

void message_guard::next() {
  reading_->restart();
}

} // namespace alula::http
