#include "actors/server_keeper.hpp"

#include "actors/lasting_subscription.hpp"
#include "jobs/log.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <condition_variable>
#include <fstream>
#include <future>
#include <utility>

namespace alula::actors {

namespace {

using jobs::process_state;
using jobs::server_state;

constexpr std::string_view states_mark = "wings.states";

std::string power(std::string_view action, std::string_view cause) {
  // Neither holds anything that JSON would have to escape.
  return R"({"action":")" + std::string{action} + R"(","cause":")"
         + std::string{cause} + "\"}";
}

/// {"<uuid>": "<state>"}; what is none of it is left out.
std::map<std::string, std::string>
read_states(const std::filesystem::path& file) {
  std::map<std::string, std::string> out;
  std::ifstream in{file};
  const auto read = nlohmann::json::parse(in, nullptr, false);
  if (read.is_object())
    for (const auto& [uuid, state] : read.items())
      if (state.is_string())
        out[uuid] = state.get<std::string>();
  return out;
}

} // namespace

bool server_keeper::may_be_started(const jobs::server_record& server) {
  return server.state == server_state::active && !server.suspended
         && !server.transferring && server.quarantined_at == 0;
}

server_keeper::server_keeper(keeper_settings settings, jobs::engine& engine,
                             jobs::queries& queries, jobs::ledger& ledger,
                             jobs::containers& containers, process_board& board,
                             const jobs::clock& clock)
  : settings_(std::move(settings)), engine_(engine), queries_(queries),
    ledger_(ledger), containers_(containers), board_(board), clock_(clock),
    thread_("alula-keeper", 1, 0) {}

server_keeper::~server_keeper() {
  stop();
}

void server_keeper::stop() {
  stopping_.request_stop();
  ends_.end();
  alarms_.stop();
  thread_.stop();
}

void server_keeper::later(std::function<void()> what) {
  thread_.run([this, what = std::move(what)] {
    if (!stopping_.stop_requested())
      what();
  });
}

void server_keeper::settle() {
  std::mutex mutex;
  std::condition_variable done;
  bool is_done = false;
  const bool taken = thread_.run([&] {
    const std::scoped_lock lock{mutex};
    is_done = true;
    done.notify_all();
  });
  std::unique_lock lock{mutex};
  done.wait(lock, [&] { return is_done || !taken; });
}

void server_keeper::start() {
  begun_at_ = caught_up_at_ = clock_.now();
  board_.start({.crashed =
                    [this](const jobs::server_id& server,
                           const jobs::process_end& ended) {
                      later([this, server, ended] { crashed(server, ended); });
                    },
                .found_up =
                    [this](const jobs::server_id& server) {
                      later([this, server] { found_up(server); });
                    },
                .docker_away = [this] { later([this] { docker_away(); }); },
                .stop_typed =
                    [this](const jobs::server_id& server) {
                      later([this, server] { stop_typed(server); });
                    },
                .over_quota =
                    [this](const jobs::server_id& server) {
                      later([this, server] { over_quota(server); });
                    },
                .find =
                    [this](const jobs::server_id& id) {
                      return engine_.find_server(id);
                    }});
  ends_.begin(engine_, [this](const jobs::event_batch& batch) {
    for (const auto& e : batch.events)
      if (e->type == "job.succeeded" || e->type == "job.failed"
          || e->type == "job.cancelled")
        later([this, e] { job_ended(*e); });
    if (batch.lost)
      later([this] { catch_up(); });
  });
  look_for_servers();
}

/// Its thread does one thing after the other.
bool server_keeper::await_first_look(std::chrono::milliseconds limit) {
  const auto done = std::make_shared<std::promise<void>>();
  const auto looked = done->get_future();
  return thread_.run([done] { done->set_value(); })
         && looked.wait_for(limit) == std::future_status::ready;
}

void server_keeper::look_for_servers() {
  // As they are now: who is wished up from here on has a job that starts it.
  later([this, all = engine_.list_servers()] { take_up(all); });
}

// -- boot ---------------------------------------------------------------------

