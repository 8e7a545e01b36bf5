#include "http/download_handlers.hpp"

#include "http/audited.hpp"
#include "http/backup_lookup.hpp"
#include "http/file_answers.hpp"
#include "http/jwt.hpp"
#include "http/reply.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace alula::http {

namespace {

using jobs::fault;
using jobs::fault_code;

/// Open as long as its bytes are on their way: the archive is not removed
/// meanwhile.
struct transfer {
  jobs::open_archive archive;
  std::shared_ptr<void> place;
};

std::string etag_of(const jobs::backup_record& backup,
                    const jobs::open_archive& archive) {
  const bool is_recorded =
      !backup.facts.sha1.empty() && backup.facts.size == archive.size;
  if (is_recorded)
    return '"' + backup.facts.sha1 + '"';
  return '"' + std::to_string(archive.size) + '-'
         + std::to_string(archive.modified_at) + '"';
}

/// What is to be sent, before anything of it is.
struct prepared {
  file_plan plan;
  std::shared_ptr<transfer> open;
};

void send(const exchange_ptr& call, prepared what) {
  if (!what.plan.body)
    return call->reply(std::move(what.plan.head));
  const auto& [offset, length] = *what.plan.body;
  const int descriptor = what.open->archive.file.get();
  call->reply_file(std::move(what.plan.head),
                   {descriptor, offset, length, std::move(what.open)});
}

/// Of an archive that is not here, or damaged here, and in a store of ours;
/// empty: it is here, or nowhere.
std::string link_to(const api_ptr& api, const jobs::backup_record& backup) {
  const auto* place = backup.best_store();
  if (backup.is_good_here() || !place
      || backup.state != jobs::backup_state::ready || !api->settings.presign)
    return {};
  return api->settings.presign(place->name, place->key);
}

/// HEAD is answered here: a signed link is good for GET alone.
response from_store(const std::string& link, const request& req,
                    const jobs::backup_record& backup) {
  auto answer = empty_answer(req.method == "HEAD" ? 200 : 302);
  if (req.method == "HEAD")
    answer.headers = {
        {"Content-Type", "application/octet-stream"},
        {"Content-Length", std::to_string(backup.best_store()->size)},
        {"Content-Disposition",
         content_disposition(backup.uuid.to_string() + ".tar.gz")},
        {"Accept-Ranges", "bytes"}};
  else
    answer.headers.emplace_back("Location", link);
  answer.headers.emplace_back("Cache-Control", "no-store");
  return answer;
}

/// `server` is the one it was asked of: what nobody has claimed has none.
void prepare(const api_ptr& api, const exchange_ptr& call,
             std::string_view server, const jobs::backup_record& backup,
             std::function<void(prepared)> then) {
  if (const auto elsewhere = link_to(api, backup); !elsewhere.empty()) {
    // The store serves ranges itself; the node's disk is not in the way.
    return then({.plan = {.head = from_store(elsewhere, call->req(), backup),
                          .body = {}},
                 .open = {}});
  }
  if (const auto readable = check_readable(backup); !readable)
    return reply_fault(call, readable.error());
  auto place = api->transfers->take(server);
  if (!place)
    return reply_fault(call, place.error());
  api->backups.open(backup.uuid, [call, backup, place = *std::move(place),
                                  then = std::move(then)](
                                     jobs::result<jobs::open_archive> opened) {
    if (!opened)
      return reply_fault(call, opened.error());
    auto open = std::make_shared<transfer>(transfer{*std::move(opened), place});
    const auto& archive = open->archive;
    auto plan = plan_file(call->req(), {.size = archive.size,
                                        .modified_at = archive.modified_at,
                                        .etag = etag_of(backup, archive),
                                        .name = archive.name});
    then({std::move(plan), std::move(open)});
  });
}

// -- links --------------------------------------------------------------------

struct link {
  backup_name name;
  std::string id;
  jobs::time_ms expires_at = 0;
};

jobs::result<link> read_link(const api_ptr& api, const request& req) {
  const auto refuse = [](fault_code code, std::string what) {
    return fault{.code = code, .what = std::move(what), .where = "token"};
  };
  const auto token = req.query_value("token");
  if (!token || token->empty())
    return refuse(fault_code::unauthorized, "The link has no token.");
  const auto& signing_key = api->settings.signing_key;
  const auto claims =
      read_token(*token, signing_key ? signing_key() : std::string{});
  if (!claims)
    return claims.error();
  const auto now = api->clock.now();
  if (is_expired(*claims, now))
    return refuse(fault_code::unauthorized,
                  "The link has expired; ask the Panel for a new one.");
  if (is_early(*claims, now))
    return refuse(fault_code::unauthorized, "The link is not valid yet.");
  const auto server = jobs::server_id::parse(claims->server_uuid);
  const auto backup = jobs::backup_id::parse(claims->backup_uuid);
  // Tokens of one node are alike; this one may be for its websocket.
  constexpr std::size_t longest_id = 255;
  if (!server || !backup || claims->unique_id.empty()
      || claims->unique_id.size() > longest_id)
    return refuse(fault_code::forbidden,
                  "The token is not for the download of a backup.");
  return link{{*server, *backup}, claims->unique_id, claims->expires_at};
}

void burn_and_send(const api_ptr& api, const exchange_ptr& call, const link& by,
                   prepared what) {
  // Callbacks are copied on their way.
  auto held = std::make_shared<prepared>(std::move(what));
  // Kept as long as a clock that was set back could let the link in again.
  constexpr jobs::time_ms margin = 3'600'000;
  api->backups.burn_token(
      by.id, by.expires_at + margin,
      [api, call, held,
       server = by.name.server.to_string()](const jobs::result<bool>& fresh) {
        // Ends here: the last copy of this may end with the ledger's thread,
        // which must not wait for the disk of a file that is closed.
        auto mine = std::move(*held);
        if (!fresh)
          return reply_fault(call, fresh.error());
        if (!*fresh)
          return reply_fault(
              call, {.code = fault_code::token_used,
                     .what = "The link was used before; ask the Panel for a "
                             "new one."});
        // A link is good once: this one is spent.
        send(audited(api, call,
                     {"panel:download", "a link of the Panel's", server}),
             std::move(mine));
      });
}

} // namespace

void download_by_token(const api_ptr& api, const exchange_ptr& call) {
  const auto by = read_link(api, call->req());
  if (!by)
    return reply_fault(call, by.error());
  find_backup(
      api, by->name,
      [api, call, by = *by](const jobs::result<jobs::backup_record>& found) {
        if (!found)
          return reply_fault(call, found.error());
        const auto server = by.name.server.to_string();
        prepare(api, call, server, *found, [api, call, by](prepared what) {
          for (auto& [name, value] : what.plan.head.headers)
            if (name == "Cache-Control")
              value = "no-store"; // the link is worth nothing a second time
          // A redirect gives away all of it.
          const bool gives =
              what.plan.head.status == 302
              || (what.plan.body && call->req().method != "HEAD");
          if (!gives)
            return send(call, std::move(what));
          burn_and_send(api, call, by, std::move(what));
        });
      });
}

void download_backup(const api_ptr& api, const exchange_ptr& call) {
  with_backup(api, call, [api, call](const jobs::backup_record& backup) {
    prepare(api, call, call->req().param("server"), backup,
            [call](prepared what) { send(call, std::move(what)); });
  });
}

} // namespace alula::http
