/// What those who run jobs, and tell of them, are told: from a config.
#pragma once

#include "actors/actor_engine.hpp"
#include "actors/chores.hpp"
#include "app/alerts.hpp"
#include "app/config.hpp"

namespace alula::app {

actors::engine_settings engine_settings_of(const config& c);

/// `docker` and `systems` are looked at, and outlive the chores.
actors::chore_settings chore_settings_of(const config& c,
                                         jobs::containers& docker,
                                         jobs::system_objects& systems);

jobs::rotation_policy rotation_of(const config& c);

alert_settings alert_settings_of(const config& c);

} // namespace alula::app
