#include "remote/docker_console_box.hpp"

namespace alula::remote {

namespace {

/// What a listener may be behind before its container waits.
constexpr std::size_t longest_backlog = std::size_t{1} << 20;
/// Lines handed on before another listener has its turn.
constexpr std::size_t lines_at_once = 64;

} // namespace

bool console_box::put(std::string_view line) {
  const std::lock_guard guard{mutex_};
  if (is_silent_)
    return true;
  lines_.emplace_back(line);
  bytes_ += line.size();
  is_full_ = is_full_ || bytes_ > longest_backlog;
  return !is_full_;
}

void console_box::put(const jobs::resource_sample& sample) {
  const std::lock_guard guard{mutex_};
  sample_ = sample;
}

void console_box::end() {
  const std::lock_guard guard{mutex_};
  has_ended_ = true;
}

void console_box::silence() {
  const std::lock_guard guard{mutex_};
  is_silent_ = true;
  lines_.clear();
  sample_.reset();
}

console_box::batch console_box::take_some() {
  const std::lock_guard guard{mutex_};
  batch some;
  while (!lines_.empty() && some.lines.size() < lines_at_once) {
    bytes_ -= lines_.front().size();
    some.lines.push_back(std::move(lines_.front()));
    lines_.pop_front();
  }
  some.sample = std::exchange(sample_, std::nullopt);
  some.has_more = !lines_.empty();
  some.has_ended = has_ended_ && lines_.empty();
  some.has_room = is_full_ && bytes_ < longest_backlog / 2;
  if (some.has_room)
    is_full_ = false;
  return some;
}

bool console_box::hand_on() {
  auto some = take_some();
  for (const auto& line : some.lines)
    if (!is_silent_)
      listener_->line(line);
  if (some.sample && !is_silent_)
    listener_->sample(*some.sample);
  if (some.has_ended && !is_silent_.exchange(true))
    listener_->ended();
  if (some.has_room)
    loop_.resume(source_);
  return some.has_more;
}

} // namespace alula::remote
