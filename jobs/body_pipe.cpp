#include "jobs/body_pipe.hpp"

#include <algorithm>
#include <utility>

namespace alula::jobs {

void body_pipe::when_room(std::function<void()> call) {
  const std::scoped_lock lock{mutex_};
  room_ = std::move(call);
}

body_pipe::taken body_pipe::push(std::string_view bytes) {
  const std::scoped_lock lock{mutex_};
  if (abandoned_)
    return taken::abandoned;
  // What was read goes before more is added: the buffer stays bounded.
  if (from_ == held_.size()) {
    held_.clear();
    from_ = 0;
  } else if (from_ >= most_) {
    held_.erase(0, from_);
    from_ = 0;
  }
  held_ += bytes;
  changed_.notify_all();
  if (held_.size() - from_ < (is_read_ ? most_ : std::min(most_, unread)))
    return taken::more;
  was_full_ = true;
  return taken::full;
}

void body_pipe::finish() {
  const std::scoped_lock lock{mutex_};
  finished_ = true;
  changed_.notify_all();
}

void body_pipe::fail(fault why) {
  const std::scoped_lock lock{mutex_};
  if (!finished_ && !failed_)
    failed_ = std::move(why);
  changed_.notify_all();
}

void body_pipe::hang_up() {
  const std::scoped_lock lock{mutex_};
  hung_up_ = true;
}

bool body_pipe::is_hung_up() const {
  const std::scoped_lock lock{mutex_};
  return hung_up_;
}

result<std::size_t> body_pipe::read(std::span<char> into,
                                    std::stop_token stop) {
  std::function<void()> tell;
  std::size_t size = 0;
  {
    std::unique_lock lock{mutex_};
    is_read_ = true;
    const bool woken = changed_.wait(lock, stop, [this] {
      return from_ < held_.size() || finished_ || failed_;
    });
    // A body that will not be whole is of no use: no need to write its start.
    if (failed_)
      return *failed_;
    // A fast client always has something there: the wait alone never says so.
    if (!woken || stop.stop_requested())
      return fault{.code = fault_code::interrupted,
                   .what = "the upload was stopped in its body"};
    size = std::min(into.size(), held_.size() - from_);
    std::copy_n(held_.data() + from_, size, into.data());
    from_ += size;
    if (was_full_ && held_.size() - from_ <= most_ / 2) {
      was_full_ = false;
      tell = room_;
    }
  }
  if (tell)
    tell();
  return size;
}

void body_pipe::abandon() {
  std::function<void()> tell;
  {
    const std::scoped_lock lock{mutex_};
    if (std::exchange(abandoned_, true))
      return;
    held_ = {};
    from_ = 0;
    tell = std::exchange(room_, nullptr);
  }
  if (tell)
    tell();
}

void incoming_bodies::announce(std::string id,
                               std::shared_ptr<body_pipe> body) {
  const std::scoped_lock lock{mutex_};
  waiting_.insert_or_assign(std::move(id), std::move(body));
}

std::shared_ptr<body_pipe> incoming_bodies::take(std::string_view id) {
  const std::scoped_lock lock{mutex_};
  const auto found = waiting_.find(id);
  if (found == waiting_.end())
    return nullptr;
  auto body = std::move(found->second);
  waiting_.erase(found);
  return body;
}

} // namespace alula::jobs
