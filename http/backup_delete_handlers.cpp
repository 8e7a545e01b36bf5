#include "http/backup_delete_handlers.hpp"

#include "http/backup_lookup.hpp"
#include "http/job_answers.hpp"
#include "http/reply.hpp"
#include "http/scopes.hpp"
#include "http/submit.hpp"
#include "jobs/catalog.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <utility>

namespace alula::http {

namespace {

using jobs::fault;
using jobs::fault_code;
using jobs::job_view_ptr;

/// What is not there is as good as deleted.
void answer_missing(const exchange_ptr& call, const fault& why) {
  if (why.code == fault_code::backup_not_found)
    return call->reply(empty_answer(204));
  reply_fault(call, why);
}

/// What a node does with a backup to keep it: in vain from now on, and no
/// reason to tell a user that it cannot be deleted.
bool is_upkeep(const jobs::job_record& job) {
  const std::array kinds{jobs::verify_backup.name, jobs::index_backup.name,
                         jobs::copy_backup.name, jobs::drop_copy.name,
                         jobs::clean_store.name};
  return std::ranges::find(kinds, job.kind) != kinds.end();
}

/// One request to delete one backup, until it is answered.
class removal : public std::enable_shared_from_this<removal> {
public:
  removal(api_ptr api, exchange_ptr call, const jobs::server_id& server,
          const jobs::backup_id& backup)
    : api_(std::move(api)), call_(std::move(call)), server_(server),
      backup_(backup), begun_(api_->clock.now()),
      wait_(wait_of(api_, call_->req(), answer_style::at_the_mark)) {}

  void begin() {
    jobs::submission what;
    what.kind = jobs::delete_backup.name;
    what.server = server_;
    what.body = "{\"backup\":\"" + backup_.to_string() + "\"}";
    submit_or(
        api_, call_, std::move(what), answer_style::at_the_mark,
        [self = shared_from_this()](const fault& why) { self->refused(why); },
        left());
  }

private:
  /// The client waits once, however many jobs are waited for.
  std::chrono::milliseconds left() const { return left_of(wait_); }
  std::chrono::milliseconds left_of(std::chrono::milliseconds all) const {
    const std::chrono::milliseconds passed{api_->clock.now() - begun_};
    return std::clamp(all - passed, std::chrono::milliseconds{0}, all);
  }
  /// Until a job that is cancelled has ended. The delete is accepted only
  /// behind upkeep: that is waited for also with a client who waits for no
  /// delete.
  std::chrono::milliseconds patience_with(const jobs::job_record& job) const {
    return is_making_it(job) ? left() : left_of(std::max(wait_, upkeep_end));
  }

  void refused(const fault& why) {
    const bool is_locked = why.code == fault_code::server_locked
                           || why.code == fault_code::backup_in_use;
    const auto owner = jobs::job_id::parse(why.in_the_way);
    // Another one deleted it since it was looked up: answer_missing knows.
    if (!is_locked || !owner || ++tries_ > most_tries)
      return answer_missing(call_, why);
    api_->engine.find(*owner, [self = shared_from_this(),
                               why](const jobs::result<job_view_ptr>& found) {
      // Forgotten already: it is in nobody's way any more.
      if (!found && found.error().code == fault_code::job_not_found)
        return self->begin();
      if (!found)
        return reply_fault(self->call_, why);
      const auto& job = (*found)->record();
      if (self->is_making_it(job) && is_stuck(job))
        self->give_up(job.id);
      else if (self->is_making_it(job)
               || (self->is_keeping_it(job) && !is_stuck(job)))
        self->cancel(**found, why);
      else
        reply_fault(self->call_, why);
    });
  }

  /// No cancel leads it on: it would hold its backup until somebody comes.
  static bool is_stuck(const jobs::job_record& making) {
    return making.state == jobs::job_state::parked
           && (!making.is_cancellable() || making.cancel_requested_at != 0);
  }

  /// The commit that ends the job takes the backup off the record; what has its
  /// name on the disk is for the delete, which is asked for behind it, and then
  /// as of nobody's: a server's has to be on record.
  void give_up(const jobs::job_id& making) {
    api_->engine.abandon(
        making, "its backup is deleted",
        [self =
             shared_from_this()](const jobs::result<job_view_ptr>& given_up) {
          if (given_up)
            self->server_ = {};
          // Retried or over meanwhile: begin() sees how it is now.
          if (given_up || given_up.error().code == fault_code::not_parked
              || given_up.error().code == fault_code::job_not_found)
            return self->begin();
          reply_fault(self->call_, given_up.error());
        });
  }

