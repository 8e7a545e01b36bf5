#include "http/outbox_handlers.hpp"

#include "http/job_answers.hpp"
#include "http/json_values.hpp"
#include "http/list_query.hpp"
#include "http/paging.hpp"
#include "http/reply.hpp"
#include "http/scopes.hpp"

#include <nlohmann/json.hpp>

#include <charconv>
#include <string>
#include <string_view>

namespace alula::http {

namespace {

using json = nlohmann::ordered_json;

struct outbox_query {
  jobs::report_group which = jobs::report_group::unsettled;
  std::string canonical = "outbox v1|";
  std::size_t limit = default_page_size;
  std::int64_t after = 0;
};

std::optional<jobs::report_group> parse_group(std::string_view text) {
  if (text == "open")
    return jobs::report_group::open;
  if (text == "dead")
    return jobs::report_group::dead;
  if (text == "all")
    return jobs::report_group::all;
  return std::nullopt;
}

jobs::result<outbox_query> read_query(const request& req,
                                      const cursor_seal& seal) {
  if (const auto allowed = allow_parameters(req, {"state", "limit", "cursor"});
      !allowed)
    return allowed.error();
  outbox_query out;
  if (const auto text = req.query_value("state")) {
    const auto which = parse_group(*text);
    if (!which)
      return wrong_parameter("state", "open, dead or all");
    out.which = *which;
    out.canonical += *text;
  }
  if (const auto text = req.query_value("limit")) {
    const auto size = parse_page_size(*text, max_page_size);
    if (!size)
      return wrong_parameter("limit", "a positive number");
    out.limit = *size;
  }
  const auto after = read_cursor(req, seal, out.canonical);
  if (!after)
    return after.error();
  out.after = *after;
  return out;
}

json object_of(const jobs::report& r) {
  const bool waits = r.state == jobs::report_state::waiting;
  return {
      {"report", r.row},
      {"subject", r.subject},
      {"state", jobs::to_string(r.state)},
      {"method", r.method},
      {"path", r.path},
      {"job", r.job.empty() ? json(nullptr) : json(job_url(r.job))},
      {"server", text_or_null(r.server.view())},
      {"created_at", time_or_null(r.created_at)},
      {"tries", r.tries},
      {"last_try_at", time_or_null(r.tried_at)},
      {"last_status", r.http_status == 0 ? json(nullptr) : json(r.http_status)},
      {"last_error", text_or_null(r.error)},
      {"next_try_at", waits ? time_or_null(r.next_at) : json(nullptr)},
      {"ended_at", time_or_null(r.ended_at)}};
}

std::string items_of(const request& req, const jobs::report_page& page) {
  auto items = json::array();
  for (const auto& r : page.items)
    if (reaches(req, r.server))
      items.push_back(object_of(r));
  return text_of(items);
}

jobs::result<std::int64_t> read_number(const request& req) {
  const auto text = req.param("report");
  std::int64_t row = 0;
  const auto [stop, error] =
      std::from_chars(text.data(), text.data() + text.size(), row);
  if (error != std::errc{} || stop != text.data() + text.size() || row < 1)
    return jobs::fault{.code = jobs::fault_code::route_not_found,
                       .what = "no report has such a number"};
  return row;
}

} // namespace

void list_outbox(const api_ptr& api, const exchange_ptr& call) {
  const auto asked = read_query(call->req(), api->seal);
  if (!asked)
    return reply_fault(call, asked.error());
  const auto send = [api, call, canonical = asked->canonical](
                        const jobs::result<jobs::report_page>& page) {
    if (!page)
      return reply_fault(call, page.error());
    call->reply(page_answer(call->req(), api->seal,
                            items_of(call->req(), *page), page->next_after,
                            canonical));
  };
  if (!api->outbox)
    return send(jobs::report_page{});
  api->outbox->list(asked->which, asked->after, asked->limit, send);
}

void repeat_report(const api_ptr& api, const exchange_ptr& call) {
  const auto row = read_number(call->req());
  if (!row)
    return reply_fault(call, row.error());
  if (!reaches_all(call->req()))
    return reply_fault(call,
                       {.code = jobs::fault_code::forbidden,
                        .what = "the credentials reach some servers only, and "
                                "a report may be about any"});
  if (!api->repeats)
    return reply_fault(call, {.code = jobs::fault_code::route_not_found,
                              .what = "this node has no Panel to tell"});
  api->repeats->repeat(*row, [call](const jobs::result<jobs::report>& again) {
    if (!again)
      return reply_fault(call, again.error());
    call->reply(json_answer(202, text_of(object_of(*again))));
  });
}

} // namespace alula::http
