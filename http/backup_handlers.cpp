#include "http/backup_handlers.hpp"

#include "http/backup_lookup.hpp"
#include "http/backup_presenter.hpp"
#include "http/json_body.hpp"
#include "http/reply.hpp"
#include "http/scopes.hpp"
#include "http/submit.hpp"
#include "jobs/catalog.hpp"

#include <algorithm>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

namespace alula::http {

namespace {

using jobs::fault;
using jobs::fault_code;

/// The members a kind reads, under the names it knows: Wings matches them
/// without regard to case. What is in them is the kind's business.
jobs::result<std::string>
read_members(std::string_view body,
             std::initializer_list<std::string_view> names) {
  const auto parsed = json_body::parse(body);
  if (!parsed)
    return parsed.error();
  std::string out;
  for (const auto name : names)
    if (const auto value = parsed->root().raw(name); !value.empty())
      out += (out.empty() ? "{\"" : ",\"") + std::string{name} + "\":" + value;
  return out.empty() ? "{}" : out + '}';
}

/// `object` with one more member; `value` needs no escapes.
std::string with_member(std::string object, std::string_view name,
                        std::string_view value) {
  object.pop_back();
  object += object.size() > 1 ? "," : "";
  return object + '"' + std::string{name} + "\":\"" + std::string{value}
         + "\"}";
}

std::string about(const jobs::backup_id& backup) {
  return with_member("{}", "backup", backup.view());
}

/// A store that a member names has to be one of the configuration; "local" and
/// nothing are.
jobs::status check_store(const api_ptr& api, std::string_view body,
                         std::string_view member) {
  const auto parsed = json_body::parse(body);
  if (!parsed)
    return parsed.error();
  const auto name = parsed->root().text(member).value_or("");
  const auto& known = api->settings.stores;
  if (name.empty() || name == jobs::local_place
      || std::ranges::find(known, name) != known.end())
    return {};
  return fault{.code = fault_code::store_not_found,
               .what = "the configuration names no store " + name};
}

void pin(const api_ptr& api, const exchange_ptr& call, bool pinned) {
  with_backup(
      api, call, [api, call, pinned](const jobs::backup_record& backup) {
        api->backups.pin(backup.uuid, pinned, [call](const jobs::status& done) {
          if (!done)
            return reply_fault(call, done.error());
          call->reply(empty_answer());
        });
      });
}

/// A job that reads the archive of a backup; `body` is what it is told besides.
void submit_reader(const api_ptr& api, const exchange_ptr& call,
                   const jobs::kind& kind, needed archive,
                   std::string body = "{}") {
  with_backup(api, call,
              [api, call, &kind, archive,
               body = std::move(body)](const jobs::backup_record& backup) {
                if (const auto readable = check_readable(backup, archive);
                    !readable)
                  return reply_fault(call, readable.error());
                jobs::submission what;
                what.kind = kind.name;
                what.server = *read_server_id(call->req());
                what.body = with_member(body, "backup", backup.uuid.view());
                submit(api, call, std::move(what), answer_style::with_job);
              });
}

} // namespace

void create_backup(const api_ptr& api, const exchange_ptr& call) {
  const auto server = read_server_id(call->req());
  if (!server)
    return reply_fault(call, server.error());
  auto body = read_members(call->req().body,
                           {"adapter", "uuid", "ignore", "exclude_denied_files",
                            "store", "keep_local"});
  if (!body)
    return reply_fault(call, of_body(api, call->req(), body.error()));
  if (const auto known = check_store(api, call->req().body, "store"); !known)
    return reply_fault(call, of_body(api, call->req(), known.error()));
  jobs::submission what;
  what.kind = jobs::create_backup.name;
  what.server = *server;
  what.body = *std::move(body);
  submit_or(api, call, std::move(what), answer_style::at_once,
            [api, call](const fault& why) {
              const bool is_of_body = why.code == fault_code::malformed
                                      || why.code == fault_code::validation;
              reply_fault(call,
                          is_of_body ? of_body(api, call->req(), why) : why);
            });
}

void show_backup(const api_ptr& api, const exchange_ptr& call) {
  with_backup(api, call, [api, call](const jobs::backup_record& backup) {
    auto answer = json_answer(200, present_backup(backup, api->clock.now()));
    answer.headers.emplace_back("Cache-Control", "no-cache");
    call->reply(std::move(answer));
  });
}

namespace {

/// The backup need not be on record here; one that is another server's is not
/// restored.
void restore_from_link(const api_ptr& api, const exchange_ptr& call,
                       const backup_name& name, jobs::submission what,
                       const std::string& url) {
  if (!api->settings.check_link)
    return reply_fault(call,
                       {.code = fault_code::not_implemented,
                        .what = "this node restores from its own disk only"});
  if (const auto may = api->settings.check_link(url); !may)
    return reply_fault(call, of_body(api, call->req(), may.error()));
  if (!api->engine.find_server(name.server))
    return reply_fault(call, no_such_server(name.server));
  api->backups.find(
      name.server, name.backup,
      [api, call, name,
       what = std::move(what)](const jobs::result<jobs::backup_record>& found) {
        const bool is_unknown =
            !found && found.error().code == fault_code::backup_not_found;
        if (!found && !is_unknown)
          return reply_fault(call, found.error());
        if (found && !found->server.empty() && found->server != name.server)
          return reply_fault(call, {.code = fault_code::backup_not_found,
                                    .what = "the backup belongs to another "
                                            "server"});
        submit(api, call, what, answer_style::at_the_mark);
      });
}

} // namespace

void copy_backup(const api_ptr& api, const exchange_ptr& call) {
  auto body = read_members(call->req().body, {"to"});
  if (!body)
    return reply_fault(call, body.error());
  if (const auto known = check_store(api, call->req().body, "to"); !known)
    return reply_fault(call, known.error());
  submit_reader(api, call, jobs::copy_backup, needed::archive,
                *std::move(body));
}

void drop_copy(const api_ptr& api, const exchange_ptr& call) {
  with_backup(api, call, [api, call](const jobs::backup_record& backup) {
    const std::string place{call->req().param("place")};
    if (place != jobs::local_place && !backup.find_place(place))
      return call->reply(empty_answer(204));
    jobs::submission what;
    what.kind = jobs::drop_copy.name;
    what.server = *read_server_id(call->req());
    what.body =
        with_member(about(backup.uuid), "place",
                    place == jobs::panel_place || place == jobs::local_place
                        ? place
                        : backup.find_place(place)->name);
    submit(api, call, std::move(what), answer_style::at_the_mark);
  });
}

void restore_backup(const api_ptr& api, const exchange_ptr& call) {
  const auto name = read_backup_name(call->req());
  if (!name)
    return reply_fault(call, name.error());
  auto body =
      read_members(call->req().body, {"adapter", "truncate_directory",
                                      "download_url", "paths", "paths64"});
  if (!body)
    return reply_fault(call, of_body(api, call->req(), body.error()));
  jobs::submission what;
  what.kind = jobs::restore_backup.name;
  what.server = name->server;
  what.body = with_member(*std::move(body), "backup", name->backup.view());
  // A wrong body is a 400 whether or not the backup is there.
  auto early = what;
  early.target = api->engine.find_server(name->server);
  if (const auto read = jobs::restore_backup.read(early); !read)
    return reply_fault(call, of_body(api, call->req(), read.error()));
  const auto parsed = json_body::parse(call->req().body);
  if (parsed && parsed->root().text("adapter").value_or("") == "s3")
    return restore_from_link(api, call, *name, std::move(what),
                             parsed->root().text("download_url").value_or(""));
  with_backup(
      api, call,
      [api, call, what = std::move(what)](const jobs::backup_record& backup) {
        const auto readable = check_readable(backup, needed::archive);
        if (readable)
          return submit(api, call, what, answer_style::at_the_mark);
        auto why = readable.error();
        // To a Panel a lost archive is one that is not there.
        if (why.code == fault_code::backup_lost)
          why.code = fault_code::backup_not_found;
        reply_fault(call, why);
      });
}

void verify_backup(const api_ptr& api, const exchange_ptr& call) {
  auto body = call->req().body.empty()
                  ? jobs::result<std::string>{"{}"}
                  : read_members(call->req().body, {"place"});
  if (!body)
    return reply_fault(call, body.error());
  submit_reader(api, call, jobs::verify_backup, needed::archive,
                *std::move(body));
}

void index_backup(const api_ptr& api, const exchange_ptr& call) {
  submit_reader(api, call, jobs::index_backup, needed::archive_here);
}

void pin_backup(const api_ptr& api, const exchange_ptr& call) {
  pin(api, call, true);
}

void unpin_backup(const api_ptr& api, const exchange_ptr& call) {
  pin(api, call, false);
}

// -- undo ---------------------------------------------------------------------

void undo_job(const api_ptr& api, const exchange_ptr& call) {
  const auto id = jobs::job_id::parse(call->req().param("job"));
  if (!id)
    return reply_fault(call,
                       {.code = fault_code::job_not_found,
                        .what = "\"" + std::string{call->req().param("job")}
                                + "\" is not the id of a job"});
  api->engine.find(*id, [api,
                         call](const jobs::result<jobs::job_view_ptr>& found) {
    if (!found)
      return reply_fault(call, found.error());
    const auto& job = (*found)->record();
    if (!sees_job(call->req(), job))
      return reply_fault(
          call, {.code = fault_code::job_not_found,
                 .what = "there is no job " + job.id.to_string() + " here"});
    if (job.kind != jobs::restore_backup.name
        && job.kind != jobs::undo_restore.name)
      return reply_fault(
          call, {.code = fault_code::not_undoable,
                 .what = "a job of kind " + job.kind + " cannot be undone"});
    // Whether anything is kept of it is decided where it is claimed, so
    // that a second undo joins the first.
    jobs::submission what;
    what.kind = jobs::undo_restore.name;
    what.server = job.server;
    what.body = with_member("{}", "restore", job.id.view());
    submit(api, call, std::move(what), answer_style::with_job);
  });
}

} // namespace alula::http
