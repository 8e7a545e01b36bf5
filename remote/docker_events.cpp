#include "remote/docker_events.hpp"

#include "jobs/log.hpp"
#include "remote/docker_json.hpp"
#include "remote/docker_text.hpp"
#include "remote/http_client.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <ctime>
#include <utility>

namespace alula::remote {

using nlohmann::json;
using std::chrono::milliseconds;

namespace {

/// Beyond it the listener looks at everything instead.
constexpr std::size_t most_calls = 4'096;
constexpr std::size_t calls_at_once = 64;
/// All labels of the container are in an event.
constexpr std::size_t longest_event = std::size_t{1} << 20;

constexpr const char* wanted =
    R"({"type":["container"],"event":["create","start","die","oom","kill",)"
    R"("stop","destroy","pause","unpause","restart","rename","update",)"
    R"("health_status"]})";

} // namespace

std::optional<docker_event> read_event(std::string_view text) {
  const auto record = json::parse(text, nullptr, /* allow_exceptions */ false);
  if (!record.is_object() || text_at(record, "Type") != "container")
    return std::nullopt;
  docker_event event;
  event.what = text_at(record, "Action");
  if (const auto actor = record.find("Actor");
      actor != record.end() && actor->is_object()) {
    event.id = text_at(*actor, "ID");
    if (const auto more = actor->find("Attributes");
        more != actor->end() && more->is_object())
      event.name = text_at(*more, "name");
  }
  if (event.what.empty() || event.id.empty())
    return std::nullopt;
  return event;
}

// -- box ---------------------------------------------------------------------

void event_box::put(call what) {
  const std::lock_guard guard{mutex_};
  if (calls_.size() >= most_calls) {
    calls_.clear();
    calls_.emplace_back([](auto& listener) { listener.missed(); });
    return;
  }
  calls_.push_back(std::move(what));
}

void event_box::put(docker_event event) {
  put([one = std::move(event)](jobs::container_event_listener& listener) {
    listener.changed(one.name, one.id, one.what);
  });
}

void event_box::put_missed() {
  put([](jobs::container_event_listener& listener) { listener.missed(); });
}

void event_box::put_away(jobs::fault why) {
  put([fault = std::move(why)](jobs::container_event_listener& listener) {
    listener.away(fault);
  });
}

bool event_box::hand_on() {
  for (std::size_t i = 0; i < calls_at_once; ++i) {
    call next;
    {
      const std::lock_guard guard{mutex_};
      if (calls_.empty())
        return false;
      next = std::move(calls_.front());
      calls_.pop_front();
    }
    if (!is_silent_)
      next(*listener_);
  }
  return true;
}

// -- streams -----------------------------------------------------------------

class event_watch::events final : public stream_loop::sink {
public:
  explicit events(std::shared_ptr<event_watch> owner)
    : owner_(std::move(owner)) {}
  void opened() override {
    is_open_ = true;
    owner_->opened();
  }
  bool take(std::string_view bytes) override {
    if (is_over_)
      return false;
    if (!records_.feed(bytes, [&](auto record) { owner_->take(record); })) {
      const auto id = owner_->events_id_.load();
      owner_->loop_.close(id);
      closed({});
      return false;
    }
    return true;
  }
  /// The loop says it as well when the stream ends before it is closed: one
  /// stream is followed by one other.
  void closed(const stream_loop::ending& why) override {
    if (!std::exchange(is_over_, true))
      owner_->closed(is_open_, why);
  }

private:
  const std::shared_ptr<event_watch> owner_;
  record_cutter records_{longest_event};
  bool is_open_ = false;
  bool is_over_ = false;
};

class event_watch::pong final : public stream_loop::sink {
public:
  explicit pong(std::shared_ptr<event_watch> owner)
    : owner_(std::move(owner)) {}
  bool take(std::string_view) override { return true; }
  void closed(const stream_loop::ending& how) override { owner_->ponged(how); }

private:
  const std::shared_ptr<event_watch> owner_;
};

// -- watch -------------------------------------------------------------------

event_watch::event_watch(
    stream_loop& loop, delivery& deliveries, settings given,
    std::shared_ptr<jobs::container_event_listener> listener)
  : loop_(loop), deliveries_(deliveries), settings_(std::move(given)),
    box_(std::make_shared<event_box>(std::move(listener))),
    pause_(settings_.first_pause) {}

void event_watch::later(milliseconds time, void (event_watch::*what)()) {
  loop_.after(time, [self = shared_from_this(), what] {
    if (!self->is_stopped_)
      ((*self).*what)();
  });
}

void event_watch::start() {
  later(milliseconds{0}, &event_watch::open);
  later(settings_.ping, &event_watch::ping);
}

void event_watch::stop() {
  is_stopped_ = true;
  box_->silence();
  loop_.close(events_id_);
  loop_.close(ping_id_);
}

void event_watch::open() {
  events_id_ = loop_.new_id();
  // dockerd answers a little before it listens: what is said in between is
  // asked for by its time.
  const auto query = "since=" + std::to_string(std::time(nullptr) - 1)
                     + "&filters=" + escape(wanted);
  loop_.open(events_id_,
             {"GET /events?" + query + " HTTP/1.1\r\nHost: docker\r\n\r\n",
              settings_.limit},
             std::make_shared<events>(shared_from_this()));
  if (is_stopped_) // in between
    loop_.close(events_id_);
}

void event_watch::opened() {
  has_stream_ = true;
  is_hung_ = false;
  pause_ = settings_.first_pause;
  tell_back();
}

void event_watch::closed(bool was_open, const stream_loop::ending& why) {
  if (is_stopped_)
    return;
  has_stream_ = false;
  // A dockerd that restarts, or cut the stream, may be back at once.
  if (!was_open)
    tell_away(why);
  later(pause_, &event_watch::open);
  pause_ = std::min(pause_ * 2, settings_.longest_pause);
}

void event_watch::ping() {
  ping_id_ = loop_.new_id();
  loop_.open(ping_id_,
             {"GET /_ping HTTP/1.1\r\nHost: docker\r\n\r\n", settings_.limit},
             std::make_shared<pong>(shared_from_this()));
}

void event_watch::ponged(const stream_loop::ending& how) {
  if (is_stopped_)
    return;
  using reason = stream_loop::ending::reason;
  if (how.why == reason::timed_out) {
    is_hung_ = true;
    tell_away(how);
  } else if (std::exchange(is_hung_, false) && has_stream_) {
    tell_back();
  }
  later(is_hung_ ? pause_ : settings_.ping, &event_watch::ping);
}

void event_watch::tell_away(const stream_loop::ending& why) {
  if (std::exchange(is_away_, true))
    return;
  auto fault = settings_.explain(why);
  jobs::log(jobs::log_level::warning, "docker-away", {{"why", fault.what}});
  box_->put_away(std::move(fault));
  deliveries_.wake(box_);
}

void event_watch::tell_back() {
  if (std::exchange(is_away_, false))
    jobs::log(jobs::log_level::info, "docker-back");
  box_->put_missed();
  deliveries_.wake(box_);
}

void event_watch::take(std::string_view record) {
  auto event = read_event(record);
  if (!event || is_stopped_)
    return;
  box_->put(*std::move(event));
  deliveries_.wake(box_);
}

} // namespace alula::remote
