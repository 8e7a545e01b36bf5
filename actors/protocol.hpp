/// The whole conversation of the actors in reading order. Every message is a
/// one-way struct; answers to callers travel as answer_once inside them.
///
/// A server is addressed by its key: "server:<row>", one incarnation, or "node"
/// for jobs without a server.
#pragma once

#include "actors/actor_compat.hpp"
#include "actors/answer_once.hpp"
#include "actors/step_run.hpp"
#include "jobs/engine.hpp"
#include "jobs/ledger.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace alula::actors {

class pending_accept;

using view_answer = answer_once<jobs::job_view_ptr>;
using ticket_answer = answer_once<jobs::ticket>;
using pool_answer = answer_once<jobs::summary::pool>;

std::string key_of(std::int64_t server_row);

// -- the engine to the registry, and on to the server actor -------------------

/// Accept this job. With a register_server among the changes there is no
/// server yet, and the registry has the job accepted itself.
struct start_job {
  std::shared_ptr<const jobs::acceptance> what;
  jobs::job_id subject; ///< the job it is about, which is not in its way
  ticket_answer done;
};

/// These jobs live: run them. At boot, after a crash of the server's actor, and
/// after an accept by the registry.
struct adopt_jobs {
  std::string key;
  std::shared_ptr<const std::vector<jobs::job_record>> jobs;
};

struct cancel_job {
  std::string key;
  jobs::job_id id;
  view_answer done;
};

/// A parked job is offered another go; `replayed` when a request was sent again
/// that had led to it, which is good whatever the job does.
struct retry_job {
  std::string key;
  jobs::job_id id;
  ticket_answer done;
  jobs::accept_outcome outcome = jobs::accept_outcome::joined;
  std::optional<jobs::idempotency> request = {}; ///< saved with what it does
};

struct abandon_job {
  std::string key;
  jobs::job_id id;
  std::string why;
  view_answer done;
};

/// No new jobs and no new steps; running steps are asked to stop.
struct drain {};

// -- the ledger's callbacks ---------------------------------------------------

/// To whoever called accept: the server actor, or the registry, which passes it
/// on to the actor of the new server.
struct job_accepted {
  std::shared_ptr<pending_accept> what;
};

/// To the server actor that saved. `life` and `number` tell a late answer.
struct job_saved {
  jobs::job_id id;
  std::uint64_t life = 0;
  std::uint64_t number = 0;
  std::shared_ptr<const jobs::result<jobs::job_record>> what;
};

// -- the server actor and a worker pool ---------------------------------------

/// A worker for the next step of this job, please. Answered by worker_granted,
/// or by still_running when a worker has been at it since before a crash of
/// the actor.
struct want_worker {
  std::string key; ///< the pool is fair between keys
  jobs::job_id id;
  int priority = 2;
  std::uint64_t number = 0; ///< comes back with the answer
  address_ptr from;
  bool undo = false; ///< a pause does not hold it up
};

/// Not wanted any more; a worker granted meanwhile is free again.
struct drop_want {
  jobs::job_id id;
};

struct worker_granted {
  jobs::job_id id;
  std::uint64_t number = 0; ///< of the wish
  std::uint64_t ticket = 0;
};

/// The granted worker runs the step; step_ended goes to `from`.
struct perform {
  std::uint64_t ticket = 0;
  step_run_ptr run;
  address_ptr from;
};

struct still_running {
  jobs::job_id id;
  std::uint64_t number = 0; ///< of the wish
  std::uint64_t ticket = 0;
  step_run_ptr run;
};

/// From the worker thread, to the server actor.
struct step_ended {
  step_run_ptr run;
  std::shared_ptr<const jobs::step_outcome> outcome;
};

/// From the worker thread, to its pool.
struct worker_free {
  std::uint64_t ticket = 0;
};

/// The worker does not come back: another thread takes its place.
struct replace_worker {
  std::uint64_t ticket = 0;
};

/// To a pool: it was paused or resumed, see pool_pauses.
struct pool_switched {};

// -- alarms, to the server actor ----------------------------------------------

/// Look at the job again: its time has come, or what was in its way is gone.
struct wake_job {
  jobs::job_id id;
};

/// Is the step still alive?
struct look_at_run {
  step_run_ptr run;
};

/// The job has waited for a worker for a while, or the pool was paused, or
/// resumed with no worker to spare: say what it waits for. Also from the pool.
struct still_no_worker {
  jobs::job_id id;
};

// -- the server actor to the registry -----------------------------------------

/// No live job is left. `seen` messages have come from the registry; when it
/// has sent more the actor stays.
struct may_i_retire {
  std::string key;
  std::uint64_t life = 0;
  std::uint64_t seen = 0;
};

/// Drained: nothing runs and nothing is being saved.
struct is_quiet {
  std::string key;
  std::uint64_t life = 0;
  std::uint64_t seen = 0;
};

/// A handler threw; this actor has ended.
struct actor_broke {
  std::string key;
  std::uint64_t life = 0;
};

/// From an alarm of the registry's own: start the actor of this server again.
struct start_again {
  std::string key;
};

} // namespace alula::actors

#define ALULA_MESSAGES(X)                                                      \
  X(start_job)                                                                 \
  X(adopt_jobs)                                                                \
  X(cancel_job)                                                                \
  X(retry_job)                                                                 \
  X(abandon_job)                                                               \
  X(drain)                                                                     \
  X(job_accepted)                                                              \
  X(job_saved)                                                                 \
  X(want_worker)                                                               \
  X(drop_want)                                                                 \
  X(worker_granted)                                                            \
  X(perform)                                                                   \
  X(still_running)                                                             \
  X(step_ended)                                                                \
  X(worker_free)                                                               \
  X(replace_worker)                                                            \
  X(pool_switched)                                                             \
  X(wake_job)                                                                  \
  X(look_at_run)                                                               \
  X(still_no_worker)                                                           \
  X(may_i_retire)                                                              \
  X(is_quiet)                                                                  \
  X(actor_broke)                                                               \
  X(start_again)

CAF_BEGIN_TYPE_ID_BLOCK(alula, first_custom_type_id)
#define ALULA_TYPE_ID(name) CAF_ADD_TYPE_ID(alula, (alula::actors::name))
ALULA_MESSAGES(ALULA_TYPE_ID)
#undef ALULA_TYPE_ID
CAF_END_TYPE_ID_BLOCK(alula)

// Nothing here ever leaves the process.
#define ALULA_LOCAL_ONLY(name)                                                 \
  CAF_ALLOW_UNSAFE_MESSAGE_TYPE(alula::actors::name)
ALULA_MESSAGES(ALULA_LOCAL_ONLY)
#undef ALULA_LOCAL_ONLY
