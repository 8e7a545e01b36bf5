#include "http/trash_handlers.hpp"

#include "http/job_answers.hpp"
#include "http/reply.hpp"
#include "http/submit.hpp"
#include "http/timestamps.hpp"
#include "jobs/catalog.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
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
          {"state", entry.state},
          {"detached_at", to_rfc3339(entry.detached_at)},
          {"purge_after", to_rfc3339(entry.purge_after)},
          {"links",
           {{"job", job_url(entry.deleted_by)},
            {"restore", restorable ? json(url) : json(nullptr)}}}};
}

jobs::fault not_in_trash(std::string_view job) {
  return {.code = jobs::fault_code::trash_not_found,
          .what =
              "nothing of job \"" + std::string{job} + "\" lies in the trash"};
}

/// The server an entry belongs to is known to the trash, or to the job that
/// put it there.
void submit_restore(const api_ptr& api, const exchange_ptr& call,
                    const jobs::job_id& deleted_by,
                    const jobs::server_id& server) {
  jobs::submission what;
  what.kind = jobs::undelete_server.name;
  what.server = server;
  what.subject = deleted_by;
  submit(api, call, std::move(what), answer_style::with_job);
}

void submit_again(const api_ptr& api, const exchange_ptr& call,
                  const jobs::job_id& deleted_by) {
  api->engine.find(
      deleted_by, [api, call, deleted_by](
                      const jobs::result<jobs::job_view_ptr>& deletion) {
        const bool known =
            deletion && (*deletion)->record().kind == jobs::delete_server.name;
        if (!known)
          return reply_fault(call, not_in_trash(deleted_by.view()));
        submit_restore(api, call, deleted_by, (*deletion)->record().server);
      });
}

} // namespace

void list_trash(const api_ptr& api, const exchange_ptr& call) {
  api->engine.list_trash([api, call](const entries& found) {
    if (!found)
      return reply_fault(call, found.error());
    json items = json::array();
    for (const auto& entry : *found)
      items.push_back(object_of(entry, api->clock.now()));
    auto answer = json_answer(200, json{{"items", items}}.dump());
    answer.headers.emplace_back("Cache-Control", "no-cache");
    call->reply(std::move(answer));
  });
}

void restore_trash(const api_ptr& api, const exchange_ptr& call) {
  const auto id = jobs::job_id::parse(call->req().param("job"));
  if (!id)
    return reply_fault(call, not_in_trash(call->req().param("job")));
  api->engine.list_trash([api, call, id = *id](const entries& found) {
    if (!found)
      return reply_fault(call, found.error());
    const auto entry =
        std::ranges::find(*found, id, &jobs::trash_entry::deleted_by);
    if (entry != found->end())
      return submit_restore(api, call, id, entry->server);
    if (!call->req().header("Idempotency-Key"))
      return reply_fault(call, not_in_trash(id.view()));
    // The same request may have emptied this place: only the engine can tell.
    submit_again(api, call, id);
  });
}

} // namespace alula::http
