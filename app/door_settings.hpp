/// What the configuration says of the door and of its websockets.
#pragma once

#include "app/config.hpp"
#include "http/server.hpp"
#include "http/socket_hub.hpp"

namespace alula::app {

/// Without the gate and the principals: those are parts of a node.
http::server_settings door_settings_of(const config& c);

http::cors_settings cross_origin_of(const config& c);

/// How many seats there are depends on RLIMIT_NOFILE as it is now.
http::socket_settings socket_settings_of(const config& c);

/// Who may open a websocket.
http::socket_access access_of(const config& c);

} // namespace alula::app
