#include "remote/docker_waits.hpp"

#include "remote/docker_answers.hpp"
#include "remote/docker_api.hpp"
#include "remote/docker_link.hpp"
#include "remote/docker_loop.hpp"

#include <algorithm>
#include <atomic>
#include <string>
#include <system_error>
#include <utility>

namespace alula::remote {

using std::chrono::milliseconds;

namespace {

/// The exit code in the answer is not read: the look that follows has it.
class awaited_end final : public stream_loop::sink {
public:
  explicit awaited_end(std::function<void()> told) : told_(std::move(told)) {}

  bool take(std::string_view) override { return true; }

  void closed(const stream_loop::ending& why) override {
    using reason = stream_loop::ending::reason;
    is_over_ = true;
    const bool has_ended =
        why.why == reason::finished
        || (why.why == reason::refused && is_missing(why.answer));
    const std::lock_guard guard{mutex_};
    if (has_ended && told_)
      told_();
    told_ = nullptr;
  }

  /// When it returns, nothing is told any more.
  void silence() {
    const std::lock_guard guard{mutex_};
    told_ = nullptr;
    is_over_ = true;
  }

  bool is_over() const { return is_over_; }

private:
  std::atomic<bool> is_over_ = false;
  std::mutex mutex_; ///< held while it is told
  std::function<void()> told_;
};

class open_wait final : public jobs::end_notice {
public:
  open_wait(std::shared_ptr<stream_loop> loop, stream_loop::stream_id id,
            std::shared_ptr<awaited_end> end)
    : loop_(std::move(loop)), id_(id), end_(std::move(end)) {}
  ~open_wait() override {
    end_->silence();
    loop_->close(id_);
  }
  open_wait(const open_wait&) = delete;
  open_wait& operator=(const open_wait&) = delete;
  bool is_over() const override { return end_->is_over(); }

private:
  const std::shared_ptr<stream_loop> loop_;
  const stream_loop::stream_id id_;
  const std::shared_ptr<awaited_end> end_;
};

class no_wait final : public jobs::end_notice {
public:
  bool is_over() const override { return true; }
};

} // namespace

docker_waits::docker_waits(const docker_settings& settings,
                           const docker_api& api)
  : settings_(settings), api_(api) {}

docker_waits::~docker_waits() = default;

/// Null while the system has no descriptors for it.
std::shared_ptr<stream_loop> docker_waits::loop() {
  const std::lock_guard guard{mutex_};
  try {
    if (!loop_)
      loop_ = std::make_shared<stream_loop>(settings_.socket);
  } catch (const std::system_error&) {
    return nullptr;
  }
  return loop_;
}

std::unique_ptr<jobs::end_notice>
docker_waits::open(std::string_view name_or_id, milliseconds limit,
                   std::function<void()> told) {
  const auto on = is_container_name(name_or_id) ? loop() : nullptr;
  if (!on)
    return std::make_unique<no_wait>();
  const auto end = std::make_shared<awaited_end>(std::move(told));
  const auto id = on->new_id();
  on->open(id,
           {"POST " + api_.prefix() + "/containers/" + escape(name_or_id)
                + "/wait?condition=not-running HTTP/1.1\r\n"
                  "Host: docker\r\nContent-Length: 0\r\n\r\n",
            std::min(settings_.inspect, limit)},
           end);
  // On the loop's thread, so the loop is there.
  on->after(limit, [loop = on.get(), id, late = std::weak_ptr{end}] {
    if (const auto still = late.lock()) {
      still->silence();
      loop->close(id);
    }
  });
  return std::make_unique<open_wait>(on, id, end);
}

} // namespace alula::remote
