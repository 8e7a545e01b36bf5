/// Finds or creates the actor of a server and forgets it when it has retired.
#pragma once

#include "actors/engine_parts.hpp"
#include "actors/server_actor.hpp"

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

namespace alula::actors {

/// One per engine. Passes every request on to the actor of its server, starts
/// that actor when there is none, and starts it again when a handler of it
/// threw: at once the first time, then after longer and longer pauses. Accepts
/// the jobs that bring a server into being itself.
///
/// It counts what it has sent to each actor: an actor retires only when it has
/// seen all of it, so no request falls into the gap.
class server_registry {
public:
  static inline const char* name = "server_registry";

  ~server_registry();
  void begin(caf::event_based_actor* self,
             std::shared_ptr<const engine_parts> parts,
             std::function<void()> drained);

  void handle(const start_job& m);
  void handle(const job_accepted& m);
  void handle(const adopt_jobs& m);
  void handle(const cancel_job& m);
  void handle(const retry_job& m);
  void handle(const abandon_job& m);
  void handle(const drain& m);
  void handle(const may_i_retire& m);
  void handle(const is_quiet& m);
  void handle(const actor_broke& m);
  void handle(const start_again& m);
  void broke(const char* what);

private:
  struct entry {
    std::int64_t server_row = 0;
    address_ptr here = std::make_shared<address>();
    std::shared_ptr<std::atomic<int>> accepting =
        std::make_shared<std::atomic<int>>(0);
    std::uint64_t life = 0;
    std::uint64_t sent = 0;
    int breaks = 0;
    bool down = true;
    bool quiet = false;
  };

  template<class Message>
  void pass_on(const std::string& key, const Message& m);
  entry& actor_of(const std::string& key);
  void start_actor(const std::string& key, entry& place);
  void check_drained();

  caf::event_based_actor* self_ = nullptr;
  std::shared_ptr<const engine_parts> parts_;
  std::function<void()> drained_;
  std::unordered_map<std::string, entry> actors_;
  std::shared_ptr<std::atomic<int>> accepting_ =
      std::make_shared<std::atomic<int>>(0);
  bool draining_ = false;
};

caf::behavior run_server_registry(self_of<server_registry> self,
                                  std::shared_ptr<const engine_parts> parts,
                                  std::function<void()> drained);

} // namespace alula::actors
