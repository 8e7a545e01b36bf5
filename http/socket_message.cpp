#include "http/socket_message.hpp"

#include "http/json_values.hpp"

#include <nlohmann/json.hpp>

namespace alula::http {

namespace {
using json = nlohmann::json;
}

std::optional<client_message> read_message(std::string_view frame) {
  const auto value = json::parse(frame, nullptr, false);
  if (!value.is_object())
    return std::nullopt;
  const auto event = value.find("event");
  if (event == value.end() || !event->is_string())
    return std::nullopt;
  client_message message{event->get<std::string>(), {}};
  const auto args = value.find("args");
  if (args == value.end() || args->is_null())
    return message;
  if (!args->is_array())
    return std::nullopt;
  for (const auto& arg : *args) {
    if (arg.is_null())
      continue;
    if (!arg.is_string())
      return std::nullopt;
    message.text += arg.get_ref<const std::string&>();
  }
  return message;
}

frame_ptr render_message(std::string_view event,
                         const std::vector<std::string>& args,
                         std::int64_t seq) {
  nlohmann::ordered_json value;
  if (!args.empty())
    value["args"] = args;
  value["event"] = event;
  if (seq != 0)
    value["seq"] = seq;
  return std::make_shared<const std::string>(text_of(value));
}

std::string_view permission_to_receive(std::string_view event) {
  // Also with the backup's uuid behind it, as a Panel's page listens for it.
  if (event == "backup completed" || event.starts_with("backup completed:"))
    return "backup.read";
  if (event == "install output")
    return "admin.websocket.install";
  if (event == "transfer logs")
    return "admin.websocket.transfer";
  return "";
}

std::string_view permission_to_send(const client_message& message) {
  if (message.event == "send command")
    return "control.console";
  if (message.event != "set state")
    return "";
  if (message.text == "start")
    return "control.start";
  if (message.text == "stop" || message.text == "kill")
    return "control.stop";
  return message.text == "restart" ? "control.restart" : "";
}

bool is_client_event(std::string_view event) {
  return event == "set state" || event == "send command" || event == "send logs"
         || event == "send stats" || event == "subscribe"
         || event == "unsubscribe" || event == "resume";
}

bool is_completion(std::string_view event) {
  return event == "install completed" || event == "backup completed"
         || event.starts_with("backup completed:")
         || event == "backup restore completed" || event == "transfer status"
         || event == "deleted";
}

} // namespace alula::http
