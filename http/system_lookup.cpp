#include "http/system_lookup.hpp"

#include "http/file_answers.hpp"
#include "http/job_answers.hpp"
#include "http/scopes.hpp"
#include "http/system_envelope.hpp"
#include "jobs/catalog.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <memory>
#include <utility>

namespace alula::http {

namespace {

using jobs::fault_code;
using jobs::system_backup_record;
using jobs::system_backup_state;

/// Below the 30 s that proxies are usually given for such a call
/// (systems-api 1.7).
constexpr std::chrono::seconds longest_removal{25};

/// Open as long as its bytes are on their way.
struct transfer {
  jobs::system_objects::open_object object;
  std::shared_ptr<void> place;
};

void say_removed(const exchange_ptr& call, const removal_words& words,
                 const jobs::job_record& job, const std::string& data) {
  const bool done =
      job.is_answered() || job.state == jobs::job_state::succeeded;
  // Not yet is no success: the job goes on, and whoever asks again joins it.
  auto answer = done ? enveloped(200, words.done, data)
                     : enveloped(words.failed_status, words.failed);
  answer.headers.emplace_back("Operation-Location", job_url(job.id));
  call->reply(std::move(answer));
}

} // namespace

void on_reader(const api_ptr& api, const exchange_ptr& call,
               std::function<void()> what) {
  auto& readers = api->live.askers ? *api->live.askers : api->later;
  if (readers.run(std::move(what)))
    return;
  auto answer = enveloped(503, "backup storage unavailable");
  answer.headers.emplace_back("Retry-After", "5");
  call->reply(std::move(answer));
}

std::optional<jobs::system_record> find_system_of(const api_ptr& api,
                                                  const exchange_ptr& call) {
  const auto id = call->req().param("system");
  if (!api->systems.records) {
    reply_enveloped(call, 404, "system not found");
    return std::nullopt;
  }
  auto found = api->systems.records->find_system(id);
  if (!found) {
    reply_enveloped(call, 500, "failed to process system request");
    return std::nullopt;
  }
  if (!*found || (*found)->destroyed_at != 0) {
    reply_enveloped(call, 404, "system not found");
    return std::nullopt;
  }
  if (!reaches(call->req(), jobs::access_object::of_system(
                                (*found)->id, (*found)->organization))) {
    reply_enveloped(call, 403, "access denied to system");
    return std::nullopt;
  }
  return *std::move(found);
}

bool has_store(const api_ptr& api, const exchange_ptr& call) {
  if (api->systems.is_served())
    return true;
  reply_enveloped(call, 503, "backup storage unavailable");
  return false;
}

std::optional<system_backup_record> find_stored(const api_ptr& api,
                                                const exchange_ptr& call,
                                                std::string_view system,
                                                std::string_view id,
                                                std::string_view failed) {
  auto found = api->systems.records->find_system_backup(id);
  if (!found) {
    reply_enveloped(call, 502, failed);
    return std::nullopt;
  }
  if (!*found || (*found)->system != system
      || (*found)->state != system_backup_state::stored) {
    reply_enveloped(call, 404, "backup not found");
    return std::nullopt;
  }
  return *std::move(found);
}

std::optional<std::vector<system_backup_record>>
list_stored(const api_ptr& api, const exchange_ptr& call,
            std::string_view system) {
  auto all = api->systems.records->list_system_backups(system);
  if (!all) {
    reply_enveloped(call, 502, "failed to list backups");
    return std::nullopt;
  }
  std::erase_if(*all, [](const auto& one) {
    return one.state != system_backup_state::stored;
  });
  return *std::move(all);
}

void send_object(const api_ptr& api, const exchange_ptr& call,
                 const system_backup_record& backup, const std::string& name) {
  auto place = api->transfers->take(backup.system);
  if (!place) {
    auto answer = enveloped(429, place.error().what);
    answer.headers.emplace_back("Retry-After", "1");
    return call->reply(std::move(answer));
  }
  auto opened = api->systems.parts->objects.open(backup.id);
  if (!opened)
    return opened.error().code == fault_code::backup_not_found
               ? reply_enveloped(call, 404, "backup not found")
               : reply_enveloped(call, 502, "failed to fetch backup");
  auto open = std::make_shared<transfer>(
      transfer{*std::move(opened), *std::move(place)});
  auto plan = plan_file(call->req(), {.size = open->object.size,
                                      .modified_at = backup.uploaded_at,
                                      .etag = '"' + backup.sha256 + '"',
                                      .name = name});
  if (plan.head.status == 412)
    return reply_enveloped(call, 412, "precondition failed");
  if (plan.head.status == 416) {
    auto answer = enveloped(416, "range not satisfiable");
    answer.headers.emplace_back("Content-Range",
                                "bytes */" + std::to_string(open->object.size));
    return call->reply(std::move(answer));
  }
  if (!plan.body)
    return call->reply(std::move(plan.head));
  const auto& [offset, length] = *plan.body;
  const int descriptor = open->object.file.get();
  call->reply_file(std::move(plan.head),
                   {descriptor, offset, length, std::move(open)});
}

constinit const removal_words of_backup{
    jobs::delete_system_backup, "backup deleted", "failed to delete backup"};
constinit const removal_words of_system{jobs::destroy_system,
                                        "system destroyed",
                                        "failed to purge system backups", 500};

void remove_by_job(const api_ptr& api, const exchange_ptr& call,
                   const removal_words& words, const jobs::system_record& of,
                   std::string_view backup, std::string data) {
  // Whose it is goes with the job: the jobs API shows it to nobody else.
  nlohmann::json body{{"system", of.id}, {"organization", of.organization}};
  if (!backup.empty())
    body["id"] = backup;
  jobs::submission what;
  what.kind = words.kind.name;
  what.body = body.dump();
  api->engine.submit(std::move(what), [api, call, &words,
                                       data = std::move(data)](
                                          jobs::result<jobs::ticket> taken) {
    if (!taken)
      // One that is still being uploaded is not there yet.
      return taken.error().code == fault_code::backup_in_use
                 ? reply_enveloped(call, 404, "backup not found")
                 : reply_enveloped(call, words.failed_status, words.failed);
    const auto job = taken->job;
    // Not `api.sync_wait`, which may be none: there is no 202 to give instead.
    api->engine.await(
        job->record().id, jobs::await_for::answered, {}, longest_removal,
        [call, &words, data,
         job](const jobs::result<jobs::job_view_ptr>& newest) {
          say_removed(call, words, (newest ? *newest : job)->record(), data);
        });
  });
}

std::string to_json(const std::vector<system_backup_record>& backups) {
  std::string out = "[";
  for (const auto& one : backups) {
    if (out.size() > 1)
      out += ',';
    out += jobs::to_json(one);
  }
  return out + ']';
}

} // namespace alula::http
