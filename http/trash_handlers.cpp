#include "http/trash_handlers.hpp"

#include "http/job_answers.hpp"
#include "http/json_values.hpp"
#include "http/paging.hpp"
#include "http/reply.hpp"
#include "http/scopes.hpp"
#include "http/submit.hpp"
#include "http/timestamps.hpp"
#include "jobs/catalog.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace alula::http {

namespace {

using json = nlohmann::ordered_json;
using entries = jobs::result<std::vector<jobs::trash_entry>>;

json object_of(const jobs::trash_entry& entry, jobs::time_ms now) {
  const bool restorable = entry.state == "held" && now < entry.purge_after;
  const auto url = "/api/trash/" + entry.deleted_by.to_string() + "/restore";
  return {{"job", entry.deleted_by.view()},
          {"server", entry.server.view()},
          {"server_name", text_or_null(entry.server_name)},
          {"state", entry.state},
          {"detached_at", to_rfc3339(entry.detached_at)},
          {"purge_after", to_rfc3339(entry.purge_after)},
          {"links",
           {{"job", job_url(entry.deleted_by)},
            {"restore", restorable ? json(url) : json(nullptr)}}}};
}

constexpr std::string_view trash_filters = "trash v1";

/// By the time a server went; of one millisecond, by its row. 43 bits are left
/// for the milliseconds: until the year 2248.
std::int64_t place_of(const jobs::trash_entry& entry) {
  constexpr int row_bits = 20;
  constexpr std::int64_t rows = std::int64_t{1} << row_bits;
  return entry.detached_at * rows + entry.server_row % rows;
}

jobs::fault not_in_trash(std::string_view job) {
  return {.code = jobs::fault_code::trash_not_found,
          .what =
              "nothing of job \"" + std::string{job} + "\" lies in the trash"};
}

void undelete(const api_ptr& api, const exchange_ptr& call,
              const jobs::job_id& deleted_by) {
  // The engine knows which server that job was about.
  jobs::submission what;
  what.kind = jobs::undelete_server.name;
  what.subject = deleted_by;
  submit(api, call, std::move(what), answer_style::with_job);
}

} // namespace

void list_trash(const api_ptr& api, const exchange_ptr& call) {
  const auto page = read_page(call->req(), api->seal, trash_filters);
  if (!page)
    return reply_fault(call, page.error());
  api->engine.list_trash([api, call, page = *page](entries found) {
    if (!found)
      return reply_fault(call, found.error());
    std::erase_if(*found, [&](const jobs::trash_entry& entry) {
      return !reaches(call->req(), entry.server);
    });
    const auto next = cut_page(*found, page, place_of);
    json items = json::array();
    for (const auto& entry : *found)
      items.push_back(object_of(entry, api->clock.now()));
    call->reply(
        page_answer(call->req(), api->seal, items.dump(), next, trash_filters));
  });
}

void restore_trash(const api_ptr& api, const exchange_ptr& call) {
  const auto id = jobs::job_id::parse(call->req().param("job"));
  if (!id)
    return reply_fault(call, not_in_trash(call->req().param("job")));
  if (reaches_all(call->req()))
    return undelete(api, call, *id);
  api->engine.list_trash([api, call, id = *id](const entries& found) {
    if (!found)
      return reply_fault(call, found.error());
    for (const auto& entry : *found)
      if (entry.deleted_by == id && reaches(call->req(), entry.server))
        return undelete(api, call, id);
    reply_fault(call, not_in_trash(id.view()));
  });
}

} // namespace alula::http
