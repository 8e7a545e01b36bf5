#include "app/system_settings.hpp"

namespace alula::app {

jobs::system_limits system_limits_of(const config& c) {
  constexpr std::int64_t mib = 1 << 20;
  const auto& asked = c.systems;
  return {.upload = asked.upload_limit * mib,
          .count = asked.backups_per_system,
          .bytes = asked.size_per_system * mib,
          .organization = asked.size_per_organization * mib,
          .per_minute = asked.uploads_per_minute,
          .per_hour = asked.uploads_per_hour,
          .link = std::chrono::duration_cast<std::chrono::seconds>(
              asked.link_lifetime)};
}

jobs::system_parts system_parts_of(const config& c,
                                   jobs::system_objects& objects,
                                   jobs::incoming_bodies& bodies) {
  return {objects, bodies, system_limits_of(c)};
}

} // namespace alula::app
