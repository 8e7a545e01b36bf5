/// The few calls of CAF that changed between 0.17 and 1.x, behind names of
/// ours: together with protocol.hpp this is what an upgrade has to touch.
/// Requests, typed behaviours, streams, groups and detached actors are not
/// used at all; everything is a one-way message.
#pragma once

#include "caf/actor.hpp"
#include "caf/actor_system.hpp"
#include "caf/actor_system_config.hpp"
#include "caf/behavior.hpp"
#include "caf/event_based_actor.hpp"
#include "caf/exit_reason.hpp"
#include "caf/logger.hpp"
#include "caf/send.hpp"
#include "caf/stateful_actor.hpp"
#include "jobs/log.hpp"

#include <exception>
#include <memory>
#include <mutex>
#include <utility>

namespace alula::actors {

using actor_handle = caf::actor;

template<class State>
using self_of = caf::stateful_actor<State>*;

/// Never `send`: that mails a handler's result back to the sender.
template<class Message>
void post(const actor_handle& to, Message message) {
  caf::anon_send(to, std::move(message));
}

/// Asks an actor to end after what lies in its mailbox already.
inline void dismiss(const actor_handle& who) {
  caf::anon_send_exit(who, caf::exit_reason::user_shutdown);
}

/// The thread that makes an actor system keeps a reference to its logger, and
/// the end of the system waits for the end of that: on any other thread, for
/// ever. Called by the maker when it is done.
inline void let_any_thread_end_the_system() {
  caf::logger::set_current_actor_system(nullptr);
}

/// Spawns an event-based actor whose behaviour is `run(self, args...)`.
template<class Run, class... Args>
actor_handle spawn(caf::actor_system& system, Run run, Args&&... args) {
  return system.spawn(run, std::forward<Args>(args)...);
}

/// Where the messages for a role go, whoever plays it at the moment. Threads
/// of ours hold addresses, never handles: a closed address swallows messages,
/// so nothing of CAF outlives the actor system. Any thread.
class address {
public:
  template<class Message>
  void send(Message message) const {
    if (const auto to = current())
      post(to, std::move(message));
  }

  void point_at(actor_handle who) {
    const std::scoped_lock lock{mutex_};
    who_ = std::move(who);
  }

  void close() { point_at(nullptr); }

  /// Closes and ends the actor.
  void dismiss_actor() {
    if (const auto who = current())
      dismiss(who);
    close();
  }

private:
  actor_handle current() const {
    const std::scoped_lock lock{mutex_};
    return who_;
  }

  mutable std::mutex mutex_;
  actor_handle who_;
};

using address_ptr = std::shared_ptr<address>;

/// A handler out of `State::handle(const Message&)`. An exception out of a
/// handler would end the actor silently; here the state is told of it.
template<class Message, class State>
auto on(self_of<State> self) {
  return [self](const Message& message) {
    try {
      self->state.handle(message);
    } catch (const std::exception& e) {
      self->state.broke(e.what());
    } catch (...) {
      self->state.broke("an exception that is no std::exception");
    }
  };
}

/// `sharing` does not poll when idle, `stealing` does (stack 3); nothing blocks
/// in an actor, so two threads are enough.
struct system_config : caf::actor_system_config {
  system_config() {
    set("scheduler.policy", caf::atom("sharing"));
    set("scheduler.max-threads", 2);
    set("scheduler.max-throughput", 64);
  }
};

} // namespace alula::actors
