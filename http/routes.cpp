#include "http/routes.hpp"

#include "http/access_handlers.hpp"
#include "http/appliance_handlers.hpp"
#include "http/audited.hpp"
#include "http/backup_delete_handlers.hpp"
#include "http/backup_files_handlers.hpp"
#include "http/backup_handlers.hpp"
#include "http/backup_list_handlers.hpp"
#include "http/console_handlers.hpp"
#include "http/download_handlers.hpp"
#include "http/event_stream.hpp"
#include "http/health_handlers.hpp"
#include "http/incoming_transfer_handlers.hpp"
#include "http/job_handlers.hpp"
#include "http/job_list_handlers.hpp"
#include "http/life_handlers.hpp"
#include "http/outbox_handlers.hpp"
#include "http/page_handlers.hpp"
#include "http/pool_handlers.hpp"
#include "http/reply.hpp"
#include "http/rotation_handlers.hpp"
#include "http/server_handlers.hpp"
#include "http/store_handlers.hpp"
#include "http/system_backup_handlers.hpp"
#include "http/system_envelope.hpp"
#include "http/system_handlers.hpp"
#include "http/transfer_handlers.hpp"
#include "http/trash_handlers.hpp"
#include "http/update_handlers.hpp"
#include "http/upkeep_handlers.hpp"

#include <string>
#include <utility>

