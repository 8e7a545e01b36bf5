#include "remote/docker_streams.hpp"

#include "remote/docker_answers.hpp"
#include "remote/docker_console.hpp"
#include "remote/docker_events.hpp"
#include "remote/docker_link.hpp"
#include "remote/docker_text.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <mutex>
#include <utility>

namespace alula::remote {

using jobs::fault;
using jobs::fault_code;
using jobs::result;

namespace {

constexpr std::size_t most_log_lines = 1'000;
constexpr std::size_t most_log_bytes = std::size_t{4} << 20;

fault no_container(std::string_view name, std::string where) {
  return {fault_code::docker_refused,
          "there is no container " + std::string{name}, std::move(where)};
}

/// The newest lines of a log that comes oldest first.
class tail {
public:
  tail(std::size_t lines, bool has_tty) : most_(lines), has_tty_(has_tty) {}

  bool take(std::string_view bytes) {
    const auto keep = [this](std::string_view line) { put(line); };
    if (has_tty_) {
      cutters_[1].feed(bytes, keep);
      return true;
    }
    return frames_.feed(bytes, [&](int stream, std::string_view piece) {
      cutters_[static_cast<std::size_t>(stream)].feed(piece, keep);
    });
  }

  std::vector<std::string> finish() {
    for (auto& cutter : cutters_)
      cutter.finish([this](std::string_view line) { put(line); });
    return {std::make_move_iterator(lines_.begin()),
            std::make_move_iterator(lines_.end())};
  }

private:
  void put(std::string_view line) {
    lines_.emplace_back(line);
    bytes_ += line.size();
    while (lines_.size() > most_ || bytes_ > most_log_bytes) {
      bytes_ -= lines_.front().size();
      lines_.pop_front();
    }
  }

  const std::size_t most_;
  const bool has_tty_;
  frame_splitter frames_;
  std::array<line_cutter, 3> cutters_;
  std::deque<std::string> lines_;
  std::size_t bytes_ = 0;
};

} // namespace

class docker_streams::parts {
public:
  parts(std::shared_ptr<docker_link> to, docker_stream_settings given)
    : link(std::move(to)), settings(given), deliveries(settings.threads),
      loop(link->settings.socket) {}

  ~parts() { deliveries.stop(); } // listeners may call the loop
  parts(const parts&) = delete;
  parts& operator=(const parts&) = delete;

  fault explain(const stream_loop::ending& why, const std::string& method,
                const std::string& path) const {
    using reason = stream_loop::ending::reason;
    const docker_api::call what{
        .method = method, .path = path, .limit = settings.attach};
    switch (why.why) {
    case reason::refused:
      return fault_of(why.answer, method + ' ' + path);
    case reason::unreachable:
      return link->api.fault_of({http_failure::unreachable, why.os_error, {}},
                                what);
    case reason::timed_out:
      return link->api.fault_of({http_failure::timed_out}, what);
    default:
      return link->api.fault_of(
          {http_failure::broken, 0, "the connection ended early"}, what);
    }
  }

  /// What is known about a container, in the turn of a pass.
  result<docker_api::console_info> look(std::string_view name_or_id,
                                        circuit_breaker::pass& pass,
                                        const std::string& where) {
    auto seen =
        link->api.console_of(name_or_id, pass, link->settings.inspect, {});
    if (!seen)
      return std::move(seen).error();
    if (!*seen)
      return no_container(name_or_id, where);
    return **std::move(seen);
  }

