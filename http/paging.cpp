#include "http/paging.hpp"

#include "http/list_query.hpp"
#include "http/reply.hpp"
#include "http/words.hpp"

#include <algorithm>
#include <charconv>

namespace alula::http {

std::optional<std::size_t> parse_page_size(std::string_view text,
                                           std::size_t most) {
  std::uint64_t limit = 0;
  const auto* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, limit);
  if (error != std::errc{} || stop != end || limit == 0)
    return std::nullopt;
  return static_cast<std::size_t>(std::min<std::uint64_t>(limit, most));
}

jobs::fault wrong_parameter(std::string_view name, std::string_view wanted) {
  return {.code = jobs::fault_code::malformed,
          .what = "query parameter \"" + std::string{name} + "\" must be "
                  + std::string{wanted},
          .where = std::string{name}};
}

jobs::status allow_parameters(const request& req,
                              const std::vector<std::string_view>& known) {
  for (auto at = req.query.begin(); at != req.query.end(); ++at) {
    const auto& name = at->first;
    if (std::ranges::find(known, name) == known.end())
      return jobs::fault{.code = jobs::fault_code::malformed,
                         .what = "there is no query parameter \"" + name
                                 + "\" here",
                         .where = name};
    if (std::any_of(req.query.begin(), at,
                    [&](const auto& before) { return before.first == name; }))
      return wrong_parameter(name, "given once");
  }
  return {};
}

jobs::result<std::int64_t> read_cursor(const request& req,
                                       const cursor_seal& seal,
                                       std::string_view filters) {
  const auto cursor = req.query_value("cursor");
  if (!cursor)
    return std::int64_t{0};
  const auto before = seal.open(*cursor, filters);
  if (!before)
    return jobs::fault{.code = jobs::fault_code::cursor_mismatch,
                       .what = "the cursor was not made by this node for these "
                               "filters; start again without it"};
  return *before;
}

jobs::result<page_query> read_page(const request& req, const cursor_seal& seal,
                                   std::string_view filters) {
  if (const auto allowed = allow_parameters(req, {"limit", "cursor"}); !allowed)
    return allowed.error();
  page_query out{.limit = default_page_size};
  if (const auto text = req.query_value("limit")) {
    const auto size = parse_page_size(*text, max_page_size);
    if (!size)
      return wrong_parameter("limit", "a positive number");
    out.limit = *size;
  }
  const auto before = read_cursor(req, seal, filters);
  if (!before)
    return before.error();
  out.before = *before;
  return out;
}

std::string url_with(const request& req, std::string_view name,
                     std::string_view value) {
  std::string out = req.path + '?';
  for (const auto& [key, given] : req.query)
    if (key != name)
      out += percent_encoded(key) + '=' + percent_encoded(given) + '&';
  return out + std::string{name} + '=' + percent_encoded(value);
}

response page_answer(const request& req, const cursor_seal& seal,
                     const std::string& items, std::int64_t next_before,
                     std::string_view filters) {
  const bool more = next_before != 0;
  const auto cursor = more ? seal.make(next_before, filters) : "";
  auto answer = json_answer(
      200, "{\"items\":" + items
               + ",\"next\":" + (more ? '"' + cursor + '"' : "null")
               + ",\"has_more\":" + (more ? "true" : "false") + "}");
  if (more)
    answer.headers.emplace_back("Link", "<" + url_with(req, "cursor", cursor)
                                            + ">; rel=\"next\"");
  answer.headers.emplace_back("Cache-Control", "no-cache");
  return answer;
}

} // namespace alula::http
