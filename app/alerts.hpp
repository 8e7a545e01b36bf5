/// Tells a URL of what an operator should hear of at once: jobs that failed or
/// are parked, and servers that have had no good backup for too long. At least
/// once, also over a restart: how far it has told lies beside the ledger.
#pragma once

#include "jobs/backup_desk.hpp"
#include "jobs/clock.hpp"
#include "jobs/engine.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

namespace alula::app {

struct alert_settings {
  std::string url;   ///< empty: nobody is told
  std::string token; ///< sent as a bearer; may be empty
  std::string node;  ///< the node's uuid, for whoever hears of several
  /// What stands before "jobs/<id>" in a link for people; empty: no links.
  std::string links;
  std::chrono::hours backup_age{0}; ///< 0: backups are not looked at
  std::filesystem::path cursor_file;
  std::chrono::milliseconds first_pause{5'000}; ///< after a try in vain
  int most_tries = 10; ///< of one alert; about an hour together
  std::chrono::milliseconds backups_every = std::chrono::hours{1};
};

class alerts {
public:
  /// Nothing happens before start(). What is given outlives it.
  alerts(alert_settings settings, jobs::engine& engine,
         jobs::backup_desk& backups, const jobs::clock& clock);
  ~alerts();

  /// When the engine has started.
  void start();
  /// Waits for a call under way, which it cuts short.
  void stop();

private:
  class teller;
  std::unique_ptr<teller> teller_;
};

} // namespace alula::app
