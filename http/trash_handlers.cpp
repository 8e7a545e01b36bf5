#include "http/trash_handlers.hpp"

#include "http/job_answers.hpp"
#include "http/reply.hpp"
#include "http/submit.hpp"
#include "http/timestamps.hpp"
#include "jobs/catalog.hpp"

#include <nlohmann/json.hpp>

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
  // The engine knows which server that job was about.
  jobs::submission what;
  what.kind = jobs::undelete_server.name;
  what.subject = *id;
  submit(api, call, std::move(what), answer_style::with_job);
}

} // namespace alula::http