  bool is_making_it(const jobs::job_record& job) const {
    return job.kind == jobs::create_backup.name && is_about_it(job, "uuid");
  }
  bool is_keeping_it(const jobs::job_record& job) const {
    return is_upkeep(job) && is_about_it(job, "backup");
  }
  bool is_about_it(const jobs::job_record& job, const char* member) const {
    const auto input = nlohmann::json::parse(job.input, nullptr, false);
    return input.is_object()
           && input.value(member, nlohmann::json()) == backup_.view();
  }

  void cancel(const jobs::job_view& in_the_way, const fault& why) {
    const auto id = in_the_way.record().id;
    const auto patience = patience_with(in_the_way.record());
    api_->engine.cancel(id, [self = shared_from_this(), id, patience,
                             why](const jobs::result<job_view_ptr>& asked) {
      const bool goes_on =
          !asked && asked.error().code == fault_code::past_pivot;
      const bool is_over =
          !asked && asked.error().code == fault_code::already_finished;
      if (!asked && !goes_on && !is_over)
        return reply_fault(self->call_, asked.error());
      self->api_->engine.await(
          id, jobs::await_for::finished, {}, patience,
          [self, why, goes_on](const jobs::result<job_view_ptr>& newest) {
            if (!newest && newest.error().code == fault_code::job_not_found)
              return self->begin();
            if (!newest)
              return reply_fault(self->call_, newest.error());
            self->conclude((*newest)->record(), goes_on, why);
          });
    });
  }

  void conclude(const jobs::job_record& making, bool goes_on,
                const fault& why) {
    // With upkeep nothing of the backup is gone.
    if (!is_making_it(making))
      return making.is_done() ? begin() : reply_fault(call_, why);
    // It had been published before the cancel came: now it can be deleted.
    if (making.state == jobs::job_state::succeeded)
      return begin();
    // Undone, or on the way there: nothing is left of it.
    if (making.is_done())
      return call_->reply(with_job(empty_answer(204), making.id.view()));
    if (making.state == jobs::job_state::parked)
      return give_up(making.id);
    if (!goes_on)
      return call_->reply(with_job(empty_answer(202), making.id.view()));
    reply_fault(call_, why);
  }

  /// More jobs than these are hardly in the way of one backup.
  static constexpr int most_tries = 8;
  /// A cancel takes a second, unless its step is slow to look up.
  static constexpr std::chrono::milliseconds upkeep_end{5'000};

  const api_ptr api_;
  const exchange_ptr call_;
  jobs::server_id server_; ///< empty: of none
  const jobs::backup_id backup_;
  const jobs::time_ms begun_;
  const std::chrono::milliseconds wait_;
  int tries_ = 0;
};

void remove(const api_ptr& api, const exchange_ptr& call,
            const jobs::server_id& server, const jobs::backup_id& backup) {
  std::make_shared<removal>(api, call, server, backup)->begin();
}

} // namespace

void delete_backup(const api_ptr& api, const exchange_ptr& call) {
  const auto server = read_server_id(call->req());
  if (!server)
    return reply_fault(call, server.error());
  if (!api->engine.find_server(*server))
    return reply_fault(call, no_such_server(*server));
  const auto backup = read_backup_id(call->req());
  if (!backup)
    return answer_missing(call, backup.error());
  find_backup(api, {*server, *backup},
              [api, call, server = *server](
                  const jobs::result<jobs::backup_record>& found) {
                if (!found)
                  return answer_missing(call, found.error());
                remove(api, call, server, found->uuid);
              });
}

void delete_orphan(const api_ptr& api, const exchange_ptr& call) {
  const auto backup = read_backup_id(call->req());
  if (!backup)
    return answer_missing(call, backup.error());
  api->backups.find(
      {}, *backup, [api, call](const jobs::result<jobs::backup_record>& found) {
        if (!found)
          return answer_missing(call, found.error());
        if (!reaches(call->req(), found->server))
          return call->reply(empty_answer(204)); // as if there were none
        if (found->server_lives)
          return reply_fault(
              call, {.code = fault_code::server_exists,
                     .what = "the backup belongs to server "
                             + found->server.to_string()
                             + ", which is on this node: delete it there"});
        remove(api, call, {}, found->uuid);
      });
}

} // namespace alula::http
