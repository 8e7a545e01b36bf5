#include "remote/s3_store.hpp"

#include "remote/md5_source.hpp"
#include "remote/s3_answers.hpp"
#include "remote/s3_call.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <optional>
#include <utility>

namespace alula::remote {

using jobs::fault;
using jobs::fault_code;
using jobs::result;
using jobs::status;

namespace {

constexpr std::size_t most_answer = std::size_t{8} << 20;

/// "https://host:443/" → scheme, host; a port that is the scheme's own goes.
std::pair<std::string, std::string> split(std::string_view endpoint) {
  const auto colon = endpoint.find("://");
  const auto scheme = colon == std::string_view::npos
                          ? std::string{"https://"}
                          : std::string{endpoint.substr(0, colon + 3)};
  auto host =
      colon == std::string_view::npos ? endpoint : endpoint.substr(colon + 3);
  host = host.substr(0, host.find('/'));
  for (const auto& [one, port] :
       {std::pair{"https://", ":443"}, std::pair{"http://", ":80"}})
    if (scheme == one && host.ends_with(port))
      host.remove_suffix(std::string_view{port}.size());
  return {scheme, std::string{host}};
}

/// "bytes 5-9/1000" → 5; nothing when it does not say.
std::optional<std::int64_t> start_of(std::string_view content_range) {
  constexpr std::string_view unit = "bytes ";
  std::int64_t at = 0;
  if (!content_range.starts_with(unit))
    return std::nullopt;
  content_range.remove_prefix(unit.size());
  const auto [end, error] = std::from_chars(
      content_range.data(), content_range.data() + content_range.size(), at);
  return error == std::errc{} ? std::optional{at} : std::nullopt;
}

/// "bytes 5-9/1000" → 1000; 0 when it does not say.
std::int64_t total_of(std::string_view content_range) {
  const auto slash = content_range.rfind('/');
  if (slash == std::string_view::npos)
    return 0;
  return std::strtoll(std::string{content_range.substr(slash + 1)}.c_str(),
                      nullptr, 10);
}

/// The object is another one by now. Not every store has words for it.
bool is_another(const fault& why) {
  return why.what.find("PreconditionFailed") != std::string::npos
         || why.what.find("status 412") != std::string::npos;
}

/// What of an object is asked for; of no length: all from there on.
struct wanted_piece {
  std::int64_t at;
  std::int64_t length;
  std::string etag; ///< empty: of whatever is there
};

/// An object, or a piece of it, on its way to a sink.
class incoming_object {
public:
  /// The sink outlives it. `place` is for faults.
  incoming_object(wanted_piece wanted, const jobs::byte_sink& into,
                  std::string place)
    : wanted_(std::move(wanted)), into_(into), place_(std::move(place)) {}

  /// False: it is not what is wanted, see refused().
  bool begins(const http_head& head) {
    if (head.status < 200 || head.status >= 300 || wanted_.at == 0)
      return true;
    if (head.status == 206
        && start_of(head.find("content-range")).value_or(wanted_.at)
               == wanted_.at)
      return true;
    // A store without ranges sends all of it: what was read before is passed
    // over, so that a long download ends some day.
    if (head.status == 200 && wanted_.length == 0 && !wanted_.etag.empty()) {
      passed_over_ = wanted_.at;
      if (plain_etag(head.find("etag")) != wanted_.etag)
        refused_ = replaced();
      return !refused_;
    }
    refused_ = fault{.code = fault_code::store_refused,
                     .what = "the object store serves no ranges",
                     .where = place_};
    return false;
  }

  bool takes(std::string_view piece) {
    const auto at = came_;
    came_ += static_cast<std::int64_t>(piece.size());
    if (at < passed_over_)
      piece.remove_prefix(std::min<std::size_t>(
          piece.size(), static_cast<std::size_t>(passed_over_ - at)));
    if (piece.empty())
      return true;
    if (wanted_.length > 0 && came_ > wanted_.length) {
      refused_ =
          fault{.code = fault_code::store_refused,
                .what = "more came than the " + std::to_string(wanted_.length)
                        + " bytes that were asked for",
                .where = place_};
      return false;
    }
    auto taken = into_(std::span<const char>{piece});
    if (!taken)
      refused_ = taken.error();
    return !refused_;
  }

