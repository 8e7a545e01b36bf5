#include "http/routes.hpp"

#include "http/event_stream.hpp"
#include "http/health_handlers.hpp"
#include "http/job_handlers.hpp"
#include "http/job_list_handlers.hpp"
#include "http/reply.hpp"
#include "http/server_handlers.hpp"
#include "http/trash_handlers.hpp"

#include <string>
#include <utility>

namespace alula::http {

namespace {

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

constexpr row probes[]{
    {"GET", "/healthz", show_health},
    {"GET", "/readyz", show_readiness},
};

constexpr row served[]{
    {"GET", "/api/servers", list_servers},
    {"POST", "/api/servers", create_server},
    {"GET", "/api/servers/:server", show_server},
    {"DELETE", "/api/servers/:server", delete_server},
    {"GET", "/api/servers/:server/jobs", list_server_jobs},
    {"GET", "/api/jobs", list_jobs},
    {"GET", "/api/jobs/summary", show_summary},
    {"GET", "/api/jobs/:job", show_job},
    {"DELETE", "/api/jobs/:job", forget_job},
    {"GET", "/api/jobs/:job/events", stream_job_events},
    {"POST", "/api/jobs/:job/cancel", cancel_job},
    {"POST", "/api/jobs/:job/retry", retry_job},
    {"POST", "/api/jobs/:job/abandon", abandon_job},
    {"GET", "/api/events", stream_events},
    {"GET", "/api/trash", list_trash},
    {"POST", "/api/trash/:job/restore", restore_trash},
};

struct unserved_row {
  std::string_view method;
  std::string_view pattern;
  access needs = access::bearer;
};

/// Wings' other routes (wings-protocol 1.9): a client learns that this node
/// does not do it, not that its URL is wrong.
constexpr unserved_row unserved[]{
    {"GET", "/download/backup", access::open},
    {"GET", "/download/file", access::open},
    {"POST", "/upload/file", access::open},
    {"POST", "/api/transfers", access::open},
    {"DELETE", "/api/transfers/:server"},
    {"POST", "/api/update"},
    {"GET", "/api/system"},
    {"GET", "/api/servers/:server/logs"},
    {"POST", "/api/servers/:server/power"},
    {"POST", "/api/servers/:server/commands"},
    {"POST", "/api/servers/:server/install"},
    {"POST", "/api/servers/:server/reinstall"},
    {"POST", "/api/servers/:server/sync"},
    {"POST", "/api/servers/:server/transfer"},
    {"DELETE", "/api/servers/:server/transfer"},
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
    {"POST", "/api/servers/:server/backup"},
    {"POST", "/api/servers/:server/backup/:backup/restore"},
    {"DELETE", "/api/servers/:server/backup/:backup"},
};

void refuse(const exchange_ptr& call) {
  reply_fault(call, {.code = jobs::fault_code::not_implemented,
                     .what = "alula does not serve " + call->req().method + " "
                             + call->req().path});
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

} // namespace

std::vector<route> make_routes(api_parts parts) {
  const api_ptr api = std::make_shared<const http::api>(
      http::api{.engine = parts.engine,
                .clock = parts.clock,
                .events = parts.events,
                .later = parts.later,
                .sync_wait = parts.settings.sync_wait,
                .seal = cursor_seal{parts.settings.cursor_secret}});
  std::vector<route> all;
  for (const auto& line : probes)
    all.push_back(
        {line.method, line.pattern, access::open, bind(api, line.run)});
  for (const auto& line : served)
    all.push_back({line.method, line.pattern, access::bearer,
                   when_ready(api, bind(api, line.run))});
  all.push_back({"GET", "/api/servers/:server/ws", access::open,
                 when_ready(api, std::move(parts.websocket))});
  all.push_back({"POST", "/api/servers/:server/ws/deny", access::bearer,
                 when_ready(api, std::move(parts.deny_tokens))});
  for (const auto& line : unserved)
    all.push_back({line.method, line.pattern, line.needs, refuse});
  return all;
}

} // namespace alula::http
