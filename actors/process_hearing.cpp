// The part of the process board that listens: consoles, samples, and the
// quotas that samples are an occasion to look at.
#include "actors/process_core.hpp"
#include "jobs/log.hpp"

#include <utility>

namespace alula::actors {

using jobs::process_state;

namespace {

/// Ends of containers that start do not come in here: the board calls it by
/// number, so that a console that was replaced is not heard any more.
template<class Core>
class console final : public jobs::container_listener {
public:
  console(std::shared_ptr<Core> core, process_entry_ptr entry,
          std::uint64_t number)
    : core_(std::move(core)), entry_(std::move(entry)), number_(number) {}

  void line(std::string_view text) override {
    core_->hear_line(*entry_, number_, text);
  }
  void sample(const jobs::resource_sample& what) override {
    core_->hear_sample(entry_, number_, what);
  }
  void ended() override { core_->hear_end(entry_, number_); }

private:
  const std::shared_ptr<Core> core_;
  const process_entry_ptr entry_;
  const std::uint64_t number_;
};

} // namespace

/// One attaches at a time: whoever comes meanwhile waits for it, and so never
/// says that a console is listened to which is not yet.
jobs::status process_board::core::attach(const process_entry_ptr& e,
                                         const jobs::server_record& server) {
  std::uint64_t number = 0;
  {
    entry_lock lock{e->mutex};
    configure(*e, server);
    e->changed.wait(lock, stopping.get_token(), [&] { return !e->attaching; });
    if (stopped)
      return jobs::fault{.code = jobs::fault_code::interrupted,
                         .what = "alula stops listening to consoles"};
    if (e->attached)
      return {};
    e->attaching = true;
    number = ++e->attachment;
  }
  const auto end_attaching = [&](bool heard) {
    const entry_lock lock{e->mutex};
    e->attaching = false;
    if (e->attachment == number) { // else it has ended already
      e->attached = heard;
      e->watched = e->watched || heard;
    }
    e->changed.notify_all();
  };
  try {
    auto made = streams.attach(
        server.uuid.view(),
        std::make_shared<console<core>>(shared_from_this(), e, number));
    end_attaching(made.has_value());
    return made;
  } catch (...) {
    end_attaching(false);
    throw;
  }
}

void process_board::core::hear_line(process_entry& e, std::uint64_t from,
                                    std::string_view text) {
  const entry_lock lock{e.mutex};
  if (e.attachment != from || e.forgotten || stopped)
    return;
  // Looked through even when it is not shown.
  if (e.state == process_state::starting && e.up.matches(text))
    change_state(e, process_state::running);
  if (may_print(e)) {
    print(e, std::string{text});
  } else if (!e.throttled) {
    e.throttled = true;
    notice(e, "Server is outputting console data too quickly -- throttling...");
  }
}

void process_board::core::hear_sample(const process_entry_ptr& e,
                                      std::uint64_t from,
                                      const jobs::resource_sample& what) {
  {
    const entry_lock lock{e->mutex};
    if (e->attachment != from || e->forgotten || stopped
        || e->state == process_state::offline)
      return;
    e->sample = what;
    audience.announce(e->id, "stats", {to_json(usage_of(*e))});
  }
  look_at_quota(e);
}

void process_board::core::look_at_quota(const process_entry_ptr& e) {
  const auto every = settings.disk_check_interval.count();
  if (every <= 0)
    return;
  bool over = false;
  {
    const entry_lock lock{e->mutex};
    const auto now = alarms.uptime();
    if (!e->measuring && (e->disk_at == 0 || now - e->disk_at >= every)) {
      e->measuring = true;
      measurers.run([self = shared_from_this(), e] { self->measure(e); });
    }
    const bool up = e->state == process_state::starting
                    || e->state == process_state::running;
    over = up && e->quota > 0 && e->disk_bytes > e->quota && !e->over_quota;
    if (over) {
      e->over_quota = true;
      notice(*e, "Server is exceeding the assigned disk space limit, stopping "
                 "process now.");
    }
  }
  if (!over)
    return;
  std::function<void(const jobs::server_id&)> tell;
  {
    const std::scoped_lock lock{mutex};
    tell = news.over_quota;
  }
  if (tell)
    lookers.run([tell, id = e->id] { tell(id); });
}

void process_board::core::measure(const process_entry_ptr& e) {
  const auto bytes = volumes.used(e->id, stopping.get_token());
  const entry_lock lock{e->mutex};
  e->measuring = false;
  e->disk_at = std::max<jobs::time_ms>(alarms.uptime(), 1);
  if (bytes)
    e->disk_bytes = *bytes;
}

void process_board::core::hear_end(const process_entry_ptr& e,
                                   std::uint64_t from) {
  {
    const entry_lock lock{e->mutex};
    if (e->attachment != from || e->forgotten || stopped)
      return;
    ++e->attachment;
    e->attached = false;
    e->watched = true;
  }
  look_soon(e);
}

} // namespace alula::actors