/// One call to Docker for all; without an answer everything that is wanted up
/// is submitted, and its job finds what runs already.
void server_keeper::take_up(const std::vector<jobs::server_ptr>& all) {
  std::vector<jobs::server_ptr> fresh;
  for (const auto& server : all)
    if (!seen_.contains(server->row) && server->state != server_state::deleting)
      fresh.push_back(server);
  if (fresh.empty())
    return;
  read_states_once();
  std::set<jobs::server_id> running;
  if (const auto listed = containers_.list(stopping_.get_token())) {
    for (const auto& info : *listed)
      if (const auto id = jobs::server_id::parse(info.name);
          id && info.running && engine_.find_server(*id))
        running.insert(*id);
    board_.note_running(running);
  }
  for (const auto& server : fresh) {
    if (stopping_.stop_requested())
      return; // thousands of looks at a Docker that is slow would hold a stop
    take_up_one(server, running.contains(server->uuid));
  }
}

void server_keeper::take_up_one(const jobs::server_ptr& server, bool runs) {
  if (server->state == server_state::creating)
    return; // its job tells when it is made
  seen_.insert(server->row);
  const bool imported = ran_under_wings(server->uuid);
  if (imported)
    amend({jobs::want_power{.up = true, .server = server->uuid}});
  const auto up = runs ? board_.take_over(*server) : jobs::result<bool>{false};
  if (up && *up)
    return;
  if (server->install == jobs::install_state::wanted)
    submit_install(*server);
  else if ((server->wanted_up || imported)
           && server->install != jobs::install_state::running
           && may_be_started(*server))
    queue_start(server->uuid, "boot");
}

/// The states Wings has left; from then on the ledger knows. A first boot
/// learns of its servers one by one, so they are kept for all of it.
void server_keeper::read_states_once() {
  if (std::exchange(states_read_, true) || settings_.states_file.empty())
    return;
  const auto known = queries_.list_schedules();
  if (!known
      || std::ranges::find(*known, states_mark, &jobs::schedule_entry::name)
             != known->end())
    return;
  states_ = read_states(settings_.states_file);
  jobs::log(jobs::log_level::info, "states-imported",
            {{"servers", states_.size()}});
  amend({jobs::set_schedule{std::string{states_mark}, clock_.now()}});
}

bool server_keeper::ran_under_wings(const jobs::server_id& server) const {
  const auto at = states_.find(server.to_string());
  return at != states_.end()
         && (at->second == "running" || at->second == "starting");
}

// -- starts, a few at a time --------------------------------------------------

bool server_keeper::is_in_queue(const jobs::server_id& server) const {
  return std::ranges::find(queue_, server, &wished_start::server)
         != queue_.end();
}

void server_keeper::queue_start(const jobs::server_id& server,
                                std::string cause) {
  if (!is_in_queue(server))
    queue_.push_back({server, std::move(cause)});
  start_next();
}

void server_keeper::start_next() {
  while (!queue_.empty()
         && submitting_ + starting_.size() < settings_.starts_at_once) {
    const auto wish = std::move(queue_.front());
    queue_.pop_front();
    ++submitting_;
    engine_.submit(
        {.kind = "server.power",
         .server = wish.server,
         .body = power("start", wish.cause)},
        [this, server = wish.server](const jobs::result<jobs::ticket>& got) {
          later([this, server, got] {
            --submitting_;
            if (!got)
              jobs::log(jobs::log_level::warning, "start-refused",
                        {{"server", server.view()}, {"why", got.error().what}});
            else if (const auto id = got->job->record().id; lives(id))
              has_begun(id);
            start_next();
          });
        });
  }
}

/// A Docker that hangs over one server keeps no other from being started. One
/// that is away keeps them all: its places are not given to others, who would
/// wait for it as well, and begin all at once when it is back.
void server_keeper::has_begun(const jobs::job_id& start) {
  starting_.insert(start);
  alarms_.arm(settings_.start_patience, [this, start] {
    later([this, start] {
      if (!starting_.contains(start))
        return;
      if (waits_for_docker(start))
        return has_begun(start);
      starting_.erase(start);
      jobs::log(jobs::log_level::warning, "start-not-awaited",
                {{"job", start.view()}});
      start_next();
    });
  });
}

void server_keeper::job_ended(const jobs::event& what) {
  if (what.kind == "server.power") {
    starting_.erase(what.job);
    start_next();
  }
  const bool well = what.type == "job.succeeded";
  // A create that was given up over its last steps has made a server as well.
  const bool made =
      what.kind == "server.create" || (well && what.kind == "server.undelete");
  if (const auto server = engine_.find_server(what.server);
      made && server && !seen_.contains(server->row)
      && server->state != server_state::deleting) {
    read_states_once();
    take_up_one(server, true);
  }
  if (!well) {
    if (what.kind == "server.install")
      ended_in_line(what.job, "begin");
    if (what.kind == "server.reinstall")
      reinstall_failed(what.job);
    if (what.kind == "server.transfer")
      // From its own stop on it starts the server again itself.
      ended_in_line(what.job, "stop");
    return;
  }
  if (what.kind != "server.install")
    return;
  const auto server = engine_.find_server(what.server);
  if (server && server->wanted_up && may_be_started(*server))
    queue_start(server->uuid, "installed");
}

