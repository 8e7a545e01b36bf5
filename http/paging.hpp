/// What lists that come page by page have in common: the size of a page, the
/// cursor, the envelope and the way to the next page.
#pragma once

#include "http/cursor.hpp"
#include "http/exchange.hpp"
#include "jobs/result.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace alula::http {

/// A positive number, cut to `most`; nothing for anything else.
std::optional<std::size_t> parse_page_size(std::string_view text,
                                           std::size_t most);

/// A query parameter that is not what it should be (malformed, by its name).
jobs::fault wrong_parameter(std::string_view name, std::string_view wanted);

/// Faults: malformed, for a parameter that is not one of these or is given
/// twice; a misspelt filter would be a wrong list.
jobs::status allow_parameters(const request& req,
                              const std::vector<std::string_view>& known);

/// Where the page begins; 0 without a cursor. Fault: cursor_mismatch.
jobs::result<std::int64_t> read_cursor(const request& req,
                                       const cursor_seal& seal,
                                       std::string_view filters);

struct page_query {
  std::size_t limit = 0;
  std::int64_t before = 0; ///< 0: from the first on
};
/// `limit` and `cursor` of a list without filters, and that nothing else was
/// given. Faults: malformed, cursor_mismatch.
jobs::result<page_query> read_page(const request& req, const cursor_seal& seal,
                                   std::string_view filters);

/// Leaves a page of a list that is in memory: those below `before`, the largest
/// first by `key`, which no two have in common. The key the next page is below;
/// 0: there is none.
template<class T, class Key>
std::int64_t cut_page(std::vector<T>& all, const page_query& page, Key key) {
  if (page.before != 0)
    std::erase_if(all, [&](const T& it) { return key(it) >= page.before; });
  std::ranges::sort(all, std::ranges::greater{}, key);
  if (all.size() <= page.limit)
    return 0;
  all.resize(page.limit);
  return key(all.back());
}

/// The request's URL with this one parameter set, whatever it was before.
std::string url_with(const request& req, std::string_view name,
                     std::string_view value);

/// {"items":…,"next":cursor or null,"has_more":bool}, and `Link: <…>;
/// rel="next"` (RFC 8288) when there is more. `items` is a JSON list; `filters`
/// is what the cursor is bound to.
response page_answer(const request& req, const cursor_seal& seal,
                     const std::string& items, std::int64_t next_before,
                     std::string_view filters);

} // namespace alula::http
