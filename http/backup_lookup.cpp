#include "http/backup_lookup.hpp"

#include "http/reply.hpp"

#include <string>
#include <utility>

namespace alula::http {

using jobs::fault;
using jobs::fault_code;

jobs::result<jobs::server_id> read_server_id(const request& req) {
  if (const auto id = jobs::server_id::parse(req.param("server")))
    return *id;
  return fault{.code = fault_code::server_not_found,
               .what = "\"" + std::string{req.param("server")}
                       + "\" is not the uuid of a server"};
}

jobs::result<jobs::backup_id> read_backup_id(const request& req) {
  if (const auto id = jobs::backup_id::parse(req.param("backup")))
    return *id;
  return fault{.code = fault_code::backup_not_found,
               .what = "\"" + std::string{req.param("backup")}
                       + "\" is not the uuid of a backup"};
}

jobs::result<backup_name> read_backup_name(const request& req) {
  const auto server = read_server_id(req);
  if (!server)
    return server.error();
  const auto backup = read_backup_id(req);
  if (!backup)
    return backup.error();
  return backup_name{*server, *backup};
}

fault no_such_server(const jobs::server_id& id) {
  return {.code = fault_code::server_not_found,
          .what =
              "no server " + id.to_string() + " is registered on this node"};
}

fault not_known_to_run() {
  return {.code = fault_code::starting,
          .what = "Docker has not said yet whether this server runs"};
}

jobs::result<jobs::server_ptr> live_server(const api_ptr& api,
                                           const request& req) {
  const auto id = read_server_id(req);
  if (!id)
    return id.error();
  auto server = api->engine.find_server(*id);
  if (!server)
    return no_such_server(*id);
  return server;
}

fault of_body(const api_ptr& api, const request& req, fault why) {
  const auto server = live_server(api, req);
  if (!server)
    return server.error();
  return why;
}

void find_backup(
    const api_ptr& api, const backup_name& name,
    std::function<void(const jobs::result<jobs::backup_record>&)> done) {
  api->backups.find(
      name.server, name.backup,
      [api, name,
       done = std::move(done)](jobs::result<jobs::backup_record> found) {
        // What nobody has asked for yet belongs to a server that is here, not
        // to any uuid one may think of.
        if (found && !found->server.empty() && found->server != name.server)
          found = fault{.code = fault_code::backup_not_found,
                        .what = "the backup belongs to another server"};
        const bool unclaimed = found && found->server.empty();
        const bool unknown =
            !found && found.error().code == fault_code::backup_not_found;
        if ((unknown || unclaimed) && !api->engine.find_server(name.server))
          return done(no_such_server(name.server));
        done(found);
      });
}

void with_backup(const api_ptr& api, const exchange_ptr& call,
                 std::function<void(const jobs::backup_record&)> then) {
  const auto name = read_backup_name(call->req());
  if (!name)
    return reply_fault(call, name.error());
  find_backup(api, *name,
              [call, then = std::move(then)](
                  const jobs::result<jobs::backup_record>& found) {
                if (!found)
                  return reply_fault(call, found.error());
                then(*found);
              });
}

jobs::status check_readable(const jobs::backup_record& backup, needed what) {
  const auto name = "backup " + backup.uuid.to_string();
  if (backup.state != jobs::backup_state::ready)
    return fault{.code = fault_code::backup_in_use,
                 .what = name
                         + (backup.state == jobs::backup_state::creating
                                ? " is still being made"
                                : " is being deleted"),
                 .in_the_way = backup.owner_job.to_string()};
  const bool is_here = backup.is_local && backup.lost_at == 0;
  if (what == needed::manifest && (is_here || backup.has_manifest))
    return {};
  if (what == needed::archive && (is_here || backup.any_store()))
    return {};
  if (!backup.is_local)
    return fault{.code = fault_code::backup_lost,
                 .what = "the archive of " + name
                         + (backup.any_store()
                                ? " lies in store " + backup.any_store()->name
                                      + ": copy it to \"local\" first"
                                : " lies in the Panel's store, which only the "
                                  "Panel can read")};
  if (backup.lost_at != 0)
    return fault{.code = fault_code::backup_lost,
                 .what = "the archive of " + name
                         + " is not in the backup directory any more"};
  return {};
}

} // namespace alula::http
