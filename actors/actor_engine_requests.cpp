// The part of the engine that takes requests: a new job, or a word about one
// that is known. It decides what can be decided without an actor.
#include "actors/engine_state.hpp"
#include "jobs/lifecycle.hpp"

#include <exception>
#include <utility>

namespace alula::actors {

// -- asking for jobs ----------------------------------------------------------

namespace {

jobs::result<jobs::job_draft> read_request(const jobs::kind& kind,
                                           const jobs::submission& request) {
  try {
    return kind.read(request);
  } catch (const std::exception& e) {
    return jobs::fault{.what = "reading a request for " + std::string{kind.name}
                               + " threw: " + e.what()};
  }
}

const jobs::register_server* registration(const jobs::job_draft& draft) {
  for (const auto& change : draft.changes)
    if (const auto* r = std::get_if<jobs::register_server>(&change))
      return r;
  return nullptr;
}

jobs::acceptance make_acceptance(const jobs::kind& kind, jobs::job_draft draft,
                                 const jobs::server_ptr& target,
                                 jobs::time_ms now) {
  jobs::acceptance what;
  what.job = jobs::plan(kind, draft, now);
  if (const auto* fresh = registration(draft)) {
    what.job.server = fresh->uuid; // the ledger gives the row
  } else if (target) {
    what.job.server = target->uuid;
    what.job.server_row = target->row;
  }
  what.changes = std::move(draft.changes);
  what.locks = std::move(draft.locks);
  return what;
}

} // namespace

void actor_engine::submit(
    jobs::submission what,
    std::function<void(jobs::result<jobs::ticket>)> done) {
  auto& s = *state_;
  const ticket_answer answer{std::move(done)};
  if (auto why = s.refusal())
    s.refuse(answer, *std::move(why));
  else
    s.take(std::move(what), answer);
}

void actor_engine::state::take(jobs::submission what,
                               const ticket_answer& answer) {
  const auto* kind = kinds.find(what.kind);
  if (!kind) {
    refuse(answer, {.code = jobs::fault_code::not_implemented,
                    .what = "there is no kind of job called \""
                            + std::string{what.kind} + "\""});
    return;
  }
  if (!what.server.empty() && what.subject.empty())
    what.target = board.find_server(what.server);
  auto draft = read_request(*kind, what);
  if (!draft) {
    refuse_unless_taken_before(what.key, std::move(draft).error(), answer);
    return;
  }
  if (!what.server.empty() && what.subject.empty() && !what.target
      && !registration(*draft)) {
    refuse_unless_taken_before(
        what.key,
        {.code = jobs::fault_code::server_not_found,
         .what =
             "there is no server " + what.server.to_string() + " on this node"},
        answer);
    return;
  }
  auto accepted =
      make_acceptance(*kind, *std::move(draft), what.target, clock.now());
  accepted.key = std::move(what.key);
  if (what.report)
    accepted.changes.emplace_back(*std::move(what.report));
  if (what.subject.empty())
    accept(std::move(accepted), {}, answer);
  else
    submit_about(std::move(accepted), what.subject, answer);
}

/// What is refused now may have been taken before the world moved on: then the
/// key leads to the job of then.
void actor_engine::state::refuse_unless_taken_before(
    const std::optional<jobs::idempotency>& key, jobs::fault why,
    ticket_answer done) {
  if (!key) {
    refuse(done, std::move(why));
    return;
  }
  find_taken(*key, [this, done, why = std::move(why)](const auto& found) {
    if (found && *found)
      replay(*found, done);
    else
      done(found ? why : found.error());
  });
}

/// The job that a request with this key has led to; null when there was none.
void actor_engine::state::find_taken(
    const jobs::idempotency& key,
    std::function<void(jobs::result<jobs::job_view_ptr>)> done) {
  read<jobs::job_view_ptr>(view_answer{std::move(done)},
                           [this, key]() -> jobs::result<jobs::job_view_ptr> {
                             auto found = queries.find_by_key(key);
                             if (!found)
                               return std::move(found).error();
                             if (!*found)
                               return jobs::job_view_ptr{};
                             return newest_view(**std::move(found));
                           });
}

/// Whoever asks again for a parked job wants it to go on, as with an accept
/// that joins one.
void actor_engine::state::replay(const jobs::job_view_ptr& known,
                                 const ticket_answer& done) {
  const auto& job = known->record();
  if (job.state == jobs::job_state::parked)
    parts->registry->send(retry_job{key_of(job.server_row), job.id, done,
                                    jobs::accept_outcome::replayed});
  else
    done(jobs::ticket{known, jobs::accept_outcome::replayed});
}

void actor_engine::state::accept(jobs::acceptance what,
                                 const jobs::job_id& subject,
                                 ticket_answer done) {
  parts->registry->send(
      start_job{std::make_shared<const jobs::acceptance>(std::move(what)),
                subject, std::move(done)});
}

/// The job works on the server of another job, which may have ended, with a
/// server that is not live any more.
void actor_engine::state::submit_about(jobs::acceptance what,
                                       const jobs::job_id& subject,
                                       ticket_answer done) {
  look_up(subject, [this, what = std::move(what), subject,
                    done](const jobs::result<jobs::job_view_ptr>& found) {
    if (!found) {
      done(jobs::fault{.code = jobs::fault_code::trash_not_found,
                       .what = "nothing of a job " + subject.to_string()
                               + " lies in the trash"});
      return;
    }
    auto whole = what;
    whole.job.server = found.value()->record().server;
    whole.job.server_row = found.value()->record().server_row;
    accept(std::move(whole), subject, done);
  });
}

void actor_engine::state::submit_again(const jobs::job_record& failed,
                                       request_key key, ticket_answer done) {
  const auto impossible = [&](const std::string& why) {
    done(jobs::fault{.code = jobs::fault_code::not_parked,
                     .what = "job " + failed.id.to_string()
                             + " cannot be tried again by itself: " + why});
  };
  const auto* kind = kinds.find(failed.kind);
  if (!kind) {
    impossible("this release does not know " + failed.kind);
    return;
  }
  jobs::submission like;
  like.kind = kind->name;
  like.server = failed.server;
  like.body = failed.input;
  if (failed.server_row != 0)
    like.target = board.find_server(failed.server);
  if (failed.server_row != 0
      && (!like.target || like.target->row != failed.server_row)) {
    // What failed by itself was rolled back, and has left nothing to finish.
    const bool given_up =
        failed.error && failed.error->code == jobs::fault_code::abandoned;
    if (kind->finished_by.empty() || !given_up)
      impossible("its server is gone; send the request again");
    else
      finish_for(failed.id, std::move(done), std::move(key));
    return;
  }
  auto draft = read_request(*kind, like);
  if (!draft) {
    impossible(draft.error().what + "; send the request again");
    return;
  }
  auto what =
      make_acceptance(*kind, *std::move(draft), like.target, clock.now());
  what.job.retry_of = failed.id;
  what.key = std::move(key);
  accept(std::move(what), {}, std::move(done));
}

/// A job was given up: the kind that finishes what it has left is asked for.
void actor_engine::state::finish_for(const jobs::job_id& given_up,
                                     ticket_answer done, request_key key) {
  look_up(given_up, [this, given_up, done, key = std::move(key)](
                        const jobs::result<jobs::job_view_ptr>& found) {
    if (!found) {
      refuse(done, found.error());
      return;
    }
    const auto& record = found.value()->record();
    const auto* kind = kinds.find(record.kind);
    const auto* finisher = kind ? kinds.find(kind->finished_by) : nullptr;
    if (!finisher) {
      refuse(done, jobs::fault{.code = jobs::fault_code::not_parked,
                               .what = "nothing finishes what a " + record.kind
                                       + " has left"});
      return;
    }
    jobs::submission what;
    what.kind = finisher->name;
    what.server = record.server;
    what.target = board.find_server(record.server);
    if (what.target && what.target->row != record.server_row)
      what.target = nullptr;
    what.subject = given_up;
    what.body = record.input;
    auto draft = read_request(*finisher, what);
    if (!draft) {
      refuse(done, std::move(draft).error());
      return;
    }
    auto accepted =
        make_acceptance(*finisher, *std::move(draft), {}, clock.now());
    accepted.job.server = record.server;
    accepted.job.server_row = record.server_row;
    accepted.key = key;
    accept(std::move(accepted), given_up, done);
  });
}

/// Nobody waits for the answer; who has to help must hear of a refusal.
ticket_answer actor_engine::state::tell_refusal(const jobs::job_id& left_by) {
  return ticket_answer{[left_by](const auto& taken) {
    if (!taken && taken.error().code != jobs::fault_code::shutting_down)
      jobs::log(jobs::log_level::warning, "leftovers-refused",
                {{"job", left_by.view()}, {"why", taken.error().what}});
  }};
}

/// A finisher that is abandoned itself is not started at once again: the next
/// boot does it.
void actor_engine::state::finish_after(const jobs::job_record& abandoned) {
  const auto* kind = kinds.find(abandoned.kind);
  if (kind && !kind->finished_by.empty() && kind->finished_by != kind->name)
    finish_for(abandoned.id, tell_refusal(abandoned.id));
}

// -- about one job ------------------------------------------------------------

/// A job that lives is asked by `message`; one that has ended is for `ended`.
template<class T, class Ended, class Message>
void actor_engine::state::ask_about(const jobs::job_id& id,
                                    answer_once<T> answer, Ended ended,
                                    Message message) {
  if (auto why = refusal()) {
    refuse(answer, *std::move(why));
    return;
  }
  look_up(id, [this, answer, ended = std::move(ended),
               message = std::move(message)](
                  const jobs::result<jobs::job_view_ptr>& found) {
    if (!found)
      answer(found.error());
    else if (const auto& job = found.value()->record(); job.is_done())
      ended(job, answer);
    else
      parts->registry->send(message(job, answer));
  });
}

namespace {

/// "the job has already succeeded"
template<class T>
auto refuse_ended(jobs::fault_code code, std::string words) {
  return [code, words = std::move(words)](const jobs::job_record& job,
                                          const answer_once<T>& answer) {
    answer(jobs::fault{.code = code,
                       .what = words + std::string{to_string(job.state)}});
  };
}

} // namespace

void actor_engine::retry(jobs::job_id id, std::optional<jobs::idempotency> key,
                         std::function<void(jobs::result<jobs::ticket>)> done) {
  auto& s = *state_;
  const ticket_answer answer{std::move(done)};
  if (!key || s.refusal()) {
    s.try_again(id, std::move(key), answer);
    return;
  }
  s.find_taken(*key, [&s, id, key, answer](const auto& known) {
    if (!known)
      answer(known.error());
    else if (*known)
      s.replay(*known, answer);
    else
      s.try_again(id, key, answer);
  });
}

void actor_engine::state::try_again(const jobs::job_id& id, request_key key,
                                    ticket_answer done) {
  const auto again =
      [this, key,
       refuse = refuse_ended<jobs::ticket>(jobs::fault_code::not_parked,
                                           "the job has ")](
          const jobs::job_record& job, const ticket_answer& answer) {
        if (job.state == jobs::job_state::failed)
          submit_again(job, key, answer);
        else
          refuse(job, answer);
      };
  ask_about(id, std::move(done), again,
            [key](const jobs::job_record& job, const ticket_answer& answer) {
              return retry_job{.key = key_of(job.server_row),
                               .id = job.id,
                               .done = answer,
                               .outcome = jobs::accept_outcome::joined,
                               .request = key};
            });
}

void actor_engine::cancel(
    jobs::job_id id,
    std::function<void(jobs::result<jobs::job_view_ptr>)> done) {
  state_->ask_about(
      id, view_answer{std::move(done)},
      refuse_ended<jobs::job_view_ptr>(jobs::fault_code::already_finished,
                                       "the job has already "),
      [](const jobs::job_record& job, const view_answer& answer) {
        return cancel_job{key_of(job.server_row), job.id, answer};
      });
}

void actor_engine::abandon(
    jobs::job_id id, std::string reason,
    std::function<void(jobs::result<jobs::job_view_ptr>)> done) {
  state_->ask_about(
      id, view_answer{std::move(done)},
      refuse_ended<jobs::job_view_ptr>(
          jobs::fault_code::not_parked,
          "only a parked job can be abandoned; this one has "),
      [reason = std::move(reason)](const jobs::job_record& job,
                                   const view_answer& answer) {
        return abandon_job{key_of(job.server_row), job.id, reason, answer};
      });
}

} // namespace alula::actors
