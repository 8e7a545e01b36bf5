#include "http/appliance_handlers.hpp"

#include "http/body_jobs.hpp"
#include "http/job_answers.hpp"
#include "http/json_values.hpp"
#include "http/system_envelope.hpp"
#include "http/system_lookup.hpp"
#include "jobs/body_pipe.hpp"
#include "jobs/catalog.hpp"
#include "jobs/measures.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

namespace alula::http {

namespace {

using jobs::fault_code;
using json = nlohmann::ordered_json;

constexpr std::string_view no_store = "backup storage unavailable";
constexpr std::string_view no_space = "insufficient storage for backup";
constexpr std::string_view upload_broke = "backup upload failed";

void refuse_credential(const exchange_ptr& call) {
  call->reply(refuse_appliance(call->req(), {}));
}

/// The one of the credential; empty, and answered, when that is of no
/// appliance.
std::string own_system(const exchange_ptr& call) {
  const auto& who = call->req().who;
  if (who && who->kind == jobs::principal_kind::appliance
      && !who->scope.systems.empty())
    return who->scope.systems.front();
  refuse_credential(call);
  return {};
}

using own_record = jobs::result<jobs::system_record>;

/// Its row, or why that cannot be read, which is told later: what is wrong with
/// the request comes first. A credential is as good as its system: one that is
/// suspended, destroyed or not on record yet has none, and that is answered.
std::optional<own_record> find_own(const api_ptr& api, const exchange_ptr& call,
                                   const std::string& id) {
  if (!api->systems.records)
    return jobs::fault{.code = fault_code::store_not_found,
                       .what = "this node knows no systems"};
  auto found = api->systems.records->find_system(id);
  if (!found)
    return std::move(found).error();
  const auto& row = *found;
  if (!row || row->suspended_at != 0 || row->destroyed_at != 0) {
    refuse_credential(call);
    return std::nullopt;
  }
  return *row;
}

/// False, and answered: 500 and 503, in this order.
bool can_serve(const api_ptr& api, const exchange_ptr& call,
               const own_record& own) {
  if (!own && own.error().code != fault_code::store_not_found) {
    reply_enveloped(call, 500, "failed to resolve system organization");
    return false;
  }
  return has_store(api, call);
}

/// What an appliance asks beyond uploading.
void with_own(const api_ptr& api, const exchange_ptr& call,
              std::function<void(const jobs::system_record&)> then) {
  const auto system = own_system(call);
  if (system.empty())
    return;
  on_reader(api, call, [api, call, system, then = std::move(then)] {
    const auto own = find_own(api, call, system);
    if (own && can_serve(api, call, *own))
      then(**own);
  });
}

/// The same about one backup, whose id is looked at behind the credential and
/// before everything else.
void with_own_backup(const api_ptr& api, const exchange_ptr& call,
                     std::string_view failed,
                     std::function<void(const jobs::system_record&,
                                        const jobs::system_backup_record&)>
                         then) {
  const auto system = own_system(call);
  if (system.empty())
    return;
  on_reader(api, call, [api, call, system, failed, then = std::move(then)] {
    const auto own = find_own(api, call, system);
    if (!own)
      return;
    const auto id =
        jobs::canonical_system_backup_id(call->req().param("backup"));
    if (!id)
      return reply_enveloped(call, 400, "invalid backup id");
    if (!can_serve(api, call, *own))
      return;
    if (const auto backup = find_stored(api, call, (*own)->id, *id, failed))
      then(**own, *backup);
  });
}

// -- uploads ------------------------------------------------------------------

/// Counts it by a word of this file's, so their number is bounded.
void refuse_upload(const exchange_ptr& call, response answer,
                   std::string_view why) {
  jobs::observe(jobs::measure::system_refusal, 1, why);
  call->reply(std::move(answer));
}

std::int64_t announced_length(const request& req) {
  return req.body_length.value_or(static_cast<std::int64_t>(req.body.size()));
}

/// One upload, from its head to its answer.
class upload : public std::enable_shared_from_this<upload> {
public:
  upload(api_ptr api, exchange_ptr call, std::string system)
    : api_(std::move(api)), call_(std::move(call)), system_(std::move(system)),
      length_(announced_length(call_->req())) {}

  /// Blocks: on a thread that reads. The checks that cost nothing come before
  /// the one that counts: a request that is no upload uses nothing up.
  void begin() {
    auto own = find_own(api_, call_, system_);
    if (!own || !has_good_length() || !comes_in_time()
        || !can_serve(api_, call_, *own))
      return;
    organization_ = std::move((*own)->organization);
    auto& objects = api_->systems.parts->objects;
    const auto space = objects.space();
    if (!space)
      return refuse_upload(call_, enveloped(503, no_store), "no_store");
    if (space->free < length_)
      return refuse_upload(call_, enveloped(507, no_space), "no_room");
    submit();
  }

private:
  bool has_good_length() {
    const auto limits = api_->systems.parts ? api_->systems.parts->limits
                                            : jobs::system_limits{};
    if (length_ > 0 && length_ <= limits.largest())
      return true;
    if (length_ <= 0)
      refuse_upload(call_, enveloped(411, "Content-Length required"),
                    "no_length");
    else
      refuse_upload(call_,
                    enveloped(413, "backup exceeds max upload size",
                              text_of({{"max_bytes", limits.largest()}})),
                    "too_large");
    return false;
  }

