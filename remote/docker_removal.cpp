#include "remote/docker_removal.hpp"

#include "jobs/log.hpp"
#include "jobs/rest.hpp"
#include "remote/docker_answers.hpp"
#include "remote/docker_signal.hpp"

#include <algorithm>
#include <utility>

namespace alula::remote {

using jobs::fault;
using jobs::fault_code;
using jobs::status;
using std::chrono::milliseconds;

namespace {

/// Less than this is not worth a call: it would time out and look like a hang.
constexpr milliseconds shortest_call{100};

/// dockerd takes the beginning of an id for the container itself; only text
/// that cannot be one is safe to act on without having seen whose it is.
bool may_be_part_of_id(std::string_view name) {
  constexpr std::size_t whole_id = 64;
  return name.size() != whole_id
         && name.find_first_not_of("0123456789abcdefABCDEF")
                == std::string_view::npos;
}

} // namespace

docker_removal::docker_removal(docker_api& api, const docker_settings& settings,
                               circuit_breaker::pass& pass,
                               std::string_view name_or_id,
                               std::stop_token stop)
  : api_(api), settings_(settings), pass_(pass), name_(name_or_id),
    stop_(std::move(stop)), end_(clock::now() + settings.removal),
    target_(name_or_id) {}

milliseconds docker_removal::left() const {
  return std::chrono::floor<milliseconds>(end_ - clock::now());
}

bool docker_removal::is_over() const {
  return left() < shortest_call;
}

fault docker_removal::took_too_long() const {
  return {fault_code::container_busy,
          "container " + name_ + " is still there after "
              + std::to_string(settings_.removal.count()) + " ms of removing it"
              + " (" + state_ + ")",
          "DELETE /containers/" + target_};
}

/// Waits a little, longer each time. A stop ends it; the next call says so.
void docker_removal::pause() {
  (void)jobs::rest(std::clamp(left(), milliseconds{}, pause_), stop_);
  pause_ = std::min(pause_ * 2, settings_.poll);
}

// -- calls -------------------------------------------------------------------

jobs::result<std::optional<jobs::container_info>> docker_removal::look() {
  auto seen =
      api_.inspect(target_, pass_, std::min(settings_.inspect, left()), stop_);
  if (seen && *seen) {
    state_ = (*seen)->status;
    up_ = (*seen)->running;
  }
  return seen;
}

jobs::result<http_answer> docker_removal::post(std::string_view verb) {
  return api_.run({"POST", "/containers/" + escape(target_) + std::string{verb},
                   std::min(settings_.kill, left()),
                   settings_.max_answer_bytes},
                  pass_, stop_);
}

jobs::result<docker_removal::removal_answer>
docker_removal::remove(bool by_force) {
  // v=1 takes the anonymous volumes along; named ones stay (C5, D3).
  auto answer = api_.run(
      {"DELETE",
       "/containers/" + escape(target_) + "?v=1" + (by_force ? "&force=1" : ""),
       left(), settings_.max_answer_bytes},
      pass_, stop_);
  if (!answer)
    return std::move(answer).error();
  if (is_success(*answer) || is_missing(*answer))
    return removal_answer{rung::gone, {}};
  if (is_removal_in_progress(*answer))
    return removal_answer{rung::in_progress, {}};
  return removal_answer{rung::refused, std::move(*answer)};
}

// -- rungs -------------------------------------------------------------------

/// False when there is nothing to remove.
jobs::result<bool> docker_removal::find() {
  auto seen = look();
  if (seen) {
    if (*seen)
      target_ = (*seen)->id;
    return seen->has_value();
  }
  // dockerd answers 500 for a container whose layer is broken, and removes it
  // nevertheless.
  if (seen.error().code == fault_code::container_busy
      && !may_be_part_of_id(name_))
    return true;
  return std::move(seen).error();
}

/// SIGKILL. An answer other than success is no reason to give up: removal says
/// what is really in the way.
status docker_removal::bring_down() {
  auto killed = signal_thawed(
      [this](std::string_view verb) { return post(verb); }, "KILL", false);
  if (!killed)
    return std::move(killed).error();
  if (is_out_of_service(*killed))
    return fault_of(*killed, "POST /containers/" + target_ + "/kill");
  return wait_until_down();
}

status docker_removal::wait_until_down() {
  const auto patience = std::min(end_, clock::now() + settings_.kill);
  while (up_ && clock::now() < patience && !is_over()) {
    auto seen = look();
    if (!seen)
      return std::move(seen).error();
    if (!*seen)
      return {};
    if (up_)
      pause();
  }
  return {};
}

/// While somebody else's removal is under way, waits for it; when that one gave
/// up, takes over.
jobs::result<docker_removal::removal_answer>
docker_removal::remove_and_wait(bool by_force) {
  for (;;) {
    auto removed = remove(by_force);
    if (!removed || removed->outcome != rung::in_progress)
      return removed;
    do {
      pause();
      if (is_over())
        return took_too_long();
      auto seen = look();
      if (!seen)
        return std::move(seen).error();
      if (!*seen)
        return removal_answer{rung::gone, {}};
      if (is_over())
        return took_too_long();
    } while (state_ == "removing");
  }
}

status docker_removal::run() {
  const auto found = find();
  if (!found)
    return found.error();
  if (!*found)
    return {};
  if (up_)
    if (auto down = bring_down(); !down)
      return down;
  if (is_over())
    return took_too_long();
  auto removed = remove_and_wait(false);
  // A mount that is busy now is often free on the next try; force would only
  // forget the container and leak it.
  if (removed && removed->outcome == rung::refused && !is_over()
      && (removed->answer.status == 409 || removed->answer.status >= 500)
      && !is_mount_busy(removed->answer)
      && !is_out_of_service(removed->answer)) {
    jobs::log(jobs::log_level::warning, "container-removal-forced",
              {{"container", name_},
               {"state", state_},
               {"reason", message_of(removed->answer)}});
    removed = remove_and_wait(true);
  }
  if (!removed)
    return std::move(removed).error();
  if (removed->outcome == rung::refused)
    return fault_of(removed->answer, "DELETE /containers/" + target_);
  return {};
}

} // namespace alula::remote