namespace alula::http {

namespace {

using enum jobs::permission;
using api_handler = void (*)(const api_ptr&, const exchange_ptr&);

void stream_events(const api_ptr& api, const exchange_ptr& call) {
  api->events.open_all(call);
}

void stream_job_events(const api_ptr& api, const exchange_ptr& call) {
  api->events.open_job(call);
}

struct row {
  std::string_view method;
  std::string_view pattern;
  api_handler run;
};

/// A route says who may come in before it says who answers: there is no row
/// without a permission.
struct served_row {
  std::string_view method;
  std::string_view pattern;
  jobs::permission needs;
  api_handler run;
};

/// Probes, and the pages, as whoever has no token yet must be asked for one;
/// nothing of the node is in them.
constexpr row open_always[]{
    {"GET", "/healthz", show_health},
    {"HEAD", "/healthz", show_health},
    {"GET", "/readyz", show_readiness},
    {"HEAD", "/readyz", show_readiness},
    {"GET", "/", show_page},
    {"HEAD", "/", show_page},
    {"GET", "/web/:file", show_page_file},
    {"HEAD", "/web/:file", show_page_file},
};

/// The link is the credential. HEAD leaves the Panel's good.
constexpr row with_a_link[]{
    {"GET", "/download/system-backup", download_system_backup},
    {"HEAD", "/download/system-backup", download_system_backup},
    {"GET", "/download/backup", download_by_token},
    {"HEAD", "/download/backup", download_by_token},
};

constexpr served_row served[]{
    {"GET", "/api/openapi.json", known, show_description},
    {"GET", "/api/system", known, show_system},
    {"GET", "/api/servers", read_servers, list_servers},
    {"POST", "/api/servers", destroy_servers, create_server},
    {"GET", "/api/servers/:server", read_servers, show_server},
    {"DELETE", "/api/servers/:server", destroy_servers, delete_server},
    {"POST", "/api/servers/:server/power", manage_servers, change_power},
    {"POST", "/api/servers/:server/install", manage_servers, install_server},
    {"POST", "/api/servers/:server/reinstall", manage_servers,
     reinstall_server},
    {"POST", "/api/servers/:server/sync", manage_servers, sync_server},
    {"POST", "/api/servers/:server/transfer", manage_servers, send_server},
    {"DELETE", "/api/servers/:server/transfer", manage_servers, stop_transfer},
    {"POST", "/api/servers/:server/commands", manage_servers, send_commands},
    {"GET", "/api/servers/:server/logs", read_servers, show_console},
    {"GET", "/api/servers/:server/install-logs", read_servers,
     show_install_log},
    {"DELETE", "/api/transfers/:server", manage_servers,
     cancel_incoming_transfer},
    {"GET", "/api/servers/:server/jobs", read_servers, list_server_jobs},
    {"GET", "/api/servers/:server/backup", read_servers, list_server_backups},
    {"POST", "/api/servers/:server/backup", manage_servers, create_backup},
    {"POST", "/api/servers/:server/backup/rotate", manage_servers,
     rotate_backups},
    {"GET", "/api/servers/:server/backup/rotation", read_servers,
     show_rotation},
    {"PUT", "/api/servers/:server/backup/rotation", manage_servers,
     set_rotation},
    {"DELETE", "/api/servers/:server/backup/rotation", manage_servers,
     reset_rotation},
    {"GET", "/api/servers/:server/backup/:backup", read_servers, show_backup},
    {"HEAD", "/api/servers/:server/backup/:backup", read_servers, show_backup},
    {"DELETE", "/api/servers/:server/backup/:backup", manage_servers,
     delete_backup},
    {"POST", "/api/servers/:server/backup/:backup/restore", manage_servers,
     restore_backup},
    {"POST", "/api/servers/:server/backup/:backup/verify", manage_servers,
     verify_backup},
    {"POST", "/api/servers/:server/backup/:backup/index", manage_servers,
     index_backup},
    {"POST", "/api/servers/:server/backup/:backup/copy", manage_servers,
     copy_backup},
    {"DELETE", "/api/servers/:server/backup/:backup/places/:place",
     manage_servers, drop_copy},
    {"PUT", "/api/servers/:server/backup/:backup/pin", manage_servers,
     pin_backup},
    {"DELETE", "/api/servers/:server/backup/:backup/pin", manage_servers,
     unpin_backup},
    {"GET", "/api/servers/:server/backup/:backup/files", read_servers,
     browse_backup},
    {"GET", "/api/servers/:server/backup/:backup/files/content", read_servers,
     send_content},
    {"GET", "/api/servers/:server/backup/:backup/download", read_servers,
     download_backup},
    {"HEAD", "/api/servers/:server/backup/:backup/download", read_servers,
     download_backup},
    {"GET", "/api/backups", read_servers, list_backups},
    {"GET", "/api/backups/usage", read_servers, show_usage},
    {"DELETE", "/api/backups/:backup", manage_servers, delete_orphan},
    {"POST", "/api/stores/:store/scan", manage_servers, scan_store},
    {"GET", "/api/jobs", read_servers, list_jobs},
    {"GET", "/api/jobs/summary", read_node, show_summary},
    {"GET", "/api/jobs/:job", read_servers, show_job},
    {"DELETE", "/api/jobs/:job", manage_servers, forget_job},
    {"GET", "/api/jobs/:job/events", read_servers, stream_job_events},
    {"POST", "/api/jobs/:job/cancel", manage_servers, cancel_job},
    {"POST", "/api/jobs/:job/retry", manage_servers, retry_job},
    {"POST", "/api/jobs/:job/abandon", manage_servers, abandon_job},
    {"POST", "/api/jobs/:job/undo", manage_servers, undo_job},
    {"GET", "/api/pools", read_node, list_pools},
    {"POST", "/api/pools/:pool/pause", manage_node, pause_pool},
    {"POST", "/api/pools/:pool/resume", manage_node, resume_pool},
    {"GET", "/api/events", read_servers, stream_events},
    {"GET", "/api/outbox", read_servers, list_outbox},
    {"POST", "/api/outbox/:report/retry", manage_servers, repeat_report},
    {"POST", "/api/update", manage_node, update_config},
    {"GET", "/api/log", read_node, show_log_level},
    {"PUT", "/api/log", manage_node, change_log_level},
    {"GET", "/metrics", read_node, show_metrics},
    {"GET", "/api/tokens", manage_access, list_tokens},
    {"POST", "/api/tokens", manage_access, create_token},
    {"GET", "/api/tokens/self", known, show_principal},
    {"DELETE", "/api/tokens/:token", manage_access, revoke_token},
    {"GET", "/api/audit", manage_access, list_audit},
    {"GET", "/api/trash", read_servers, list_trash},
    {"POST", "/api/trash/:job/restore", manage_servers, restore_trash},
};

/// The systems backups API: answers, refusals too, have an envelope.
constexpr served_row of_systems[]{
    {"GET", "/api/systems", read_systems, list_systems},
    {"GET", "/api/systems/:system", read_systems, show_system_record},
    {"PUT", "/api/systems/:system", destroy_systems, put_system},
    {"DELETE", "/api/systems/:system", destroy_systems, destroy_system},
    {"GET", "/api/systems/:system/backups", read_systems, list_system_backups},
    {"GET", "/api/systems/:system/backups/:backup/download", read_systems,
     link_system_backup},
    {"DELETE", "/api/systems/:system/backups/:backup", manage_systems,
     delete_system_backup},
    // As its published description has it.
    {"DELETE", "/api/systems/:system/backups/:backup/download", manage_systems,
     delete_system_backup},
};

/// The same API for appliances, told apart by its path, not by the scheme.
constexpr served_row of_appliances[]{
    {"POST", "/api/systems/backups", deliver_backups, receive_own_backup},
    {"GET", "/api/systems/backups", deliver_backups, list_own_backups},
    {"GET", "/api/systems/backups/:backup", deliver_backups, send_own_backup},
    {"HEAD", "/api/systems/backups/:backup", deliver_backups, send_own_backup},
    {"DELETE", "/api/systems/backups/:backup", deliver_backups,
     delete_own_backup},
};

struct unserved_row {
  std::string_view method;
  std::string_view pattern;
  access needs = access::bearer;
};

constexpr std::string_view what_instead =
    "it does not manage the files of servers; back up, browse and restore them "
    "below /api/servers/{server}/backup";

/// Wings' other routes (wings-protocol 1.9): a client learns that this node
/// does not do it, not that its URL is wrong.
constexpr unserved_row unserved[]{
    {"GET", "/download/file", access::open},
    {"POST", "/upload/file", access::open},
    {"GET", "/api/servers/:server/files/contents"},
    {"GET", "/api/servers/:server/files/list-directory"},
    {"PUT", "/api/servers/:server/files/rename"},
    {"POST", "/api/servers/:server/files/copy"},
    {"POST", "/api/servers/:server/files/write"},
    {"POST", "/api/servers/:server/files/create-directory"},
    {"POST", "/api/servers/:server/files/delete"},
    {"POST", "/api/servers/:server/files/compress"},
    {"POST", "/api/servers/:server/files/decompress"},
    {"POST", "/api/servers/:server/files/chmod"},
    {"GET", "/api/servers/:server/files/pull"},
    {"POST", "/api/servers/:server/files/pull"},
    {"DELETE", "/api/servers/:server/files/pull/:download"},
};

void refuse_unserved(const exchange_ptr& call) {
  reply_fault(call,
              {.code = jobs::fault_code::not_implemented,
               .what = "alula does not serve " + call->req().method + " "
                       + call->req().path + ": " + std::string{what_instead}});
}

handler bind(const api_ptr& api, api_handler run) {
  return [api, run](const exchange_ptr& call) { run(api, call); };
}

/// Before the jobs of the last boot are adopted, no answer would be true.
handler when_ready(const api_ptr& api, handler run) {
  return [api, run = std::move(run)](const exchange_ptr& call) {
    if (!api->engine.is_ready())
      return reply_fault(call, {.code = jobs::fault_code::starting,
                                .what = api->engine.not_ready_reason()});
    run(call);
  };
}

route make_route(const api_ptr& api, const served_row& line) {
  return {line.method, line.pattern, line.needs,
          when_ready(api, bind(api, line.run))};
}

} // namespace

std::vector<route> make_routes(api_parts parts) {
  const api_ptr api = std::make_shared<const http::api>(http::api{
      .engine = parts.engine,
      .backups = parts.backups,
      .clock = parts.clock,
      .events = parts.events,
      .later = parts.later,
      .node = parts.node,
      .seal = cursor_seal{parts.settings.cursor_secret},
      .settings = parts.settings,
      .transfers =
          std::make_shared<transfer_places>(parts.settings.most_transfers),
      .outbox = parts.outbox,
      .live = parts.live,
      .repeats = parts.repeats,
      .access = parts.access,
      .systems = std::move(parts.systems),
      .incoming = parts.incoming});
  std::vector<route> all;
  for (const auto& line : open_always)
    all.push_back(
        {line.method, line.pattern, access::open, bind(api, line.run)});
  for (const auto& line : with_a_link)
    all.push_back({line.method, line.pattern, access::open,
                   when_ready(api, bind(api, line.run))});
  for (const auto& line : served)
    all.push_back(make_route(api, line));
  for (const auto& line : of_systems) {
    auto& made = all.emplace_back(make_route(api, line));
    made.deny = refuse_bearer;
    made.is_metered = true;
  }
  for (const auto& line : of_appliances) {
    auto& made = all.emplace_back(make_route(api, line));
    made.deny = refuse_appliance;
    // An upload has a rate of its own, which what is no upload does not use up.
    made.streams_body = line.method == "POST";
    made.is_metered = !made.streams_body;
  }
  // Another node, with a token of the Panel's for this transfer.
  all.push_back({"POST",
                 "/api/transfers",
                 access::open,
                 when_ready(api, bind(api, receive_transfer)),
                 {},
                 true});
  all.push_back({"GET", "/api/servers/:server/ws", access::open,
                 when_ready(api, std::move(parts.websocket))});
  all.push_back({"POST", "/api/servers/:server/ws/deny", manage_servers,
                 when_ready(api, std::move(parts.deny_tokens))});
  if (parts.deauthorize)
    all.push_back({"POST", "/api/deauthorize-user", manage_node,
                   when_ready(api, std::move(parts.deauthorize))});
  for (const auto& line : unserved)
    all.push_back({line.method, line.pattern, line.needs, refuse_unserved});
  for (auto& line : all)
    if (!line.needs.is_open() && line.method != "GET" && line.method != "HEAD")
      line.run = audited(api, std::move(line.run));
  return all;
}

} // namespace alula::http
