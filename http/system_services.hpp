/// What the door has of systems and their backups.
#pragma once

#include "jobs/changes.hpp"
#include "jobs/result.hpp"
#include "jobs/system_backup.hpp"
#include "jobs/system_objects.hpp"
#include "jobs/upload_rate.hpp"

#include <functional>
#include <string>

namespace alula::http {

/// The parts outlive the door.
struct system_services {
  /// Null: the node knows no systems.
  jobs::system_records* records = nullptr;
  /// Null: it knows them and has nowhere to put their backups; 503.
  const jobs::system_parts* parts = nullptr;
  jobs::upload_rate* rate = nullptr;
  /// What signs links, as it is now: with another one those before are nobody's
  /// any more. Anything secret that outlives a restart. Any thread; null or
  /// empty: no link is good.
  std::function<std::string()> link_secret = {};
  /// Where clients reach this node, "https://node.example"; empty: where the
  /// request says that it came.
  std::string public_url = {};
  bool has_tls = false;
  /// Returns at once; calls back when it is on disk.
  std::function<void(jobs::put_system, std::function<void(jobs::status)>)> put =
      {};

  bool is_served() const { return records && parts; }
};

} // namespace alula::http
