#include "http/backup_presenter.hpp"

#include "http/job_answers.hpp"
#include "http/json_values.hpp"
#include "http/timestamps.hpp"
#include "http/words.hpp"
#include "jobs/path_text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>
#include <vector>

namespace alula::http {

namespace {

using json = nlohmann::ordered_json;

/// Every place there is an archive of it, the backup directory first.
json places_of(const jobs::backup_record& b) {
  auto out = json::array();
  if (b.is_local && b.lost_at == 0 && b.state != jobs::backup_state::creating)
    out.push_back({{"place", jobs::local_place},
                   {"scratch", b.is_scratch},
                   {"stored_at", time_or_null(b.completed_at)}});
  for (const auto& place : b.places)
    out.push_back({{"place", place.name},
                   {"key", text_or_null(place.key)},
                   {"etag", text_or_null(place.etag)},
                   {"stored_at", time_or_null(place.stored_at)}});
  return out;
}

/// What can be done with it now; null where it cannot.
json links_of(const jobs::backup_record& b) {
  const auto self = backup_url(b);
  const bool known = b.state == jobs::backup_state::ready && !b.server.empty();
  const bool here = known && b.is_local && b.lost_at == 0;
  const bool there = here || (known && b.any_store());
  const auto when = [&](bool possible, const char* tail) {
    return possible ? json(self + tail) : json(nullptr);
  };
  return {{"self", b.server.empty() ? json(nullptr) : json(self)},
          {"download", when(there, "/download")},
          {"files",
           when((here || (known && !b.is_local)) && b.has_manifest, "/files")},
          {"restore", when(there && b.server_lives, "/restore")},
          {"copy", when(there && b.server_lives, "/copy")},
          {"verify", when(there && b.server_lives, "/verify")},
          {"index", when(here && b.server_lives && !b.has_manifest, "/index")},
          {"job",
           b.owner_job.empty() ? json(nullptr) : json(job_url(b.owner_job))}};
}

/// Whether the Panel was told: another thing than whether the backup is good.
json report_of(const jobs::backup_record& b) {
  const bool told = b.told_at != 0;
  const bool given_up = b.report == jobs::report_state::dead
                        || b.report == jobs::report_state::moot;
  const auto state = told        ? json("told")
                     : !b.report ? json(nullptr)
                     : given_up  ? json("given_up")
                                 : json("waiting");
  return {{"state", state}, {"told_at", time_or_null(b.told_at)}};
}

json object_of(const jobs::backup_record& b, jobs::time_ms now) {
  const bool is_known = b.state != jobs::backup_state::creating;
  const auto number = [&](std::int64_t value) {
    return is_known ? json(value) : json(nullptr);
  };
  const auto since = b.completed_at != 0 ? b.completed_at : b.created_at;
  return {
      {"uuid", b.uuid.view()},
      {"server", text_or_null(b.server.view())},
      {"server_lives", b.server_lives},
      {"state", jobs::to_string(b.state)},
      {"size", number(b.facts.size)},
      {"checksum", text_or_null(b.facts.sha1)},
      {"checksum_type", b.facts.sha1.empty() ? json(nullptr) : json("sha1")},
      {"sha256", text_or_null(b.facts.sha256)},
      // An archive of another program has told neither.
      {"content_bytes",
       b.has_manifest ? number(b.facts.content_bytes) : json(nullptr)},
      {"files", b.has_manifest ? number(b.facts.files) : json(nullptr)},
      {"created_at", time_or_null(b.created_at)},
      {"completed_at", time_or_null(b.completed_at)},
      {"verified_at", time_or_null(b.verified_at)},
      {"age_seconds", std::max<jobs::time_ms>(0, now - since) / 1'000},
      {"damage", text_or_null(b.damage)},
      {"pinned", b.pinned},
      {"has_manifest", b.has_manifest},
      {"lost", b.lost_at != 0},
      {"lost_at", time_or_null(b.lost_at)},
      {"places", places_of(b)},
      {"panel", report_of(b)},
      {"owner_job", text_or_null(b.owner_job.view())},
      {"links", links_of(b)}};
}

std::string_view type_of(const jobs::browse_item& item) {
  switch (item.is) {
  case jobs::browse_item::type::file:
    return "file";
  case jobs::browse_item::type::directory:
    return "directory";
  case jobs::browse_item::type::link:
    break;
  }
  return "link";
}

json item_of(std::string_view self, std::string_view path,
             const jobs::browse_item& item) {
  const bool is_file = item.is == jobs::browse_item::type::file;
  const bool is_link = item.is == jobs::browse_item::type::link;
  std::string inside{path};
  if (!inside.empty() && inside.back() != '/')
    inside += '/';
  inside += item.name;
  const auto here = "?path=" + percent_encoded(inside);
  const auto target =
      std::string{self} + (is_file ? "/files/content" : "/files");
  return {{"name", item.name},
          {"path64", jobs::is_utf8(inside) ? json(nullptr)
                                           : json(jobs::to_base64(inside))},
          {"type", type_of(item)},
          {"size", is_file ? json(item.size) : json(nullptr)},
          {"mode", item.mode},
          {"modified_at", to_rfc3339(item.modified_at)},
          {"target", is_link ? json(item.target) : json(nullptr)},
          {"link", is_link ? json(nullptr) : json(target + here)}};
}

} // namespace

std::string backup_url(const jobs::backup_record& backup) {
  if (backup.server.empty())
    return "/api/backups/" + backup.uuid.to_string();
  return "/api/servers/" + backup.server.to_string() + "/backup/"
         + backup.uuid.to_string();
}

std::string present_backup(const jobs::backup_record& backup,
                           jobs::time_ms now) {
  return text_of(object_of(backup, now));
}

std::string present_backups(const std::vector<jobs::backup_record>& backups,
                            jobs::time_ms now) {
  auto list = json::array();
  for (const auto& backup : backups)
    list.push_back(object_of(backup, now));
  return text_of(list);
}

namespace {

json object_of(const jobs::disk_space& disk) {
  return {
      {"free", disk.free},           {"total", disk.total},
      {"reserved", disk.reserved},   {"unused", disk.unused},
      {"kept_free", disk.kept_free}, {"room", jobs::to_string(disk.left())}};
}

/// Each disk once, with all that it holds; that of the backups first.
json disks_of(const jobs::backup_usage& usage) {
  std::vector<std::pair<jobs::disk_space, json>> disks;
  disks.emplace_back(usage.disk, json::array({"backups"}));
  for (const auto& place : usage.places) {
    const auto same = std::ranges::find_if(disks, [&](const auto& known) {
      return place.disk.device != 0 && known.first.device == place.disk.device;
    });
    if (same != disks.end())
      same->second.push_back(place.holds);
    else
      disks.emplace_back(place.disk, json::array({place.holds}));
  }
  auto out = json::array();
  for (const auto& [disk, holds] : disks) {
    json one{{"holds", holds}};
    one.update(object_of(disk));
    out.push_back(std::move(one));
  }
  return out;
}

} // namespace

std::string present_usage(const jobs::backup_usage& usage) {
  auto servers = json::array();
  for (const auto& one : usage.servers)
    servers.push_back(
        {{"server", text_or_null(one.server.view())},
         {"server_lives", one.server_lives},
         {"backups", one.backups},
         {"bytes", one.bytes},
         {"local_bytes", one.local_bytes},
         {"newest_at", time_or_null(one.newest_at)},
         {"newest_verified_at", time_or_null(one.newest_verified)}});
  return text_of({{"backups", usage.backups},
                  {"bytes", usage.bytes},
                  {"local_bytes", usage.local_bytes},
                  {"disk", object_of(usage.disk)},
                  {"disks", disks_of(usage)},
                  {"servers", servers}});
}

std::string present_plan(const jobs::server_id& server,
                         const jobs::rotation_policy& policy,
                         const std::vector<jobs::rotation_choice>& choices) {
  auto all = json::array(), gone = json::array();
  for (const auto& choice : choices) {
    all.push_back({{"backup", choice.backup.view()},
                   {"keep", choice.keep},
                   {"why", choice.why}});
    if (!choice.keep)
      gone.push_back({{"backup", choice.backup.view()}, {"why", choice.why}});
  }
  return text_of({{"server", server.view()},
                  {"dry_run", true},
                  {"policy", json::parse(jobs::to_json(policy))},
                  {"would_remove", gone},
                  {"choices", all}});
}

std::string present_rotation(const jobs::server_id& server,
                             const std::optional<jobs::rotation_policy>& own,
                             const jobs::rotation_policy& of_node) {
  const auto shown = [](const jobs::rotation_policy& policy) {
    return json::parse(jobs::to_json(policy));
  };
  return text_of({{"server", server.view()},
                  {"from", own ? "server" : "node"},
                  {"policy", shown(own.value_or(of_node))},
                  {"node_policy", shown(of_node)}});
}

std::string present_directory(std::string_view self, std::string_view path,
                              const jobs::browse_page& page,
                              const std::string& next_url) {
  auto items = json::array();
  for (const auto& item : page.items)
    items.push_back(item_of(self, path, item));
  const bool more = !page.next.empty();
  return text_of(
      {{"path", path},
       {"items", items},
       {"next", more ? json(page.next) : json(nullptr)},
       {"has_more", more},
       {"links", {{"next", more ? json(next_url) : json(nullptr)}}}});
}

} // namespace alula::http
