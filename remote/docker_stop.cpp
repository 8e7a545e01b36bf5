#include "remote/docker_stop.hpp"

#include "jobs/end_watch.hpp"
#include "jobs/log.hpp"
#include "remote/docker_answers.hpp"
#include "remote/docker_signal.hpp"

#include <algorithm>
#include <utility>

namespace alula::remote {

using jobs::fault;
using jobs::fault_code;
using jobs::result;
using jobs::status;
using std::chrono::milliseconds;

docker_stop::docker_stop(jobs::containers& docker, docker_link& link,
                         std::string_view name_or_id, std::stop_token stop)
  : docker_(docker), api_(link.api), settings_(link.settings),
    circuits_(link.circuits), name_(name_or_id), stop_(std::move(stop)),
    target_(name_or_id) {}

// -- calls -------------------------------------------------------------------

/// A container between two runs is not down: dockerd is about to start it.
status docker_stop::look() {
  auto pass = circuits_.enter(name_, stop_);
  if (!pass)
    return std::move(pass).error();
  auto seen = api_.inspect(target_, *pass, settings_.inspect, stop_);
  if (!seen)
    return std::move(seen).error();
  up_ = false;
  if (*seen) {
    target_ = (*seen)->id;
    state_ = (*seen)->status;
    up_ = (*seen)->running || state_ == "paused" || state_ == "restarting";
  }
  return {};
}

result<http_answer> docker_stop::post(const std::string& verb) {
  auto pass = circuits_.enter(name_, stop_);
  if (!pass)
    return std::move(pass).error();
  return api_.run({"POST", "/containers/" + escape(target_) + verb,
                   settings_.kill, settings_.max_answer_bytes},
                  *pass, stop_);
}

/// Waits a little, longer each time, unless Docker says that the container has
/// ended. A stop ends it; the next call says so.
void docker_stop::pause(clock::time_point end) {
  const auto left = std::chrono::ceil<milliseconds>(end - clock::now());
  {
    std::unique_lock lock{mutex_};
    changed_.wait_for(lock, stop_, std::clamp(left, milliseconds{}, pause_),
                      [this] { return woken_; });
    woken_ = false;
  }
  pause_ = std::min(pause_ * 2, settings_.poll);
}

void docker_stop::wake() {
  const std::lock_guard guard{mutex_};
  woken_ = true;
  changed_.notify_all();
}

// -- rungs -------------------------------------------------------------------

/// Looks at least once, so that what ended with the call before is seen.
status docker_stop::wait_until_down(milliseconds patience) {
  const auto begin = clock::now();
  // A grace of centuries must not overflow the clock.
  const auto end =
      begin + std::min<milliseconds>(patience, std::chrono::hours{24 * 365});
  pause_ = milliseconds{20};
  jobs::end_watch watch{docker_, target_, [this] { wake(); }};
  for (;;) {
    if (auto seen = look(); !seen)
      return seen;
    if (!up_ || clock::now() >= end)
      return {};
    watch.seen_running(std::chrono::ceil<milliseconds>(end - clock::now()));
    pause(end);
  }
}

/// An answer other than a final no is no reason to give up: the kill says what
/// is really in the way.
status docker_stop::ask(std::string_view signal) {
  std::string word{signal};
  if (word.empty()) {
    auto pass = circuits_.enter(name_, stop_);
    if (!pass)
      return std::move(pass).error();
    auto own = api_.stop_signal(target_, *pass, settings_.inspect, stop_);
    if (!own)
      return std::move(own).error();
    word = *std::move(own);
  }
  const bool was_paused = state_ == "paused";
  auto sent = post("/kill?signal=" + escape(word));
  if (!sent)
    return std::move(sent).error();
  const bool is_refused = sent->status >= 400 && sent->status < 500
                          && sent->status != 409 && !is_missing(*sent);
  if (is_refused || is_out_of_service(*sent))
    return fault_of(*sent, "POST /containers/" + target_ + "/kill");
  // What is frozen cannot obey; daemons before 17.12 do not even tell it. That
  // it runs by now is fine.
  if (was_paused || is_paused(*sent)) {
    const bool is_told = !is_paused(*sent);
    if (auto thawed = post("/unpause"); !thawed)
      return std::move(thawed).error();
    if (!is_told)
      if (auto again = post("/kill?signal=" + escape(word)); !again)
        return std::move(again).error();
  }
  return {};
}

status docker_stop::kill() {
  auto killed = signal_thawed(
      [this](const std::string& verb) { return post(verb); }, "KILL", false);
  if (!killed)
    return std::move(killed).error();
  if (is_out_of_service(*killed))
    return fault_of(*killed, "POST /containers/" + target_ + "/kill");
  if (auto waited = wait_until_down(settings_.kill); !waited || !up_)
    return waited;
  auto what =
      "container " + name_ + " still runs after it was killed (" + state_ + ")";
  if (!is_success(*killed))
    what += ": " + message_of(*killed);
  return fault{fault_code::container_busy, std::move(what),
               "POST /containers/" + target_ + "/kill"};
}

status docker_stop::run(std::string_view signal, milliseconds grace) {
  if (auto seen = look(); !seen || !up_)
    return seen;
  if (auto asked = ask(signal); !asked)
    return asked;
  if (auto waited = wait_until_down(grace); !waited || !up_)
    return waited;
  jobs::log(jobs::log_level::warning, "container-stop-killed",
            {{"container", name_},
             {"state", state_},
             {"grace_ms", std::to_string(grace.count())}});
  return kill();
}

} // namespace alula::remote