  const std::shared_ptr<docker_link> link;
  const docker_stream_settings settings;
  console_registry registry;
  delivery deliveries;
  stream_loop loop; // ends first: it wakes the deliveries
  std::mutex watch_mutex;
  std::shared_ptr<event_watch> watch;
};

docker_streams::docker_streams(std::shared_ptr<docker_link> link,
                               docker_stream_settings settings)
  : parts_(std::make_unique<parts>(std::move(link), settings)) {}

docker_streams::~docker_streams() = default;

// -- consoles ----------------------------------------------------------------

jobs::status
docker_streams::attach(std::string_view name_or_id,
                       std::shared_ptr<jobs::container_listener> listener) {
  if (!is_container_name(name_or_id))
    return not_a_name(name_or_id);
  auto& p = *parts_;
  const auto path = "/containers/" + std::string{name_or_id} + "/attach";
  auto pass = p.link->circuits.enter(name_or_id, {});
  if (!pass)
    return std::move(pass).error();
  auto seen = p.look(name_or_id, *pass, "POST " + path);
  if (!seen)
    return std::move(seen).error();
  const auto one = std::make_shared<console>(
      console::place{.loop = p.loop,
                     .deliveries = p.deliveries,
                     .registry = p.registry,
                     .prefix = p.link->api.prefix(),
                     .limit = p.settings.attach,
                     .stats_pause = p.settings.stats_pause},
      console::container{std::move(seen->name), std::move(seen->id),
                         seen->has_tty},
      std::move(listener));
  if (const auto failed = one->open()) {
    if (failed->why == stream_loop::ending::reason::timed_out)
      pass->hung();
    one->close(false);
    if (is_missing(failed->answer))
      return no_container(name_or_id, "POST " + path);
    return p.explain(*failed, "POST", path);
  }
  pass->answered();
  if (const auto before = p.registry.put(one))
    before->close(true);
  one->begin();
  return {};
}

void docker_streams::detach(std::string_view name_or_id) {
  if (const auto one = parts_->registry.take(name_or_id))
    one->close(false);
}

bool docker_streams::is_attached(std::string_view name_or_id) const {
  return parts_->registry.find(name_or_id) != nullptr;
}

jobs::status docker_streams::write(std::string_view name_or_id,
                                   std::string_view text) {
  if (const auto one = parts_->registry.find(name_or_id))
    return one->write(text);
  return fault{fault_code::docker_refused,
               "container " + std::string{name_or_id} + " is not attached"};
}

// -- logs --------------------------------------------------------------------

result<std::vector<std::string>>
docker_streams::log_tail(std::string_view name_or_id, std::size_t lines) {
  if (!is_container_name(name_or_id))
    return not_a_name(name_or_id);
  auto& link = *parts_->link;
  auto pass = link.circuits.enter(name_or_id, {});
  if (!pass)
    return std::move(pass).error();
  auto seen = link.api.console_of(name_or_id, *pass, link.settings.inspect, {});
  if (!seen)
    return std::move(seen).error();
  if (!*seen || lines == 0)
    return std::vector<std::string>{};
  tail newest{std::min(lines, most_log_lines), (*seen)->has_tty};
  auto answer = link.api.run(
      {.method = "GET",
       .path = "/containers/" + escape((*seen)->id)
               + "/logs?stdout=1&stderr=1&tail="
               + std::to_string(std::min(lines, most_log_lines)),
       .limit = parts_->settings.logs,
       .max_body = link.settings.max_answer_bytes,
       .take = [&](std::string_view bytes) { return newest.take(bytes); }},
      *pass, {});
  const auto where = "GET /containers/" + std::string{name_or_id} + "/logs";
  if (!answer)
    return std::move(answer).error();
  if (is_missing(*answer))
    return std::vector<std::string>{};
  if (!is_success(*answer))
    return fault_of(*answer, where);
  return newest.finish();
}

// -- events ------------------------------------------------------------------

void docker_streams::watch(
    std::shared_ptr<jobs::container_event_listener> listener) {
  auto& p = *parts_;
  auto one = std::make_shared<event_watch>(
      p.loop, p.deliveries,
      event_watch::settings{.limit = p.settings.ping_limit,
                            .ping = p.settings.ping,
                            .first_pause = p.settings.first_pause,
                            .longest_pause = p.settings.longest_pause,
                            .explain =
                                [&p](const stream_loop::ending& why) {
                                  return p.explain(why, "GET", "/events");
                                }},
      std::move(listener));
  const std::lock_guard guard{p.watch_mutex};
  if (p.watch)
    p.watch->stop();
  p.watch = std::move(one);
  p.watch->start();
}

void docker_streams::stop_watching() {
  const std::lock_guard guard{parts_->watch_mutex};
  if (parts_->watch)
    parts_->watch->stop();
  parts_->watch.reset();
}

} // namespace alula::remote
