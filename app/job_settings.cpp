#include "app/job_settings.hpp"

#include "app/places.hpp"
#include "http/peer_meter.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <random>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

namespace alula::app {

namespace {

/// Of a setting that was checked when it was read.
std::size_t size(std::int64_t checked_setting) {
  return static_cast<std::size_t>(checked_setting);
}

/// Where people look: the page, or the API where there is none. Nothing where
/// only this machine reaches it: whoever reads an alert sits at another.
std::string links_of(const config& c) {
  auto base = c.alerts.page_url;
  if (base.empty()) {
    if (c.api.port == 0)
      return {}; // known to nobody before it listens
    auto host = c.api.host;
    std::array<char, 256> name{};
    if (host.empty() || host == "0.0.0.0" || host == "::")
      host = ::gethostname(name.data(), name.size() - 1) == 0 ? name.data()
                                                              : "localhost";
    if (host == "localhost" || http::is_loopback(host))
      return {};
    if (host.find(':') != std::string::npos)
      host = "[" + host + "]";
    base = (c.api.ssl.enabled ? "https://" : "http://") + host + ":"
           + std::to_string(c.api.port);
  }
  return (base.ends_with('/') ? base : base + "/")
         + (c.api.status_page ? "#/" : "api/");
}

} // namespace

actors::engine_settings engine_settings_of(const config& c) {
  actors::engine_settings out;
  out.pools = {{"lifecycle", size(c.jobs.pools.lifecycle)},
               {"purge", size(c.jobs.pools.purge)},
               {"backup", size(c.jobs.pools.backup)},
               {"restore", size(c.jobs.pools.restore)},
               {"verify", size(c.jobs.pools.verify)},
               {"transfer", size(c.jobs.pools.transfer)},
               {"upload", size(c.jobs.pools.upload)},
               {"power", size(c.jobs.pools.power)},
               {"kill", size(c.jobs.pools.kill)},
               {"install", size(c.jobs.pools.install)},
               {"pull", size(c.jobs.pools.pull)}};
  out.keep = {c.jobs.retention_succeeded, c.jobs.retention_failed};
  // Whoever looks at a server is not kept as long as a job would wait.
  out.inspect_limit = std::min(out.inspect_limit, c.docker.deadlines.inspect);
  return out;
}

jobs::rotation_policy rotation_of(const config& c) {
  const auto& asked = c.system.backups.rotation;
  const auto small = [](std::int64_t checked_setting) {
    return static_cast<int>(checked_setting);
  };
  return {.keep_last = small(asked.keep_last),
          .keep_daily = small(asked.keep_daily),
          .keep_weekly = small(asked.keep_weekly),
          .keep_monthly = small(asked.keep_monthly),
          .min_keep = small(asked.min_keep)};
}

actors::chore_settings chore_settings_of(const config& c,
                                         jobs::containers& docker,
                                         jobs::system_objects& systems) {
  std::vector<std::string> stores;
  for (const auto& [name, endpoint] : c.stores.endpoint)
    stores.push_back(name);
  return {.verify_within =
              std::chrono::hours{24 * c.system.backups.verify_days},
          .verify_every = std::chrono::hours{c.system.backups.verify_hours},
          .rotate_every = std::chrono::hours{c.system.backups.rotate_hours},
          .policy = rotation_of(c),
          .ask_panel_every = std::chrono::hours{c.remote.empty() ? 0 : 24},
          .copy_to = c.system.backups.copy_to,
          .stores = std::move(stores),
          .random =
              [] {
                thread_local std::mt19937 source{std::random_device{}()};
                return std::uniform_real_distribution<double>{0, 1}(source);
              },
          .containers = &docker,
          .systems = &systems};
}

alert_settings alert_settings_of(const config& c) {
  alert_settings out;
  out.url = c.alerts.webhook;
  out.token = c.alerts.token;
  out.node = c.uuid;
  out.links = links_of(c);
  out.backup_age = std::chrono::hours{c.alerts.backup_hours};
  out.cursor_file = ledger_directory(c) / "alerts.seq";
  return out;
}

} // namespace alula::app
