#include "jobs/kinds/installer_console.hpp"

#include "jobs/ports.hpp"

#include <utility>

namespace alula::jobs {

namespace {

constexpr std::size_t most_text = 8 * 1'024 * 1'024;
constexpr std::string_view gap = "(listened to anew: lines may be missing)\n";

} // namespace

installer_console::installer_console(audience& to, server_id server)
  : to_(to), server_(server) {}

void installer_console::line(std::string_view text) {
  const std::lock_guard guard{mutex_};
  if (!heard_)
    return;
  ++lines_;
  newest_ = text;
  if (std::exchange(anew_, false)) {
    text_ += gap;
    has_gap_ = true;
  }
  if (text_.size() + text.size() < most_text)
    (text_ += text) += '\n';
  to_.announce(server_, "install output", {std::string{text}});
}

void installer_console::ended() {
  const std::lock_guard guard{mutex_};
  over_ = true;
  changed_.notify_all();
}

void installer_console::hear_no_more() {
  const std::lock_guard guard{mutex_};
  heard_ = false;
}

std::int64_t installer_console::lines() const {
  const std::lock_guard guard{mutex_};
  return lines_;
}

std::string installer_console::text() const {
  const std::lock_guard guard{mutex_};
  return text_;
}

bool installer_console::has_gap() const {
  const std::lock_guard guard{mutex_};
  return has_gap_;
}

std::string installer_console::newest() const {
  const std::lock_guard guard{mutex_};
  return newest_;
}

bool installer_console::wait(std::stop_token stop,
                             std::chrono::milliseconds limit) {
  std::unique_lock lock{mutex_};
  return changed_.wait_for(lock, stop, limit, [&] { return over_; });
}

void installer_console::wake() {
  const std::lock_guard guard{mutex_};
  woken_ = true;
  changed_.notify_all();
}

void installer_console::listen(std::stop_token stop,
                               std::chrono::milliseconds limit) {
  std::unique_lock lock{mutex_};
  (void)changed_.wait_for(lock, stop, limit, [&] { return over_ || woken_; });
  woken_ = false;
}

void installer_console::rest(std::stop_token stop,
                             std::chrono::milliseconds time) {
  std::unique_lock lock{mutex_};
  (void)changed_.wait_for(lock, stop, time, [&] { return woken_; });
  woken_ = false;
}

void installer_console::listen_anew() {
  const std::lock_guard guard{mutex_};
  over_ = false;
  anew_ = true;
}

} // namespace alula::jobs