/// Ends of jobs were told and not heard: what they would have led to is seen
/// by how the servers are now. One that a job decides about is left to its end,
/// and if that is missed as well, to the next look.
void server_keeper::catch_up() {
  const auto last_look = std::exchange(caught_up_at_, clock_.now());
  const auto left_before = std::exchange(left_to_ends_, {});
  std::erase_if(starting_, [this](const auto& id) { return !lives(id); });
  const auto all = engine_.list_servers();
  take_up(all); // those that were made meanwhile
  for (const auto& server : all) {
    const auto left = left_before.find(server->uuid);
    const auto since = left == left_before.end() ? last_look : left->second;
    const bool wants_install = server->install == jobs::install_state::wanted;
    const bool was_installed = server->install == jobs::install_state::done
                               && server->installed_at >= since;
    const bool wants_start =
        server->wanted_up && may_be_started(*server) && was_installed
        && board_.state(server->uuid) == jobs::process_state::offline;
    const bool may_be_left =
        server->wanted_up && server->install == jobs::install_state::failed;
    if (server->state != server_state::active
        || (!wants_install && !wants_start && !may_be_left))
      continue;
    if (is_left_to_an_end(server->uuid))
      left_to_ends_[server->uuid] = since;
    else if (wants_install)
      submit_install(*server);
    else if (wants_start)
      queue_start(server->uuid, "installed");
    else
      start_if_left_by_reinstall(server->uuid);
  }
  start_next();
}

/// One that nobody remembers has ended long ago.
bool server_keeper::lives(const jobs::job_id& job) const {
  const auto view = engine_.peek(job);
  return view && !view->record().is_done();
}

bool server_keeper::waits_for_docker(const jobs::job_id& job) const {
  const auto view = engine_.peek(job);
  return view && view->record().state == jobs::job_state::retry_wait
         && view->record().reason == "DockerUnavailable";
}

// -- what goes wrong ----------------------------------------------------------

/// Whoever is suspended does not run, however he came to: over a restart of the
/// node, while dockerd was away, or by somebody's hand.
void server_keeper::found_up(const jobs::server_id& id) {
  const auto server = engine_.find_server(id);
  if (server && server->suspended && server->state == server_state::active)
    submit("server.sync", id, R"({"cause":"suspended"})");
}

/// A boot must not start it again.
void server_keeper::stop_typed(const jobs::server_id& id) {
  const auto server = engine_.find_server(id);
  if (server && server->wanted_up)
    amend({jobs::want_power{.up = false, .server = id}});
}

void server_keeper::over_quota(const jobs::server_id& server) {
  jobs::log(jobs::log_level::warning, "server-over-quota",
            {{"server", server.view()}});
  amend({jobs::want_power{.up = false, .server = server}}, [this, server] {
    submit("server.power", server, power("stop", "disk"));
  });
}

// -- the engine and the ledger ------------------------------------------------

/// Should it fail, the wish to start the server is taken back, and the job
/// alone knows of it: whoever tries it again does not have to say it again.
void server_keeper::submit_install(const jobs::server_record& server) {
  submit("server.install", server.uuid,
         server.wanted_up ? R"({"start_on_completion":true})" : "");
}

void server_keeper::submit(std::string_view kind, const jobs::server_id& server,
                           std::string body) {
  engine_.submit({.kind = kind, .server = server, .body = std::move(body)},
                 [kind = std::string{kind},
                  server](const jobs::result<jobs::ticket>& ticket) {
                   if (!ticket)
                     jobs::log(jobs::log_level::warning, "chore-refused",
                               {{"kind", kind},
                                {"server", server.view()},
                                {"why", ticket.error().what}});
                 });
}

/// `then` runs on the keeper's thread, once it is on disk.
void server_keeper::amend(std::vector<jobs::change> what,
                          std::function<void()> then) {
  ledger_.amend(std::move(what),
                [this, then = std::move(then)](const jobs::status& kept) {
                  if (!kept)
                    jobs::log(jobs::log_level::warning, "wish-unkept",
                              {{"why", kept.error().what}});
                  else if (then)
                    later(then);
                });
}

} // namespace alula::actors