  bool comes_in_time() {
    auto* rate = api_->systems.rate;
    const auto seconds = rate ? rate->admit(system_, api_->clock.now()) : 0;
    if (seconds <= 0)
      return true;
    auto answer = enveloped(429, "upload rate limit exceeded",
                            text_of({{"retry_after_seconds", seconds}}));
    answer.headers.emplace_back("Retry-After", std::to_string(seconds));
    refuse_upload(call_, std::move(answer), "too_often");
    return false;
  }

  void submit() {
    const auto& req = call_->req();
    const auto& limits = api_->systems.parts->limits;
    const auto given = req.header("X-Filename").value_or("");
    id_ = jobs::make_system_backup_id(api_->clock.now(), given);
    const auto type = req.header("Content-Type").value_or("");
    constexpr std::size_t longest_type = 255;
    json body;
    body["id"] = id_;
    body["system"] = system_;
    body["organization"] = organization_;
    body["size"] = length_;
    body["filename"] = jobs::harmless_name(jobs::display_name(given, id_));
    body["mimetype"] = type.empty() || type.size() > longest_type
                           ? "application/octet-stream"
                           : std::string{type};
    body["uploader"] = req.remote;
    body["count"] = limits.count;
    body["bytes"] = limits.bytes;
    body["most"] = limits.organization;
    jobs::submission what;
    what.kind = jobs::receive_system_backup.name;
    what.body = text_of(body);
    // Before the job is accepted: its first step may begin at once.
    pipe_ = std::make_shared<jobs::body_pipe>();
    api_->systems.parts->bodies.announce(id_, pipe_);
    const auto self = shared_from_this();
    submit_with_body(
        api_->engine, call_, pipe_, std::move(what),
        {.refused = [self](const jobs::fault& why) { self->refused(why); },
         .ended = [self](const auto& job,
                         const auto& newest) { self->ended(job, newest); }});
  }

  void refused(const jobs::fault& why) {
    (void)api_->systems.parts->bodies.take(id_);
    if (why.code == fault_code::quota_exceeded)
      return refuse_upload(
          call_, enveloped(413, "organization backup quota exceeded"), "quota");
    // Suspended or destroyed since it was looked at.
    if (why.code == fault_code::system_not_found)
      return refuse_credential(call_);
    refuse_upload(
        call_, enveloped(503, "backup quota service unavailable, retry later"),
        "no_ledger");
  }

  void ended(const jobs::job_id& job,
             const jobs::result<jobs::job_view_ptr>& newest) {
    if (!newest)
      return answer(job, enveloped(502, upload_broke));
    const auto& record = (*newest)->record();
    if (record.is_answered() || record.state == jobs::job_state::succeeded)
      return answer(job, enveloped(201, "backup stored", record.result));
    const auto code = record.error ? record.error->code : fault_code::internal;
    if (code == fault_code::no_room)
      return answer(job, enveloped(507, no_space));
    answer(job, enveloped(502, upload_broke));
  }

  void answer(const jobs::job_id& job, response what) {
    (void)api_->systems.parts->bodies.take(id_);
    what.headers.emplace_back("Operation-Location", job_url(job));
    call_->reply(std::move(what));
  }

  const api_ptr api_;
  const exchange_ptr call_;
  const std::string system_;
  const std::int64_t length_;
  std::string id_, organization_;
  std::shared_ptr<jobs::body_pipe> pipe_;
};

} // namespace

void receive_own_backup(const api_ptr& api, const exchange_ptr& call) {
  const auto system = own_system(call);
  if (system.empty())
    return;
  on_reader(api, call, [api, call, system] {
    std::make_shared<upload>(api, call, system)->begin();
  });
}

void list_own_backups(const api_ptr& api, const exchange_ptr& call) {
  with_own(api, call, [api, call](const jobs::system_record& own) {
    if (const auto all = list_stored(api, call, own.id))
      reply_enveloped(call, 200, "backups listed",
                      "{\"backups\":" + to_json(*all) + "}");
  });
}

void send_own_backup(const api_ptr& api, const exchange_ptr& call) {
  with_own_backup(api, call, "failed to fetch backup",
                  [api, call](const jobs::system_record&,
                              const jobs::system_backup_record& backup) {
                    send_object(api, call, backup,
                                jobs::harmless_name(backup.filename));
                  });
}

void delete_own_backup(const api_ptr& api, const exchange_ptr& call) {
  with_own_backup(api, call, "failed to delete backup",
                  [api, call](const jobs::system_record& own,
                              const jobs::system_backup_record& backup) {
                    remove_by_job(
                        api, call, of_backup, own, backup.id,
                        text_of({{"id", call->req().param("backup")}}));
                  });
}

} // namespace alula::http
