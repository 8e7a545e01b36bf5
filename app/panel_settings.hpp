/// What the configuration says of the Panel.
#pragma once

#include "actors/panel_courier.hpp"
#include "actors/status_reporter.hpp"
#include "app/config.hpp"
#include "remote/panel_client.hpp"

namespace alula::app {

/// There is one, and what it takes to talk to it.
bool has_panel(const config& c);

remote::panel_access panel_access_of(const config& c);

remote::panel_client_settings panel_settings_of(const config& c);

actors::courier_settings courier_settings_of(const config& c);

actors::status_settings status_settings_of(const config& c);

} // namespace alula::app
