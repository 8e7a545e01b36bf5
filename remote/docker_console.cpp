#include "remote/docker_console.hpp"

#include "jobs/log.hpp"
#include "remote/docker_answers.hpp"
#include "remote/docker_stats.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace alula::remote {

namespace {

/// What a container may leave unread.
constexpr std::size_t longest_input = std::size_t{1} << 20;
/// One record of the stats; each network interface has its own numbers in it.
constexpr std::size_t longest_stats = std::size_t{1} << 20;

} // namespace

// -- streams -----------------------------------------------------------------

class console::output final : public stream_loop::sink {
public:
  explicit output(std::shared_ptr<console> owner) : owner_(std::move(owner)) {}

  std::future<std::optional<stream_loop::ending>> answer() {
    return answer_.get_future();
  }
  void opened() override {
    is_open_ = true;
    answer_.set_value(std::nullopt);
  }
  bool take(std::string_view bytes) override { return owner_->take(bytes); }
  void sent(std::size_t bytes) override { owner_->unread_ -= bytes; }
  void closed(const stream_loop::ending& why) override {
    if (!is_open_)
      answer_.set_value(why);
    else
      owner_->finish();
  }

private:
  const std::shared_ptr<console> owner_;
  std::promise<std::optional<stream_loop::ending>> answer_;
  bool is_open_ = false;
};

class console::stats final : public stream_loop::sink {
public:
  explicit stats(std::shared_ptr<console> owner) : owner_(std::move(owner)) {}

  bool take(std::string_view bytes) override {
    const auto& box = owner_->box_;
    const bool makes_sense = records_.feed(bytes, [&](std::string_view record) {
      if (const auto sample = read_stats(record)) {
        box->put(*sample);
        owner_->at_.deliveries.wake(box);
      }
    });
    return makes_sense; // else asked for no more
  }
  /// They end with the container, with dockerd, or for no reason.
  void closed(const stream_loop::ending& why) override {
    if (owner_->is_over_)
      return;
    if (why.why == stream_loop::ending::reason::refused
        && is_missing(why.answer))
      return owner_->finish(); // the console of what never ran stays open
    owner_->at_.loop.after(owner_->at_.stats_pause,
                           [owner = owner_] { owner->open_stats(); });
  }

private:
  const std::shared_ptr<console> owner_;
  record_cutter records_{longest_stats};
};

// -- console -----------------------------------------------------------------

console::console(place at, container of,
                 std::shared_ptr<jobs::container_listener> listener)
  : at_(std::move(at)), of_(std::move(of)),
    box_(std::make_shared<console_box>(std::move(listener), at_.loop)) {}

std::optional<stream_loop::ending> console::open() {
  auto sink = std::make_shared<output>(shared_from_this());
  auto answer = sink->answer();
  output_id_ = at_.loop.new_id();
  box_->set_source(output_id_);
  at_.loop.open(output_id_,
                {"POST " + at_.prefix + "/containers/" + escape(of_.id)
                     + "/attach?stdin=1&stdout=1&stderr=1&stream=1 HTTP/1.1\r\n"
                       "Host: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n"
                       "Content-Length: 0\r\n\r\n",
                 at_.limit},
                std::move(sink));
  return answer.get();
}

void console::wake() {
  if (has_begun_)
    at_.deliveries.wake(box_);
}

void console::begin() {
  has_begun_ = true;
  wake();
  open_stats();
}

void console::open_stats() {
  if (is_over_)
    return;
  stats_id_ = at_.loop.new_id();
  at_.loop.open(stats_id_,
                {"GET " + at_.prefix + "/containers/" + escape(of_.id)
                     + "/stats?stream=1 HTTP/1.1\r\n"
                       "Host: docker\r\n\r\n",
                 at_.limit},
                std::make_shared<stats>(shared_from_this()));
  if (is_over_) // in between
    at_.loop.close(stats_id_);
}

/// On the loop's thread.
bool console::take(std::string_view bytes) {
  bool has_room = true;
  const auto put = [&](std::string_view line) {
    has_room = box_->put(line) && has_room;
  };
  bool makes_sense = true;
  if (of_.has_tty)
    cutters_[1].feed(bytes, put);
  else
    makes_sense = frames_.feed(bytes, [&](int stream, std::string_view piece) {
      cutters_[static_cast<std::size_t>(stream)].feed(piece, put);
    });
  wake();
  if (!has_room && !std::exchange(is_behind_, true))
    jobs::log(jobs::log_level::warning, "console-behind",
              {{"container", of_.name}});
  if (!makes_sense) {
    at_.loop.close(output_id_);
    finish();
  }
  return has_room && makes_sense;
}

/// On the loop's thread.
void console::finish() {
  for (auto& cutter : cutters_)
    cutter.finish([&](std::string_view line) { box_->put(line); });
  close(true);
}

void console::close(bool with_end) {
  if (!with_end)
    box_->silence();
  if (is_over_.exchange(true))
    return;
  at_.registry.remove(*this);
  at_.loop.close(output_id_);
  at_.loop.close(stats_id_);
  if (with_end) {
    box_->end();
    wake();
  }
}

jobs::status console::write(std::string_view text) {
  auto before = unread_.load();
  do {
    if (text.size() > longest_input - std::min(longest_input, before))
      return jobs::fault{jobs::fault_code::rate_limited,
                         "container " + of_.name
                             + " has not read what was written before"};
  } while (!unread_.compare_exchange_weak(before, before + text.size()));
  at_.loop.write(output_id_, std::string{text});
  return {};
}

// -- registry ----------------------------------------------------------------

std::shared_ptr<console>
console_registry::find(std::string_view name_or_id) const {
  const std::lock_guard guard{mutex_};
  const auto at = consoles_.find(name_or_id);
  return at == consoles_.end() ? nullptr : at->second;
}

std::shared_ptr<console>
console_registry::put(const std::shared_ptr<console>& one) {
  const std::lock_guard guard{mutex_};
  std::shared_ptr<console> before;
  for (const auto& key : {one->of().name, one->of().id})
    if (const auto at = consoles_.find(key); at != consoles_.end())
      before = at->second;
  if (one->is_over())
    return before;
  if (before)
    for (const auto& key : {before->of().name, before->of().id})
      consoles_.erase(key);
  for (const auto& key : {one->of().name, one->of().id})
    consoles_[key] = one;
  return before;
}

void console_registry::remove(const console& one) {
  std::vector<std::shared_ptr<console>> removed; // end outside the lock
  const std::lock_guard guard{mutex_};
  for (const auto& key : {one.of().name, one.of().id})
    if (const auto at = consoles_.find(key);
        at != consoles_.end() && at->second.get() == &one) {
      removed.push_back(std::move(at->second));
      consoles_.erase(at);
    }
}

std::shared_ptr<console> console_registry::take(std::string_view name_or_id) {
  auto found = find(name_or_id);
  if (found)
    remove(*found);
  return found;
}

} // namespace alula::remote
