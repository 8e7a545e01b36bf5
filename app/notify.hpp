/// Tells systemd, when it is there, how the service is (sd_notify(3)).
#pragma once

#include <string_view>

namespace alula::app {

/// One datagram such as "READY=1" to $NOTIFY_SOCKET; nothing without it.
/// Best effort: whoever started us may have left.
void notify_supervisor(std::string_view state);

} // namespace alula::app
