// The part of the engine that only looks: at the board, or on a reader thread
// at the ledger. Nothing here waits for an actor.
#include "actors/engine_state.hpp"

#include <algorithm>
#include <utility>

namespace alula::actors {

// -- one job ------------------------------------------------------------------

jobs::job_view_ptr actor_engine::peek(const jobs::job_id& id) const {
  return state_->board.peek(id);
}

/// The id tells when the job was made (UUIDv7), so one that may have been
/// pruned is told from one that never was.
jobs::fault actor_engine::state::unknown_job(const jobs::job_id& id) const {
  constexpr std::size_t version_digit = 14;
  const auto kept = std::min(settings.keep.succeeded, settings.keep.failed);
  const bool dated = id.view()[version_digit] == '7';
  if (dated && jobs::created_at(id) + kept.count() < clock.now())
    return {.code = jobs::fault_code::job_expired,
            .what = "the record of job " + id.to_string()
                    + " is not kept any more"};
  return {.code = jobs::fault_code::job_not_found,
          .what = "there is no job " + id.to_string()};
}

/// A commit is on the board at once, unless its thread has died.
jobs::job_view_ptr
actor_engine::state::newest_view(jobs::job_record record) const {
  constexpr std::chrono::seconds patience{1};
  if (auto view = board.await_version(record.id, record.version, patience);
      view && view->record().version >= record.version)
    return view;
  return std::make_shared<jobs::job_view>(std::move(record), std::nullopt, 0);
}

void actor_engine::state::look_up(const jobs::job_id& id, view_callback done) {
  if (id.empty()) {
    refuse(view_answer{std::move(done)},
           {.code = jobs::fault_code::job_not_found,
            .what = "an empty id names no job"});
    return;
  }
  if (auto view = board.peek(id)) {
    done(std::move(view));
    return;
  }
  read<jobs::job_view_ptr>(view_answer{std::move(done)},
                           [this, id]() -> jobs::result<jobs::job_view_ptr> {
                             auto found = queries.find_job(id);
                             if (!found)
                               return std::move(found).error();
                             if (!*found)
                               return unknown_job(id);
                             return newest_view(**std::move(found));
                           });
}

void actor_engine::find(
    jobs::job_id id,
    std::function<void(jobs::result<jobs::job_view_ptr>)> done) {
  auto& s = *state_;
  const view_answer answer{std::move(done)};
  if (auto view = s.board.peek(id))
    s.hub.answer_later([answer, view] { answer(view); });
  else
    s.look_up(id, [answer](auto found) { answer(std::move(found)); });
}

void actor_engine::await(
    jobs::job_id id, jobs::await_for what, std::string etag,
    std::chrono::milliseconds limit,
    std::function<void(jobs::result<jobs::job_view_ptr>)> done) {
  auto& s = *state_;
  const view_answer answer{std::move(done)};
  s.look_up(id, [&s, what, limit, answer, etag = std::move(etag)](
                    jobs::result<jobs::job_view_ptr> found) {
    if (found)
      s.hub.await(*std::move(found), what, etag, limit, answer);
    else
      answer(std::move(found));
  });
}

void actor_engine::forget(jobs::job_id id,
                          std::function<void(jobs::status)> done) {
  auto& s = *state_;
  const answer_once<void> answer{std::move(done)};
  if (auto why = s.refusal()) {
    s.refuse(answer, *std::move(why));
    return;
  }
  const std::shared_lock gate{s.ledger_gate};
  if (!s.refusal())
    s.ledger.forget(id, [answer](jobs::status r) { answer(std::move(r)); });
}

// -- many jobs ----------------------------------------------------------------

void actor_engine::list(jobs::job_filter filter, std::int64_t before,
                        std::size_t limit,
                        std::function<void(jobs::result<page>)> done) {
  auto& s = *state_;
  s.read<page>(
      answer_once<page>{std::move(done)},
      [&s, before, limit, filter = std::move(filter)]() -> jobs::result<page> {
        auto found = s.queries.list_jobs(filter, before, limit);
        if (!found)
          return std::move(found).error();
        page out;
        out.next_before = found->next_before;
        for (auto& job : found->items)
          out.items.push_back(s.newest_view(std::move(job)));
        return out;
      });
}

void actor_engine::events_after(
    std::int64_t seq, jobs::event_filter filter, std::size_t limit,
    std::function<void(jobs::result<jobs::event_page>)> done) {
  auto& s = *state_;
  s.read<jobs::event_page>(answer_once<jobs::event_page>{std::move(done)},
                           [&s, seq, limit, filter = std::move(filter)] {
                             return s.queries.events_after(seq, filter, limit);
                           });
}

void actor_engine::list_trash(
    std::function<void(jobs::result<std::vector<jobs::trash_entry>>)> done) {
  auto& s = *state_;
  s.read<std::vector<jobs::trash_entry>>(
      answer_once<std::vector<jobs::trash_entry>>{std::move(done)},
      [&s] { return s.queries.list_trash(); });
}

jobs::summary actor_engine::summarize() const {
  jobs::summary out;
  state_->board.count(out);
  if (state_->now_in == state::phase::new_born
      || state_->now_in == state::phase::starting)
    return out; // the pools are being built
  for (const auto& [name, figures] : state_->figures)
    out.pools.push_back(state_->show_pool(name));
  return out;
}

std::unique_ptr<jobs::subscription>
actor_engine::subscribe(jobs::event_filter filter,
                        std::function<void(const jobs::event_batch&)> sink) {
  return state_->hub.subscribe(std::move(filter), std::move(sink));
}

// -- servers ------------------------------------------------------------------

jobs::server_ptr actor_engine::find_server(const jobs::server_id& id) const {
  return state_->board.find_server(id);
}

std::vector<jobs::job_record>
actor_engine::live_jobs(const jobs::server_id& id) const {
  const auto server = state_->board.find_server(id);
  return server ? state_->board.live_jobs(server->row)
                : std::vector<jobs::job_record>{};
}

std::vector<jobs::server_ptr> actor_engine::list_servers() const {
  return state_->board.list_servers();
}

namespace {

using inspection = jobs::result<std::optional<jobs::container_info>>;

/// The recorded container may have been replaced by hand; its name stays, and
/// jobs go by it: whoever hangs is known by one name to all.
inspection inspect(jobs::containers& containers,
                   const jobs::server_record& server) {
  auto named = containers.inspect(server.uuid.view());
  if (!named || *named || server.container_id.empty())
    return named;
  return containers.inspect(server.container_id);
}

} // namespace

void actor_engine::inspect_server(
    jobs::server_id id,
    std::function<void(jobs::result<std::optional<jobs::container_info>>)>
        done) {
  auto& s = *state_;
  const answer_once<std::optional<jobs::container_info>> answer{
      std::move(done)};
  const auto server = s.board.find_server(id);
  if (!server) {
    s.refuse(answer, {.code = jobs::fault_code::server_not_found,
                      .what = "there is no server " + id.to_string()
                              + " on this node"});
    return;
  }
  const auto alarm = s.alarms.arm(s.settings.inspect_limit, [&s, answer] {
    s.hub.answer_later([answer] {
      answer(jobs::fault{.code = jobs::fault_code::docker_unavailable,
                         .what = "the container engine does not answer",
                         .where = "inspect"});
    });
  });
  const auto ask = [&s, server, answer, alarm] {
    answer(inspect(s.node.containers, *server));
    s.alarms.disarm(alarm);
  };
  if (s.inspectors.run(ask, answer.whose()))
    return;
  s.alarms.disarm(alarm);
  s.refuse(answer, {.code = jobs::fault_code::docker_unavailable,
                    .what = "too many questions to the container engine wait",
                    .where = "inspect"});
}

} // namespace alula::actors