  /// Why no more of it was taken.
  const std::optional<fault>& refused() const { return refused_; }
  /// Bytes, those that were passed over included.
  std::int64_t came() const { return came_; }
  fault replaced() const {
    return {.code = fault_code::store_object_missing,
            .what = "the object was replaced",
            .where = place_};
  }

private:
  const wanted_piece wanted_;
  const jobs::byte_sink& into_;
  const std::string place_;
  std::optional<fault> refused_;
  std::int64_t came_ = 0;
  std::int64_t passed_over_ = 0;
};

} // namespace

s3_store::s3_store(s3_settings settings, const jobs::clock& clock)
  : settings_(std::move(settings)), clock_(clock), http_({}) {
  auto [scheme, host] = split(settings_.endpoint);
  scheme_ = scheme;
  host_ = settings_.path_style ? host : settings_.bucket + "." + host;
}

std::string s3_store::path_of(const std::string& key) const {
  std::string path = "/";
  if (settings_.path_style)
    path += settings_.bucket + (key.empty() ? "" : "/");
  return s3_path(path + (key.empty() ? "" : settings_.prefix + key));
}

s3_request s3_store::signable(const call& what) const {
  return {.method = what.method,
          .host = host_,
          .path = path_of(what.key),
          .query = what.query,
          .headers = what.headers,
          .payload = {}};
}

http_request s3_store::request_of(const call& what) const {
  auto to_sign = signable(what);
  to_sign.payload = sha256_hex(what.body);
  http_request out;
  out.method = what.method;
  const auto query = s3_query_text(what.query);
  out.url = scheme_ + host_ + to_sign.path + (query.empty() ? "" : "?" + query);
  out.body = what.body;
  out.headers = what.headers;
  for (auto& header :
       sign_s3(to_sign, settings_.keys, settings_.region, clock_.now()))
    out.headers.push_back(std::move(header));
  out.connect_limit = std::chrono::seconds{10};
  out.limit = settings_.limit;
  out.max_body = most_answer;
  out.ca_file = settings_.ca_file;
  return out;
}

/// For faults: never a query, which may hold a signature.
std::string s3_store::place_of(const call& what) const {
  return what.method + " " + (what.key.empty() ? settings_.bucket : what.key)
         + " in store " + settings_.name;
}

fault s3_store::not_understood(const call& what) const {
  return {.code = fault_code::store_unavailable,
          .what = "what answers is no S3 store: it cannot be understood",
          .where = place_of(what)};
}

result<http_answer> s3_store::send(const call& what, http_request request,
                                   const std::stop_token& stop) {
  auto outcome = http_.send(request, stop);
  if (const auto* error = std::get_if<http_error>(&outcome))
    return s3_fault(*error, place_of(what));
  auto& answer = std::get<http_answer>(outcome);
  if (answer.status < 200 || answer.status >= 300)
    return s3_fault(answer, place_of(what));
  return std::move(answer);
}

result<http_answer> s3_store::ask(const call& what,
                                  const std::stop_token& stop) {
  return send(what, request_of(what), stop);
}

// -- objects ------------------------------------------------------------------

result<http_answer> s3_store::upload(const call& what,
                                     const jobs::byte_source& from,
                                     const jobs::transfer_tell& tell,
                                     const std::stop_token& stop) {
  const md5_source hashed{from};
  auto to_sign = signable(what);
  to_sign.payload = unsigned_payload;
  auto request = request_of(what);
  request.headers = what.headers;
  for (auto& header :
       sign_s3(to_sign, settings_.keys, settings_.region, clock_.now()))
    request.headers.push_back(std::move(header));
  request.source = &hashed;
  request.sent = tell;
  request.send_limit = settings_.send_limit.get();
  request.silence = settings_.stall;
  auto answer = send(what, std::move(request), stop);
  if (answer && is_md5(answer->head)
      && plain_etag(answer->head.find("etag")) != hashed.digits())
    return fault{.code = fault_code::store_unavailable,
                 .what = "what the store has is not what was sent",
                 .where = place_of(what)};
  return answer;
}

result<std::string> s3_store::put(const std::string& key,
                                  const jobs::byte_source& from,
                                  std::stop_token stop) {
  call what{.method = "PUT", .key = key};
  auto answer = upload(what, from, {}, stop);
  if (!answer)
    return std::move(answer).error();
  return plain_etag(answer->head.find("etag"));
}

result<std::optional<jobs::object_info>> s3_store::head(const std::string& key,
                                                        std::stop_token stop) {
  using found = std::optional<jobs::object_info>;
  const auto answer = ask({.method = "HEAD", .key = key}, stop);
  if (!answer && answer.error().code == fault_code::store_object_missing)
    return found{};
  if (!answer)
    return answer.error();
  return found{jobs::object_info{
      key,
      std::strtoll(std::string{answer->head.find("content-length")}.c_str(),
                   nullptr, 10),
      plain_etag(answer->head.find("etag")), 0}};
}

result<jobs::object_info> s3_store::get(const std::string& key, std::int64_t at,
                                        std::int64_t length,
                                        const std::string& etag,
                                        const jobs::byte_sink& into,
                                        std::stop_token stop) {
  call what{.method = "GET", .key = key};
  auto request = request_of(what);
  if (at > 0 || length > 0)
    request.headers.emplace_back(
        "range", "bytes=" + std::to_string(at) + "-"
                     + (length > 0 ? std::to_string(at + length - 1) : ""));
  if (!etag.empty())
    request.headers.emplace_back("if-match", '"' + etag + '"');
  request.silence = settings_.stall;
  request.take_rate = settings_.take_rate;
  incoming_object object{{at, length, etag}, into, place_of(what)};
  request.begin = [&](const http_head& head) { return object.begins(head); };
  request.take = [&](std::string_view piece) { return object.takes(piece); };
  auto answer = send(what, std::move(request), stop);
  if (object.refused())
    return *object.refused();
  if (!answer && is_another(answer.error()))
    return object.replaced();
  if (!answer)
    return std::move(answer).error();
  const auto& seen = answer->head;
  const auto size =
      seen.status == 206 ? total_of(seen.find("content-range")) : object.came();
  return jobs::object_info{key, size, plain_etag(seen.find("etag")), 0};
}

status s3_store::remove(const std::string& key, std::stop_token stop) {
  const auto answer = ask({.method = "DELETE", .key = key}, stop);
  if (answer || answer.error().code == fault_code::store_object_missing)
    return {};
  return answer.error();
}

std::string s3_store::without_prefix(std::string key) const {
  return key.starts_with(settings_.prefix) ? key.substr(settings_.prefix.size())
                                           : key;
}

result<jobs::object_page> s3_store::list(const std::string& prefix,
                                         const std::string& after,
                                         std::size_t limit,
                                         std::stop_token stop) {
  call what{.query = {{"list-type", "2"},
                      {"max-keys", std::to_string(limit)},
                      {"prefix", settings_.prefix + prefix}}};
  if (!after.empty())
    what.query.emplace_back("start-after", settings_.prefix + after);
  const auto answer = ask(what, stop);
  if (!answer)
    return answer.error();
  auto page = read_object_page(answer->body);
  if (!page)
    return not_understood(what);
  for (auto& object : page->objects)
    object.key = without_prefix(std::move(object.key));
  return *std::move(page);
}

// -- for others ---------------------------------------------------------------

std::string s3_store::presign_get(const std::string& key,
                                  std::chrono::seconds lasts) {
  const auto to_sign = signable({.key = key});
  return scheme_ + host_ + to_sign.path + "?"
         + presign_s3(to_sign, settings_.keys, settings_.region, clock_.now(),
                      lasts);
}

std::string s3_store::presign_part(const std::string& key,
                                   const std::string& upload_id, int number,
                                   std::chrono::seconds lasts) {
  const auto to_sign =
      signable({.method = "PUT",
                .key = key,
                .query = {{"partNumber", std::to_string(number)},
                          {"uploadId", upload_id}}});
  return scheme_ + host_ + to_sign.path + "?"
         + presign_s3(to_sign, settings_.keys, settings_.region, clock_.now(),
                      lasts);
}

} // namespace alula::remote
