#include "http/event_session.hpp"

#include "http/event_text.hpp"
#include "http/scopes.hpp"

#include <utility>

namespace alula::http {

event_session::event_session(jobs::engine& engine,
                             const event_stream_settings& settings,
                             std::shared_ptr<stream> out, event_start how)
  : engine_(engine), settings_(settings), out_(std::move(out)),
    how_(std::move(how)), cursor_(how_.cursor) {}

void event_session::run() {
  // With its first id, a client that is cut off before its first event comes
  // back without having missed any.
  const auto id =
      how_.tells ? "id: " + std::to_string(cursor_) + '\n' : std::string{};
  if (!write(id + "retry: 3000\n\n"))
    return;
  auto subscription = engine_.subscribe(
      how_.filter, [weak = weak_from_this()](const jobs::event_batch& batch) {
        if (const auto self = weak.lock())
          self->take(batch);
      });
  {
    const std::lock_guard lock{mutex_};
    // It may have been lost, and the stream closed, before we hold it.
    if (state_ != state::closed)
      subscription_ = std::move(subscription);
  }
  read_on();
}

void event_session::beat() {
  write(": still here\n\n");
}

void event_session::close() {
  std::unique_ptr<jobs::subscription> ended; // outlives the lock
  const std::lock_guard lock{mutex_};
  close_locked();
  ended = std::move(subscription_);
}

bool event_session::is_closed() const {
  const std::lock_guard lock{mutex_};
  return state_ == state::closed || !out_->is_open();
}

// -- reading the log ----------------------------------------------------------

void event_session::read_on() {
  engine_.events_after(
      cursor_, how_.filter, settings_.page,
      [self = shared_from_this()](const jobs::result<jobs::event_page>& page) {
        if (!page)
          return self->close();
        self->replay(*page);
      });
}

void event_session::replay(const jobs::event_page& page) {
  const bool foreign = cursor_ > page.last_seq;
  if (how_.resumes && (page.truncated || foreign) && !was_reset_)
    return reset(page.last_seq);
  std::string text;
  for (const auto& e : page.items)
    if (replayed_ + text.size() < settings_.most_replayed)
      add(text, e);
  replayed_ += text.size();
  if (!text.empty() && !write(std::move(text)))
    return;
  if (ended_)
    return close();
  if (replayed_ >= settings_.most_replayed) {
    write("retry: 100\n\n");
    return close();
  }
  if (page.items.size() == settings_.page)
    return read_on();
  how_.ends ? end(page.last_seq) : go_live();
}

/// The job ended, and its last event is not in the log any more.
void event_session::end(std::int64_t last_seq) {
  was_reset_ ? close() : reset(last_seq);
}

/// What the client missed cannot be told; what is now can.
void event_session::reset(std::int64_t seq) {
  was_reset_ = true;
  cursor_ = seq;
  how_.filter.job.empty() ? reset_all() : reset_job();
}

void event_session::reset_job() {
  engine_.find(
      how_.filter.job,
      [self = shared_from_this()](const jobs::result<jobs::job_view_ptr>& job) {
        if (!job)
          return self->close();
        self->how_.ends |= (*job)->record().is_done();
        self->send_reset({*job}, false);
      });
}

void event_session::reset_all() {
  jobs::job_filter live;
  live.server = how_.filter.server;
  live.kind = how_.filter.kind;
  live.done = false;
  engine_.list(live, 0, settings_.snapshot,
               [self = shared_from_this()](
                   const jobs::result<jobs::engine::page>& page) {
                 if (!page)
                   return self->close();
                 auto items = page->items;
                 std::erase_if(items, [&](const jobs::job_view_ptr& job) {
                   return !self->shows(job->record());
                 });
                 self->send_reset(items, page->next_before != 0);
               });
}

void event_session::send_reset(const std::vector<jobs::job_view_ptr>& jobs,
                               bool has_more) {
  if (write(reset_text(cursor_, jobs, has_more, settings_.most_replayed)))
    read_on();
}

// -- live ---------------------------------------------------------------------

void event_session::go_live() {
  bool over = false;
  {
    const std::lock_guard lock{mutex_};
    if (state_ == state::closed)
      return;
    state_ = state::live;
    std::string text;
    for (const auto& e : meanwhile_)
      add(text, *e);
    meanwhile_.clear();
    over = (!text.empty() && !write_locked(std::move(text))) || ended_;
  }
  if (over)
    close();
}

void event_session::take(const jobs::event_batch& batch) {
  // Cut off for being slow, or too much came while the log was read: the
  // client comes back with its cursor and misses nothing.
  bool over = batch.lost;
  {
    const std::lock_guard lock{mutex_};
    if (state_ == state::closed)
      return;
    if (state_ == state::replaying) {
      meanwhile_.insert(meanwhile_.end(), batch.events.begin(),
                        batch.events.end());
      over |= meanwhile_.size() > settings_.most_meanwhile;
    } else {
      over |= !write_live(batch);
    }
  }
  if (over)
    close();
}

/// False when the stream is to be closed. With the lock held.
bool event_session::write_live(const jobs::event_batch& batch) {
  std::string text;
  for (const auto& e : batch.events)
    add(text, *e);
  for (const auto& job : batch.progress)
    if (!job->record().is_done() && !ended_ && shows(job->record()))
      text += progress_text(*job);
  const bool open = text.empty() || write_locked(std::move(text));
  return open && !ended_;
}

// -- writing ------------------------------------------------------------------

bool event_session::shows(const jobs::job_record& job) const {
  return !how_.who || sees_job(*how_.who, job);
}

/// Appends an event the client has not seen, and nothing behind a job's last.
void event_session::add(std::string& text, const jobs::event& e) {
  if (e.seq <= cursor_ || ended_)
    return;
  cursor_ = e.seq;
  if (how_.who && !sees_event(*how_.who, e))
    return;
  text += event_text(e);
  ended_ = !how_.filter.job.empty() && is_last_event(e.type);
}

bool event_session::write(std::string text) {
  std::unique_ptr<jobs::subscription> ended; // outlives the lock
  const std::lock_guard lock{mutex_};
  const bool open = write_locked(std::move(text));
  if (!open)
    ended = std::move(subscription_);
  return open;
}

bool event_session::write_locked(std::string text) {
  if (state_ == state::closed)
    return false;
  if (out_->write(std::move(text)))
    return true;
  close_locked();
  return false;
}

void event_session::close_locked() {
  state_ = state::closed;
  meanwhile_.clear();
  out_->close();
}

} // namespace alula::http
