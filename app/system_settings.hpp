/// What the configuration says of systems, in the terms of those who keep to
/// it.
#pragma once

#include "app/config.hpp"
#include "jobs/system_backup.hpp"
#include "jobs/system_objects.hpp"

namespace alula::app {

jobs::system_limits system_limits_of(const config& c);

jobs::system_parts system_parts_of(const config& c,
                                   jobs::system_objects& objects,
                                   jobs::incoming_bodies& bodies);

} // namespace alula::app
