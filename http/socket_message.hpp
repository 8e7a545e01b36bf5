/// The frames of a server's websocket: one JSON object each, an event and its
/// arguments (wings-protocol 5.2).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace alula::http {

/// A frame from a client. All arguments concatenated, as Wings does; null
/// counts as nothing, the stock Panel page sends it.
struct client_message {
  std::string event;
  std::string text;
};

/// Nothing when the frame is not such an object.
std::optional<client_message> read_message(std::string_view frame);

/// Rendered once, shared by all sockets it goes to.
using frame_ptr = std::shared_ptr<const std::string>;

/// `args` is left out when empty, and so is a `seq` of 0. Text that is no UTF-8
/// is mended, since a browser drops the connection over it.
frame_ptr render_message(std::string_view event,
                         const std::vector<std::string>& args = {},
                         std::int64_t seq = 0);

/// What a client must be allowed to receive this event; empty: nothing but the
/// connection itself (wings-protocol 5.4).
std::string_view permission_to_receive(std::string_view event);

/// What a client must be allowed to send this, `text` being the argument;
/// empty: nothing more.
std::string_view permission_to_send(const client_message& message);

/// An event of wings-protocol 5.5, `auth` aside, or one of ours: `subscribe`,
/// `unsubscribe`, `resume`.
bool is_client_event(std::string_view event);

/// It says that something has ended, and is said once: who could not be told
/// is told later.
bool is_completion(std::string_view event);

} // namespace alula::http
