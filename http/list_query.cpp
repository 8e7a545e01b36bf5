#include "http/list_query.hpp"

#include "http/paging.hpp"
#include "http/timestamps.hpp"
#include "http/words.hpp"

#include <algorithm>
#include <charconv>

namespace alula::http {

namespace {

using jobs::fault;
using jobs::fault_code;

/// One parameter into the query.
class reader {
public:
  explicit reader(list_query& out) : out_(out) {}

  jobs::status take(std::string_view name, std::string_view value) {
    if (name == "ids")
      return take_ids(value);
    if (name == "server")
      return take_server(value);
    if (name == "kind")
      return take_kind(value);
    if (name == "state")
      return take_states(value);
    if (name == "done")
      return take_done(value);
    if (name == "created_after")
      return take_created_after(value);
    if (name == "limit")
      return take_limit(value);
    if (name == "q")
      return take_begin(value);
    for (const auto field : split(value, ','))
      out_.fields.emplace_back(field);
    return {};
  }

private:
  jobs::status take_ids(std::string_view value) {
    for (const auto text : split(value, ',')) {
      const auto id = jobs::job_id::parse(text);
      if (!id)
        return wrong_parameter("ids", "a list of job ids");
      out_.filter.ids.push_back(*id);
    }
    auto& ids = out_.filter.ids;
    std::ranges::sort(ids);
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    if (ids.empty() || ids.size() > max_listed_ids)
      return wrong_parameter("ids", "1 to 100 job ids");
    return {};
  }

  jobs::status take_server(std::string_view value) {
    const auto id = jobs::server_id::parse(value);
    if (!id)
      return wrong_parameter("server", "a server's uuid");
    out_.filter.server = *id;
    return {};
  }

  jobs::status take_kind(std::string_view value) {
    if (!is_kind_pattern(value))
      return wrong_parameter("kind", "a kind, or a prefix that ends in \".*\"");
    out_.filter.kind = std::string{value};
    return {};
  }

  jobs::status take_states(std::string_view value) {
    for (const auto text : split(value, ',')) {
      const auto state = jobs::parse_job_state(text);
      if (!state)
        return wrong_parameter("state",
                               "a list of queued, running, retry_wait, "
                               "cancelling, parked, succeeded, failed, "
                               "cancelled");
      out_.filter.states.push_back(*state);
    }
    auto& states = out_.filter.states;
    std::ranges::sort(states);
    states.erase(std::unique(states.begin(), states.end()), states.end());
    if (states.empty())
      return wrong_parameter("state", "a list of at least one state");
    return {};
  }

  jobs::status take_done(std::string_view value) {
    if (value != "true" && value != "false")
      return wrong_parameter("done", "true or false");
    out_.filter.done = value == "true";
    return {};
  }

  jobs::status take_created_after(std::string_view value) {
    const auto at = parse_time(value);
    if (!at)
      return wrong_parameter("created_after",
                             "an RFC 3339 time or Unix milliseconds");
    out_.filter.created_after = *at;
    return {};
  }

  jobs::status take_begin(std::string_view value) {
    constexpr std::size_t fewest = 8, most = 36;
    const bool is_of_uuid = std::ranges::all_of(value, [](char c) {
      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || c == '-';
    });
    if (!is_of_uuid || value.size() < fewest || value.size() > most)
      return wrong_parameter("q", "the first 8 or more characters of a job's "
                                  "id or a server's uuid");
    out_.filter.begins = std::string{value};
    return {};
  }

  jobs::status take_limit(std::string_view value) {
    const auto limit = parse_page_size(value, max_page_size);
    if (!limit)
      return wrong_parameter("limit", "a positive number");
    out_.limit = *limit;
    return {};
  }

  list_query& out_;
};

std::string canonical_text(const jobs::job_filter& filter) {
  std::string out = "v1";
  for (const auto& id : filter.ids)
    out += "|id=" + id.to_string();
  out += "|server=" + filter.server.to_string() + "|kind=" + filter.kind;
  for (const auto state : filter.states)
    out += "|state=" + std::string{jobs::to_string(state)};
  if (filter.done)
    out += *filter.done ? "|done" : "|live";
  return out + "|after=" + std::to_string(filter.created_after)
         + "|q=" + filter.begins;
}

} // namespace

bool is_kind_pattern(std::string_view text) {
  if (text.ends_with(".*"))
    text.remove_suffix(2);
  return !text.empty() && text.size() <= 64
         && std::ranges::all_of(text, [](char c) {
              return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')
                     || c == '.' || c == '_';
            });
}

jobs::result<list_query> read_list_query(const request& req,
                                         const cursor_seal& seal,
                                         const jobs::server_id& server) {
  auto known = std::vector<std::string_view>{
      "ids",           "kind",   "state",  "done", "limit",
      "created_after", "cursor", "fields", "q"};
  if (server.empty())
    known.emplace_back("server");
  if (auto allowed = allow_parameters(req, known); !allowed)
    return std::move(allowed).error();
  list_query out;
  reader take{out};
  for (const auto& [name, value] : req.query)
    if (name != "cursor")
      if (auto taken = take.take(name, value); !taken)
        return std::move(taken).error();
  if (!out.filter.ids.empty() && !out.filter.begins.empty())
    return wrong_parameter("q", "left out where ids are given");
  if (!server.empty())
    out.filter.server = server;
  out.canonical = canonical_text(out.filter);
  const auto before = read_cursor(req, seal, out.canonical);
  if (!before)
    return before.error();
  out.before = *before;
  return out;
}

} // namespace alula::http
