#include "http/system_backup_handlers.hpp"

#include "http/json_values.hpp"
#include "http/scopes.hpp"
#include "http/system_envelope.hpp"
#include "http/system_links.hpp"
#include "http/system_lookup.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

namespace alula::http {

namespace {

using json = nlohmann::ordered_json;

/// Before anything is said of the system: an id that is none is told to
/// whoever has the permission, whatever the system.
std::optional<std::string> id_of(const exchange_ptr& call) {
  auto id = jobs::canonical_system_backup_id(call->req().param("backup"));
  if (!id)
    reply_enveloped(call, 400, "invalid backup id");
  return id;
}

/// Hands the system and the backup of the path over, once both are found, on a
/// thread that may block.
template<class Then>
void on_backup(const api_ptr& api, const exchange_ptr& call,
               std::string_view failed, Then then) {
  const auto id = id_of(call);
  if (!id)
    return;
  on_reader(api, call, [api, call, id = *id, failed, then] {
    const auto system = find_system_of(api, call);
    if (!system || !has_store(api, call))
      return;
    if (find_stored(api, call, system->id, id, failed))
      then(*system, id);
  });
}

std::string link_secret(const api_ptr& api) {
  const auto& now = api->systems.link_secret;
  return now ? now() : std::string{};
}

} // namespace

void list_system_backups(const api_ptr& api, const exchange_ptr& call) {
  on_reader(api, call, [api, call] {
    const auto system = find_system_of(api, call);
    if (!system || !has_store(api, call))
      return;
    const auto all = list_stored(api, call, system->id);
    if (!all)
      return;
    std::int64_t used = 0;
    for (const auto& one : *all)
      used += one.size;
    // The last two are ours: a bar needs to know where it ends.
    const auto& limits = api->systems.parts->limits;
    reply_enveloped(call, 200, "backups retrieved successfully",
                    "{\"backups\":" + to_json(*all)
                        + ",\"quota_used_bytes\":" + std::to_string(used)
                        + ",\"slots_used\":" + std::to_string(all->size())
                        + ",\"quota_bytes\":" + std::to_string(limits.bytes)
                        + ",\"slots\":" + std::to_string(limits.count) + "}");
  });
}

void link_system_backup(const api_ptr& api, const exchange_ptr& call) {
  static constexpr std::string_view failed = "failed to generate download URL";
  on_backup(api, call, failed,
            [api, call](const jobs::system_record&, const std::string& id) {
              // A link to a file that is not there helps nobody.
              if (const auto there = api->systems.parts->objects.open(id);
                  !there)
                return there.error().code == jobs::fault_code::backup_not_found
                           ? reply_enveloped(call, 404, "backup not found")
                           : reply_enveloped(call, 502, failed);
              const auto& ours = api->systems;
              const auto lasts = link_lifetime(ours.parts->limits.link);
              const auto until =
                  api->clock.now()
                  + std::chrono::duration_cast<std::chrono::milliseconds>(lasts)
                        .count();
              json data;
              data["download_url"] =
                  base_url(ours.public_url, call->req(), ours.has_tls)
                  + make_system_link(link_secret(api), id, until);
              data["expires_in_seconds"] = lasts.count();
              reply_enveloped(call, 200, "download URL issued", text_of(data));
            });
}

void delete_system_backup(const api_ptr& api, const exchange_ptr& call) {
  on_backup(
      api, call, "failed to delete backup",
      [api, call](const jobs::system_record& system, const std::string& id) {
        json data;
        data["system_id"] = call->req().param("system");
        data["backup_id"] = call->req().param("backup");
        remove_by_job(api, call, of_backup, system, id, text_of(data));
      });
}

void download_system_backup(const api_ptr& api, const exchange_ptr& call) {
  const auto id =
      read_system_link(link_secret(api), call->req(), api->clock.now());
  if (!id)
    return reply_enveloped(call, 403, id.error().what);
  on_reader(api, call, [api, call, id = *id] {
    if (!has_store(api, call))
      return;
    auto found = api->systems.records->find_system_backup(id);
    if (!found)
      return reply_enveloped(call, 502, "failed to fetch backup");
    if (!*found || (*found)->state != jobs::system_backup_state::stored)
      return reply_enveloped(call, 404, "backup not found");
    send_object(api, call, **found, jobs::download_name(**found));
  });
}

// -- the systems themselves ---------------------------------------------------

namespace {

json described(const jobs::system_record& system) {
  json out;
  out["id"] = system.id;
  out["organization"] = system.organization;
  out["name"] = system.name;
  out["created_at"] = jobs::to_rfc3339(system.created_at);
  out["suspended"] = system.suspended_at != 0;
  return out;
}

/// What a list has beyond that is ours: how a system is off, without asking for
/// its backups.
json described(const jobs::listed_system& system) {
  json out = described(static_cast<const jobs::system_record&>(system));
  out["backups"] = system.backups;
  out["bytes"] = system.bytes;
  out["newest_at"] = time_or_null(system.newest_at);
  return out;
}

/// Members of an organisation's path are words; so are ids, as they stand in
/// URLs.
bool is_word_path(std::string_view text, bool with_slashes) {
  constexpr std::size_t longest = 255;
  if (text.size() > longest || text.starts_with('/') || text.ends_with('/'))
    return false;
  return std::ranges::all_of(text, [&](char c) {
    return (c > ' ' && c < '\x7f' && c != '/' && c != '%')
           || (with_slashes && c == '/');
  });
}

/// What a PUT asks for. Each member that is wrong is put into `errors`, as
/// {"key","message"}.
jobs::put_system read_system(const request& req, json& errors) {
  const auto wrong = [&](std::string_view key, std::string_view message) {
    errors.push_back({{"key", key}, {"message", message}});
  };
  jobs::put_system what;
  what.id = req.param("system");
  if (what.id.empty() || what.id == "backups" || !is_word_path(what.id, false))
    wrong("system", "must be a word of up to 255 characters, not \"backups\"");
  const auto body = json::parse(req.body, nullptr, false);
  if (!body.is_object()) {
    wrong("", "must be a JSON object");
    return what;
  }
  const auto organization = body.value("organization", json());
  if (organization.is_string())
    what.organization = organization.get<std::string>();
  if (!organization.is_string() || !is_word_path(what.organization, true))
    wrong("organization", "must be a path of words, as acme/north");
  constexpr std::size_t longest_name = 255;
  const auto name = body.value("name", json(""));
  if (name.is_string())
    what.name = name.get<std::string>();
  if (!name.is_string() || what.name.size() > longest_name)
    wrong("name", "must be a text of up to 255 bytes");
  const auto suspended = body.value("suspended", json(false));
  if (suspended.is_boolean())
    what.suspended = suspended.get<bool>();
  else
    wrong("suspended", "must be true or false");
  return what;
}

/// Neither may a system be taken from, nor put into, somebody else's reach: who
/// reaches it by its own id leaves it to whom it belongs.
bool may_put(const request& req,
             const std::optional<jobs::system_record>& known,
             const jobs::put_system& what) {
  if (known
      && !reaches(req,
                  jobs::access_object::of_system(what.id, known->organization)))
    return false;
  return (known && known->organization == what.organization)
         || reaches(req, jobs::access_object::of_system({}, what.organization));
}

} // namespace

void list_systems(const api_ptr& api, const exchange_ptr& call) {
  on_reader(api, call, [api, call] {
    constexpr std::size_t page = 1'000;
    json data;
    auto& all = data["systems"] = json::array();
    std::string after;
    for (bool more = api->systems.records != nullptr; more;) {
      const auto some = api->systems.records->list_systems(after, page);
      if (!some)
        return reply_enveloped(call, 500, "failed to process system request");
      more = some->size() == page;
      for (const auto& one : *some) {
        after = one.id;
        if (one.destroyed_at == 0
            && reaches(call->req(), jobs::access_object::of_system(
                                        one.id, one.organization)))
          all.push_back(described(one));
      }
    }
    if (const auto* parts = api->systems.parts) {
      data["quota_bytes"] = parts->limits.bytes;
      data["slots"] = parts->limits.count;
    }
    reply_enveloped(call, 200, "systems retrieved successfully", text_of(data));
  });
}

void show_system_record(const api_ptr& api, const exchange_ptr& call) {
  on_reader(api, call, [api, call] {
    if (const auto system = find_system_of(api, call))
      reply_enveloped(call, 200, "system retrieved successfully",
                      text_of(described(*system)));
  });
}

void put_system(const api_ptr& api, const exchange_ptr& call) {
  const auto& req = call->req();
  json errors = json::array();
  const auto what = read_system(req, errors);
  if (!errors.empty())
    return reply_enveloped(
        call, 400, "validation failed",
        text_of({{"type", "validation_error"}, {"errors", std::move(errors)}}));
  if (!reaches(req, jobs::access_object::of_system(what.id, what.organization)))
    return reply_enveloped(call, 403, "access denied to system");
  on_reader(api, call, [api, call, what] {
    const auto& ours = api->systems;
    if (!ours.records || !ours.put)
      return reply_enveloped(call, 503, "backup storage unavailable");
    const auto known = ours.records->find_system(what.id);
    if (!known)
      return reply_enveloped(call, 500, "failed to process system request");
    if (!may_put(call->req(), *known, what))
      return reply_enveloped(call, 403, "access denied to system");
    const bool is_new = !*known;
    ours.put(what, [call, what, is_new](const jobs::status& kept) {
      if (!kept)
        return kept.error().code == jobs::fault_code::system_not_found
                   ? reply_enveloped(call, 409, "system is being destroyed")
                   : reply_enveloped(call, 500,
                                     "failed to process system request");
      json data;
      data["id"] = what.id;
      data["organization"] = what.organization;
      data["name"] = what.name;
      data["suspended"] = what.suspended;
      reply_enveloped(call, is_new ? 201 : 200,
                      is_new ? "system created" : "system updated",
                      text_of(data));
    });
  });
}

void destroy_system(const api_ptr& api, const exchange_ptr& call) {
  on_reader(api, call, [api, call] {
    const auto system = find_system_of(api, call);
    if (!system)
      return;
    remove_by_job(api, call, of_system, *system, {},
                  text_of({{"id", system->id}}));
  });
}

} // namespace alula::http
