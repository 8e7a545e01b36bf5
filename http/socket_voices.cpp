// The part of the hub that speaks: announcements with their numbers, and how
// jobs go on.
#include "http/socket_hub.hpp"
#include "http/socket_jobs.hpp"

#include <utility>

namespace alula::http {

// -- announcements -----------------------------------------------------------

socket_hub::voice_ptr socket_hub::voice_of(const jobs::server_id& server) {
  const std::lock_guard lock{mutex_};
  return take_voice(server);
}

/// For what only those in the room hear: of a server that was deleted since
/// they were looked up there is to be no voice again.
socket_hub::voice_ptr socket_hub::voice_in_room(const jobs::server_id& server) {
  const std::lock_guard lock{mutex_};
  return rooms_.contains(server) ? take_voice(server) : nullptr;
}

/// With the lock held.
socket_hub::voice_ptr socket_hub::take_voice(const jobs::server_id& server) {
  constexpr std::size_t most = 20'000; // of servers that were here and are not
  if (voices_.size() >= most && !voices_.contains(server))
    std::erase_if(voices_, [this](const auto& each) {
      return !rooms_.contains(each.first);
    });
  auto& found = voices_[server];
  if (!found) {
    found = std::make_shared<voice>();
    found->seq = first_seq_;
  }
  return found;
}

socket_hub::voice_ptr
socket_hub::find_voice(const jobs::server_id& server) const {
  const std::lock_guard lock{mutex_};
  const auto found = voices_.find(server);
  return found == voices_.end() ? nullptr : found->second;
}

std::vector<socket_hub::session_ptr>
socket_hub::members_of(const jobs::server_id& server) const {
  std::vector<session_ptr> out;
  const std::lock_guard lock{mutex_};
  const auto found = rooms_.find(server);
  if (found == rooms_.end())
    return out;
  const auto& [members, guests] = found->second;
  out.reserve(members.size() - guests.size());
  for (const auto& [id, session] : members)
    if (!guests.contains(id))
      out.push_back(session);
  return out;
}

void socket_hub::announce(const jobs::server_id& server, std::string_view event,
                          const std::vector<std::string>& args) {
  constexpr std::size_t most_kept = 64;
  const auto speaker = voice_of(server);
  // One at a time, so that all hear the same order.
  const std::lock_guard speaking{speaker->mutex};
  const auto seq = ++speaker->seq;
  const auto listeners = members_of(server);
  const bool is_kept = is_completion(event);
  if (listeners.empty() && !is_kept)
    return;
  const broadcast message{render_message(event, args, seq),
                          permission_to_receive(event), seq};
  if (is_kept) {
    speaker->completions.push_back(message);
    if (speaker->completions.size() > most_kept)
      speaker->completions.pop_front();
  }
  for (const auto& session : listeners)
    session->deliver(message);
}

std::vector<broadcast>
socket_hub::completions_after(const jobs::server_id& server,
                              std::int64_t seq) const {
  const auto speaker = find_voice(server);
  std::vector<broadcast> out;
  if (!speaker)
    return out;
  const std::lock_guard speaking{speaker->mutex};
  for (const auto& message : speaker->completions)
    if (message.seq > seq)
      out.push_back(message);
  return out;
}

std::int64_t socket_hub::last_seq(const jobs::server_id& server) const {
  const auto speaker = find_voice(server);
  if (!speaker)
    return first_seq_;
  const std::lock_guard speaking{speaker->mutex};
  return speaker->seq;
}

// -- jobs --------------------------------------------------------------------

void socket_hub::follow(jobs::engine& engine) {
  {
    const std::lock_guard lock{following_};
    followed_ = &engine;
  }
  follow_again();
}

void socket_hub::follow_again() {
  std::unique_ptr<jobs::subscription> before; // ends without the lock
  const std::lock_guard lock{following_};
  if (!followed_)
    return;
  before = std::move(news_);
  news_ = followed_->subscribe(
      {}, [this](const jobs::event_batch& batch) { hear(batch); });
}

void socket_hub::hear(const jobs::event_batch& batch) {
  jobs::engine* engine = nullptr;
  {
    const std::lock_guard lock{following_};
    engine = followed_;
  }
  if (!engine)
    return;
  for (const auto& job : batch.progress)
    tell_job(*job);
  std::set<jobs::job_id> told; // once per batch: only the newest counts
  for (const auto& event : batch.events)
    if (!event->job.empty() && !event->server.empty()
        && event->type.starts_with("job.") && told.insert(event->job).second)
      if (const auto job = engine->peek(event->job))
        tell_job(*job);
  if (!batch.lost)
    return;
  // Too slow, and cut off: what was not heard is looked up.
  follow_again();
  for (const auto& session : sessions())
    if (session->follows_jobs())
      session->send_jobs();
}

/// Numbered as announcements are, but not while nobody follows: a server that
/// is only backed up at night needs no voice for that.
void socket_hub::tell_job(const jobs::job_view& job) {
  const auto& record = job.record();
  if (record.server.empty())
    return;
  auto followers = members_of(record.server);
  std::erase_if(followers,
                [](const auto& each) { return !each->follows_jobs(); });
  if (followers.empty())
    return;
  const auto speaker = voice_in_room(record.server);
  if (!speaker)
    return;
  const std::lock_guard speaking{speaker->mutex};
  const auto seq = ++speaker->seq;
  const broadcast whole{
      render_message("job progress", {present_job(job, true)}, seq),
      permission_for_job(record.kind), seq};
  const auto plain =
      record.error
          ? render_message("job progress", {present_job(job, false)}, seq)
          : whole.frame;
  for (const auto& session : followers)
    session->deliver_job(record, whole, plain);
}

} // namespace alula::http
