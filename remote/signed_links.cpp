#include "remote/signed_links.hpp"

#include "jobs/ascii.hpp"
#include "remote/md5_source.hpp"
#include "remote/s3_answers.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <optional>
#include <utility>

namespace alula::remote {

using jobs::fault;
using jobs::fault_code;
using jobs::status;

namespace {

constexpr int most_redirects = 5;

/// What archives are served as; Wings asks for the first two.
constexpr std::array archive_types{
    std::string_view{"application/x-gzip"},
    std::string_view{"application/gzip"},
    std::string_view{"application/octet-stream"},
    std::string_view{"binary/octet-stream"},
    std::string_view{"application/x-tar"},
    std::string_view{"application/x-gtar"},
    std::string_view{"application/x-tgz"},
    std::string_view{"application/tar+gzip"},
    std::string_view{"application/x-compressed-tar"},
};

std::string media_type(std::string_view value) {
  auto out = jobs::lowered(value.substr(0, value.find(';')));
  std::erase(out, ' ');
  return out;
}

std::int64_t number(std::string_view text) {
  return std::strtoll(std::string{text}.c_str(), nullptr, 10);
}

bool is_redirect(int code) {
  return code == 301 || code == 302 || code == 303 || code == 307
         || code == 308;
}

/// For the log and the API: the host alone.
std::string place_of(const std::string& url) {
  const auto begin = url.find("://");
  if (begin == std::string::npos)
    return "a download_url";
  const auto host =
      url.substr(begin + 3, url.find_first_of("/?#", begin + 3) - begin - 3);
  return host.find('@') == std::string::npos ? host : "a download_url";
}

} // namespace

web_links::web_links(link_settings settings)
  : settings_(std::move(settings)), uploads_({}),
    downloads_({.idle_connections = 0}) {}

jobs::result<jobs::link_answer> web_links::put(const std::string& url,
                                               const jobs::byte_source& from,
                                               const jobs::transfer_tell& tell,
                                               std::stop_token stop) {
  const md5_source hashed{from};
  http_request request;
  request.method = "PUT";
  request.url = url;
  // wings-protocol 7.6.
  request.headers = {{"Content-Type", "application/x-gzip"}};
  request.source = &hashed;
  request.sent = tell;
  request.send_limit = settings_.send_limit.get();
  request.silence = settings_.stall;
  request.connect_limit = std::chrono::seconds{10};
  request.max_body = std::size_t{1} << 20;
  request.ca_file = settings_.ca_file;
  auto outcome = uploads_.send(request, stop);
  if (const auto* error = std::get_if<http_error>(&outcome))
    return s3_fault(*error, "PUT of a part to " + place_of(url));
  const auto& answer = std::get<http_answer>(outcome);
  jobs::link_answer out;
  out.status = answer.status;
  out.etag = answer.head.find("etag");
  if (answer.status < 200 || answer.status >= 300) {
    const auto words = s3_error_text(answer.body);
    out.code = s3_error_code(answer.body);
    out.why =
        "the object store answers "
        + (words.empty() ? "status " + std::to_string(answer.status) : words);
  } else {
    out.is_wrong =
        is_md5(answer.head) && plain_etag(out.etag) != hashed.digits();
  }
  return out;
}

status web_links::check(const std::string& url) const {
  auto parts = check_link(url, settings_.allowed);
  return parts ? status{} : status{std::move(parts).error()};
}

/// One download over all its redirects.
struct web_links::reading {
  std::string url;
  std::string host;
  jobs::link_download what;
  const std::function<status(const jobs::link_content&)>& begin;
  const jobs::byte_sink& into;
  std::optional<fault> why = {}; ///< it was ended by us
  std::string location = {};     ///< where to ask instead
  bool is_past_end = false;      ///< 416
};

namespace {

fault no_archive(const std::string& type, const std::string& place) {
  return {.code = fault_code::store_refused,
          .what = "what is served there is no archive: its type is "
                  + (type.empty() ? "not said" : type),
          .where = place};
}

/// What comes, or a fault when it is nothing we asked for.
jobs::result<jobs::link_content> content_of(const http_head& head,
                                            const jobs::link_download& asked,
                                            const std::string& place) {
  const auto type = media_type(head.find("content-type"));
  if (std::ranges::find(archive_types, type) == archive_types.end())
    return no_archive(type, place);
  jobs::link_content out;
  out.etag = head.find("etag");
  if (out.etag.starts_with("W/"))
    out.etag.clear();
  if (head.status == 206) {
    const auto range = head.find("content-range"); // bytes 5-9/10
    const auto slash = range.rfind('/');
    out.at = range.starts_with("bytes ") ? number(range.substr(6)) : -1;
    if (slash != std::string_view::npos)
      out.size = number(range.substr(slash + 1));
    if (out.at != asked.at)
      return fault{.code = fault_code::store_refused,
                   .what = "another range was served than was asked for",
                   .where = place};
  } else {
    out.size = number(head.find("content-length"));
  }
  return out;
}

} // namespace

http_request web_links::request_for(reading& now) {
  http_request request;
  request.url = now.url;
  request.headers = {{"Accept-Encoding", "identity"}};
  if (now.what.at > 0 && !now.what.etag.empty()) {
    request.headers.emplace_back("Range",
                                 "bytes=" + std::to_string(now.what.at) + "-");
    request.headers.emplace_back("If-Range", now.what.etag);
  }
  request.silence = settings_.stall;
  request.connect_limit = std::chrono::seconds{10};
  request.max_body = std::size_t{1} << 20;
  request.take_rate = settings_.take_rate;
  request.ca_file = settings_.ca_file;
  request.resolve = settings_.resolve;
  request.may_connect = [this, &now](const sockaddr& to) {
    return may_connect(to, now.host, settings_.allowed);
  };
  request.begin = [&now](const http_head& head) {
    if (is_redirect(head.status)) {
      now.location = head.find("location");
      if (now.location.empty())
        now.why = fault{.code = fault_code::store_refused,
                        .what = "a redirect leads nowhere",
                        .where = now.host};
      return false;
    }
    now.is_past_end = head.status == 416;
    if (head.status != 200 && head.status != 206)
      return true;
    const auto content = content_of(head, now.what, now.host);
    auto may = content ? now.begin(*content) : status{content.error()};
    if (!may)
      now.why = may.error();
    return may.has_value();
  };
  request.take = [&now](std::string_view piece) {
    auto taken = now.into(std::span<const char>{piece});
    if (!taken)
      now.why = taken.error();
    return taken.has_value();
  };
  return request;
}

status web_links::read_once(reading& now, const std::stop_token& stop) {
  auto parts = check_link(now.url, settings_.allowed);
  if (!parts)
    return std::move(parts).error();
  now.host = parts->host;
  now.location.clear();
  const auto outcome = downloads_.send(request_for(now), stop);
  if (now.why)
    return *now.why;
  if (!now.location.empty())
    return {};
  const auto place = "GET from " + now.host;
  if (const auto* error = std::get_if<http_error>(&outcome)) {
    if (error->kind == http_failure::forbidden)
      return fault{.code = fault_code::link_refused,
                   .what = "the download_url leads into a private network: "
                           "that is where "
                           + now.host + " is",
                   .where = now.host};
    return s3_fault(*error, place);
  }
  const auto& answer = std::get<http_answer>(outcome);
  if (answer.status == 200 || answer.status == 206 || now.is_past_end)
    return {};
  auto why = s3_fault(answer, place);
  if (why.code == fault_code::store_object_missing)
    why.code = fault_code::store_refused;
  return why;
}

status
web_links::get(const std::string& url, const jobs::link_download& what,
               const std::function<status(const jobs::link_content&)>& begin,
               const jobs::byte_sink& into, std::stop_token stop) {
  reading now{
      .url = url, .host = {}, .what = what, .begin = begin, .into = into};
  for (int i = 0; i <= most_redirects; ++i) {
    if (auto read = read_once(now, stop); !read)
      return read;
    if (now.is_past_end && now.what.at > 0) {
      now.what = {}; // the object became shorter: from its start
      continue;
    }
    if (now.is_past_end)
      return fault{.code = fault_code::store_refused,
                   .what = "the object store serves no byte of it",
                   .where = now.host};
    if (now.location.empty())
      return {};
    const auto next = resolve_link(now.url, now.location);
    if (next.empty()
        || (now.url.starts_with("https:") && !next.starts_with("https:")))
      return fault{.code = fault_code::link_refused,
                   .what = "the download_url is redirected to what is no https "
                           "URL",
                   .where = now.host};
    now.url = next;
  }
  return fault{.code = fault_code::link_refused,
               .what = "the download_url is redirected again and again",
               .where = now.host};
}

} // namespace alula::remote
