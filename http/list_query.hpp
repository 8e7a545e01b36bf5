/// The query of a list of jobs: its filters, the size of a page, the cursor.
#pragma once

#include "http/cursor.hpp"
#include "http/exchange.hpp"
#include "jobs/ledger.hpp"
#include "jobs/result.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace alula::http {

inline constexpr std::size_t default_page_size = 50;
inline constexpr std::size_t max_page_size = 200; ///< more is cut to it
inline constexpr std::size_t max_listed_ids = 100;

struct list_query {
  jobs::job_filter filter;
  /// The filters as text, the same for the same question however it was
  /// spelled: what a cursor is bound to.
  std::string canonical;
  std::size_t limit = default_page_size;
  std::int64_t before = 0;         ///< from the cursor; 0: the newest
  std::vector<std::string> fields; ///< empty: whole jobs
};

/// `server` restricts the list to one server (its URL) and forbids the
/// parameter of that name. Faults: malformed (an unknown parameter, one given
/// twice, or one of the wrong form, by its name), cursor_mismatch.
jobs::result<list_query> read_list_query(const request& req,
                                         const cursor_seal& seal,
                                         const jobs::server_id& server = {});

/// The `kind` of a filter: a kind's name, or a prefix ending in ".*".
bool is_kind_pattern(std::string_view text);

} // namespace alula::http
