/// The running node: every part, made in order of dependence (locks, ledger,
/// ports, engine, door) and undone in reverse.
#pragma once

#include "app/config.hpp"
#include "jobs/result.hpp"

#include <cstdint>
#include <memory>

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
  jobs::status start(const config& settings);

  /// The port the door listens on; of use when the configured one is 0.
  std::uint16_t port() const;

  /// Takes over what may change while it runs: the token, the Panel's URL and
  /// origins for new websockets, and the TLS files, which are read again even
  /// when their names stayed. With a fault the old certificate is kept.
  jobs::status reload(const config& settings);

  /// Drains: no new connections and 503 for new jobs, answers under way are
  /// finished, steps are interrupted at their next safe point, websockets are
  /// closed with 1001, the ledger is marked clean. Blocks for no longer than
  /// about twice `jobs.stop_grace`. False when a step did not come back by
  /// then: end the process with _exit, the next boot takes the step up; the
  /// destructor would wait for it. Later calls do nothing.
  bool stop();

private:
  struct parts;
  std::unique_ptr<parts> parts_;
};

} // namespace alula::app
