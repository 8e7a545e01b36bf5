/// What requests about one backup, or one restore, have in common: reading
/// them, and the lane, claims and locks of the jobs they become. For the
/// sources of kinds only.
#pragma once

#include "jobs/backup.hpp"
#include "jobs/engine.hpp"
#include "jobs/kinds/fields.hpp"

#include <string>
#include <string_view>
#include <utility>

namespace alula::jobs {

/// A body that names a backup or a restore, and perhaps more.
template<class Id>
struct named_body {
  fields::json body;
  Id id;
};

template<class Id>
result<named_body<Id>> read_named(const submission& request, const char* name) {
  auto body = fields::object(request.body);
  if (!body)
    return std::move(body).error();
  auto id = fields::id<Id>(*body, name);
  if (!id)
    return std::move(id).error();
  return named_body<Id>{*std::move(body), *id};
}

/// {"backup": uuid}
inline result<named_body<backup_id>> read_backup(const submission& request) {
  return read_named<backup_id>(request, "backup");
}

/// {"restore": id of its job}
inline result<named_body<job_id>> read_restore(const submission& request) {
  return read_named<job_id>(request, "restore");
}

/// Whose request that was.
inline backup_id backup_of(const job_record& job) {
  return fields::known_id<backup_id>(job.input, "backup");
}

/// A place that this node can reach: a store of ours or the backup directory.
inline result<std::string> read_place(const fields::json& body,
                                      const char* name) {
  auto place = fields::text(body, name, 64);
  if (!place)
    return place;
  if (place->empty() || *place == panel_place)
    return fields::wrong('/' + std::string{name},
                         "names a store, or \"local\"");
  return place;
}

/// How others are kept from the backup while the job has it.
enum class backup_lock { shared, exclusive };

/// A job about a backup alone. Of a server's backup it has a lane of its own
/// and is refused for another server's; without a server (an operator's, about
/// what no server has any more) it is neither.
inline job_draft draft_about(const submission& request, const backup_id& backup,
                             std::string_view kind, backup_lock lock) {
  job_draft draft;
  draft.input = fields::json{{"backup", backup.view()}}.dump();
  draft.dedup_key = std::string{kind} + ':' + fields::owned(request, backup);
  if (request.target) {
    draft.lane = backup.to_string();
    draft.changes.emplace_back(claim_backup{backup, request.target->uuid});
  }
  draft.locks.push_back(
      {"backup:" + backup.to_string(), lock == backup_lock::exclusive});
  return draft;
}

/// The same of a request that only names the backup.
inline result<job_draft> read_about(const submission& request,
                                    std::string_view kind, backup_lock lock) {
  const auto named = read_backup(request);
  if (!named)
    return named.error();
  return draft_about(request, named->id, kind, lock);
}

/// The same of a request that also names a place, as the member `at` of body
/// and input: `{"backup": uuid, "to": "offsite"}`.
inline result<job_draft> read_about_place(const submission& request,
                                          std::string_view kind,
                                          backup_lock lock, const char* at) {
  const auto named = read_backup(request);
  if (!named)
    return named.error();
  const auto place = read_place(named->body, at);
  if (!place)
    return place.error();
  auto draft = draft_about(request, named->id, kind, lock);
  draft.input = fields::json{{"backup", named->id.view()}, {at, *place}}.dump();
  draft.dedup_key += ':' + *place;
  return draft;
}

} // namespace alula::jobs
