#include "jobs/kinds/installer_watch.hpp"

#include "jobs/end_watch.hpp"
#include "jobs/kinds/living.hpp"
#include "jobs/ports.hpp"
#include "jobs/server_container.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

namespace alula::jobs {

namespace {

using std::chrono::milliseconds;

class installer_watch {
public:
  installer_watch(step_context& ctx, std::shared_ptr<installer_console> console)
    : ctx_(ctx), console_(std::move(console)) {}

  result<container_info> run() {
    while (true) {
      const auto found = ctx_.node.containers.inspect(name_);
      // A dockerd that is away comes back: the limits go on meanwhile.
      if (found && !*found)
        return install_failure("the installer's container was removed");
      if (found && !(*found)->running)
        return **found;
      if (found)
        end_.seen_running();
      if (auto over = over_a_limit())
        return *over;
      // Only to one that runs: a console that has ended says at once that its
      // container may have, and that of an ended one would never end again.
      if (is_listened_to())
        console_->listen(ctx_.stop, look_every);
      else if (found && looks_unheard_++ >= looks_at_end)
        listen_again();
      else
        console_->rest(ctx_.stop, found ? pause_at_end : look_every);
      if (ctx_.stop.stop_requested())
        return fault{.code = fault_code::interrupted, .what = "asked to stop"};
      ctx_.report({.done = console_->lines(),
                   .unit = "lines",
                   .message = "the installer runs"});
    }
  }

private:
  static constexpr milliseconds look_every{2'000};
  /// dockerd ends the console of a container a little before the container.
  static constexpr milliseconds pause_at_end{100};
  static constexpr int looks_at_end = 3;

  std::optional<fault> over_a_limit() {
    const auto& limits = life_of(ctx_).settings;
    const auto up = std::chrono::steady_clock::now();
    const auto spent = std::chrono::duration_cast<milliseconds>(up - begun_);
    const auto before = milliseconds{ctx_.now - begun_at(ctx_, "run")};
    if (before + spent >= limits.install_deadline)
      return install_failure(
          "the installer ran for longer than "
          + std::to_string(limits.install_deadline.count() / 1000)
          + " s and was ended");
    if (const auto lines = console_->lines(); lines != heard_) {
      heard_ = lines;
      silent_since_ = up;
    }
    if (up - silent_since_ >= limits.install_silence)
      return install_failure(
          "the installer said nothing for "
          + std::to_string(limits.install_silence.count() / 1000)
          + " s and was ended");
    return std::nullopt;
  }

  bool is_listened_to() const {
    return life_of(ctx_).streams.is_attached(name_);
  }

  void listen_again() {
    looks_unheard_ = 0;
    console_->listen_anew();
    if (!life_of(ctx_).streams.attach(name_, console_))
      console_->rest(ctx_.stop, look_every);
  }

  step_context& ctx_;
  const std::shared_ptr<installer_console> console_;
  const std::string name_ = installer_name(ctx_.job.server);
  const std::chrono::steady_clock::time_point begun_ =
      std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point silent_since_ = begun_;
  std::int64_t heard_ = 0;
  int looks_unheard_ = 0; ///< since it is not listened to
  end_watch end_{ctx_.node.containers, name_,
                 [console = console_] { console->wake(); }};
};

} // namespace

fault install_failure(std::string what) {
  return {.code = fault_code::install_failed, .what = std::move(what)};
}

result<container_info>
watch_installer(step_context& ctx, std::shared_ptr<installer_console> console) {
  return installer_watch{ctx, std::move(console)}.run();
}

} // namespace alula::jobs
