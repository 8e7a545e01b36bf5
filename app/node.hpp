/// The running node: every part, made in order of dependence (locks, ledger,
/// ports, engine, door) and undone in reverse.
#pragma once

#include "app/config.hpp"
#include "app/stop_deadline.hpp"
#include "jobs/result.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

namespace alula::app {

class node {
public:
  node();
  ~node();
  node(const node&) = delete;
  node& operator=(const node&) = delete;

  /// Once. Opens the door, which answers 503 `starting` to all but /healthz
  /// and /readyz, and blocks until the jobs of the last boot are adopted. The
  /// fault says which part failed and what would help; the node is then closed
  /// again.
  /// `update`: what `POST /api/update` does; null: nothing.
  using updater = std::function<jobs::result<bool>(const std::string& body)>;
  jobs::status start(const config& settings, updater update = {});

  /// The port the door listens on; of use when the configured one is 0.
  std::uint16_t port() const;

  /// Comes back when the door's thread has been heard of: at once, or never.
  void look_alive() const;

  /// Any thread. Takes over what may change while it runs (config_changes.hpp):
  /// the token, the Panel's URL and the origins, for new websockets and for
  /// CORS, and the TLS files, which are read again even when their names
  /// stayed. Logs every other key that differs. With a fault the old
  /// certificate is kept; fault shutting_down when it does not run, or no
  /// longer.
  jobs::status reload(const config& settings);

  /// Drains: no new connections and 503 for new jobs, answers under way are
  /// finished, steps are interrupted at their next safe point, websockets are
  /// closed with 1001, the ledger is marked clean. Steps and answers share
  /// the deadline; what the ledger has to write comes on top. False when a step
  /// did not come back by then: end the process with _exit, the next boot takes
  /// the step up; the destructor would wait for it. Later calls do nothing.
  bool stop(const stop_deadline& until);

private:
  struct parts;
  jobs::status run_all();
  std::unique_ptr<parts> take_parts();

  /// Over the pointer, for those who come through the door: it opens before
  /// the start is over, and what came in may still be at work in a stop.
  std::mutex mutex_;
  std::unique_ptr<parts> parts_;
};

} // namespace alula::app
