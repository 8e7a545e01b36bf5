#include "http/page_handlers.hpp"

#include "http/embedded.hpp"
#include "http/job_answers.hpp"
#include "http/reply.hpp"
#include "http/sha256.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

namespace alula::http {

namespace {

/// Nothing of another place is loaded or asked, and nobody frames the page.
constexpr std::string_view content_rules =
    "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'";

std::string_view type_of_page_file(std::string_view name) {
  const auto tail = name.substr(name.find_last_of('.') + 1);
  if (tail == "html")
    return "text/html; charset=utf-8";
  if (tail == "css")
    return "text/css; charset=utf-8";
  if (tail == "js")
    return "text/javascript; charset=utf-8";
  return tail == "svg" ? "image/svg+xml" : "text/plain; charset=utf-8";
}

std::string etag_of_text(std::string_view text) {
  constexpr std::size_t enough = 32; // 128 bits
  return '"' + to_hex(sha256(text)).substr(0, enough) + '"';
}

response with_page_headers(response answer, std::string_view type,
                           const std::string& etag) {
  answer.headers = {{"Content-Type", std::string{type}},
                    {"Content-Security-Policy", std::string{content_rules}},
                    {"X-Content-Type-Options", "nosniff"},
                    {"Referrer-Policy", "no-referrer"},
                    {"Cross-Origin-Opener-Policy", "same-origin"},
                    // A new release is a new page at once.
                    {"Cache-Control", "no-cache"},
                    {"ETag", etag}};
  return answer;
}

void send_text(const exchange_ptr& call, std::string_view text,
               std::string_view type, const std::string& etag) {
  const auto known = call->req().header("If-None-Match");
  if (known && names_etag(*known, etag))
    return call->reply(with_page_headers({.status = 304}, type, etag));
  call->reply(with_page_headers({.status = 200, .body = std::string{text}},
                                type, etag));
}

void send_page_file(const api_ptr& api, const exchange_ptr& call,
                    std::string_view name) {
  static const auto etags = [] {
    std::map<std::string_view, std::string> all;
    for (const auto& file : page_files())
      all.emplace(file.name, etag_of_text(file.text));
    return all;
  }();
  const auto files = page_files();
  const auto found = std::ranges::find(files, name, &embedded_file::name);
  if (!api->settings.status_page || found == files.end())
    return reply_fault(call,
                       {.code = jobs::fault_code::route_not_found,
                        .what = "there is no " + call->req().path + " here"});
  send_text(call, found->text, type_of_page_file(name), etags.at(found->name));
}

/// Members of `part` into `whole`; two parts never describe the same thing.
void add_part(nlohmann::ordered_json& whole,
              const nlohmann::ordered_json& part) {
  for (const auto& [name, value] : part.items()) {
    auto& there = whole[name];
    if (there.is_object() && value.is_object())
      add_part(there, value);
    else
      there = value;
  }
}

} // namespace

void show_page(const api_ptr& api, const exchange_ptr& call) {
  send_page_file(api, call, "index.html");
}

void show_page_file(const api_ptr& api, const exchange_ptr& call) {
  send_page_file(api, call, call->req().param("file"));
}

const std::string& api_description() {
  static const std::string text = [] {
    nlohmann::ordered_json whole;
    for (const auto& part : description_parts())
      add_part(whole, nlohmann::ordered_json::parse(part.text));
    return whole.dump();
  }();
  return text;
}

void show_description(const api_ptr&, const exchange_ptr& call) {
  static const auto etag = etag_of_text(api_description());
  const auto known = call->req().header("If-None-Match");
  const bool is_known = known && names_etag(*known, etag);
  auto answer =
      is_known ? empty_answer(304) : json_answer(200, api_description());
  answer.headers.emplace_back("ETag", etag);
  answer.headers.emplace_back("Cache-Control", "no-cache");
  call->reply(std::move(answer));
}

} // namespace alula::http
