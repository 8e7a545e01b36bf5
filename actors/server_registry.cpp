#include "actors/server_registry.hpp"

#include "actors/pending_accept.hpp"
#include "actors/stopping.hpp"

#include <algorithm>
#include <charconv>
#include <utility>
#include <variant>

namespace alula::actors {

namespace {

std::int64_t row_of(const std::string& key) {
  constexpr std::string_view prefix = "server:";
  std::int64_t row = 0;
  if (key.starts_with(prefix))
    std::from_chars(key.data() + prefix.size(), key.data() + key.size(), row);
  return row;
}

bool registers_server(const jobs::acceptance& what) {
  return std::ranges::any_of(what.changes, [](const jobs::change& c) {
    return std::holds_alternative<jobs::register_server>(c);
  });
}

} // namespace

// -- requests -----------------------------------------------------------------

template<class Message>
void server_registry::pass_on(const std::string& key, const Message& m) {
  auto& place = actor_of(key);
  ++place.sent;
  place.quiet = false;
  place.here->send(m);
}

void server_registry::handle(const start_job& m) {
  if (draining_) {
    m.done(stopping());
    return;
  }
  if (!registers_server(*m.what)) {
    pass_on(key_of(m.what->job.server_row), m);
    return;
  }
  const auto pending = std::make_shared<pending_accept>(
      accepting_, parts_->registry, parts_->board, key_of(0), m.done);
  parts_->ledger.accept(*m.what, [here = parts_->registry,
                                  pending](jobs::result<jobs::accepted> r) {
    pending->answered(std::move(r));
    here->send(job_accepted{pending});
  });
}

void server_registry::handle(const job_accepted& m) {
  if (!m.what->what()) {
    m.what->taken();
    m.what->done()(m.what->what().error());
  } else {
    auto& place = actor_of(key_of(m.what->what().value().job.server_row));
    m.what->count_in(place.accepting);
    place.quiet = false;
    place.here->send(m);
  }
  check_drained();
}

void server_registry::handle(const adopt_jobs& m) {
  pass_on(m.key, m);
}

void server_registry::handle(const cancel_job& m) {
  pass_on(m.key, m);
}

void server_registry::handle(const retry_job& m) {
  pass_on(m.key, m);
}

void server_registry::handle(const abandon_job& m) {
  pass_on(m.key, m);
}

// -- the lives of actors ------------------------------------------------------

server_registry::entry& server_registry::actor_of(const std::string& key) {
  auto& place = actors_[key];
  if (place.down) {
    place.server_row = row_of(key);
    start_actor(key, place);
  }
  return place;
}

void server_registry::start_actor(const std::string& key, entry& place) {
  place.down = false;
  place.quiet = false;
  place.sent = 0;
  ++place.life;
  place.here->point_at(
      spawn(self_->home_system(), run_server_actor,
            server_place{parts_, key, place.server_row, place.life, place.here,
                         place.accepting}));
  if (place.life > 1) {
    ++place.sent;
    place.here->send(
        adopt_jobs{key, std::make_shared<const std::vector<jobs::job_record>>(
                            parts_->board.live_jobs(place.server_row))});
  }
  if (draining_)
    place.here->send(drain{});
}

void server_registry::handle(const may_i_retire& m) {
  const auto place = actors_.find(m.key);
  if (place == actors_.end() || place->second.down
      || place->second.life != m.life || place->second.sent != m.seen
      || *place->second.accepting > 0)
    return;
  place->second.here->dismiss_actor();
  actors_.erase(place);
  check_drained();
}

void server_registry::handle(const actor_broke& m) {
  const auto found = actors_.find(m.key);
  if (found == actors_.end() || found->second.life != m.life)
    return;
  auto& place = found->second;
  place.down = true;
  place.here->close();
  check_drained();
  if (++place.breaks == 1) {
    start_actor(m.key, place);
    return;
  }
  const std::chrono::seconds pause{1 << std::min(place.breaks, 6)};
  parts_->alarms.arm(pause, [here = parts_->registry, key = m.key] {
    here->send(start_again{key});
  });
}

void server_registry::handle(const start_again& m) {
  if (actors_.contains(m.key))
    actor_of(m.key);
}

// -- the end ------------------------------------------------------------------

void server_registry::handle(const drain&) {
  draining_ = true;
  for (auto& [key, place] : actors_)
    place.here->send(drain{});
  check_drained();
}

void server_registry::handle(const is_quiet& m) {
  const auto place = actors_.find(m.key);
  if (place == actors_.end() || place->second.life != m.life
      || place->second.sent != m.seen || *place->second.accepting > 0)
    return;
  place->second.quiet = true;
  check_drained();
}

void server_registry::check_drained() {
  const bool quiet = std::ranges::all_of(actors_, [](const auto& place) {
    return place.second.quiet || place.second.down;
  });
  if (draining_ && quiet && *accepting_ == 0)
    drained_();
}

server_registry::~server_registry() {
  for (auto& [key, place] : actors_)
    place.here->dismiss_actor();
}

void server_registry::begin(caf::event_based_actor* self,
                            std::shared_ptr<const engine_parts> parts,
                            std::function<void()> drained) {
  self_ = self;
  parts_ = std::move(parts);
  drained_ = std::move(drained);
}

void server_registry::broke(const char* what) {
  // Its state is a map of addresses and is good after any message.
  jobs::log(jobs::log_level::error, "server-registry-threw", {{"what", what}});
}

caf::behavior run_server_registry(self_of<server_registry> self,
                                  std::shared_ptr<const engine_parts> parts,
                                  std::function<void()> drained) {
  self->state.begin(self, std::move(parts), std::move(drained));
  return {on<start_job>(self),   on<job_accepted>(self), on<adopt_jobs>(self),
          on<cancel_job>(self),  on<retry_job>(self),    on<abandon_job>(self),
          on<drain>(self),       on<may_i_retire>(self), on<is_quiet>(self),
          on<actor_broke>(self), on<start_again>(self)};
}

} // namespace alula::actors
