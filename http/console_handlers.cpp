#include "http/console_handlers.hpp"

#include "http/backup_lookup.hpp"
#include "http/json_body.hpp"
#include "http/json_values.hpp"
#include "http/reply.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace alula::http {

namespace {

/// The server of the URL, or an answer.
std::optional<jobs::server_id> known_server(const api_ptr& api,
                                            const exchange_ptr& call) {
  const auto id = read_server_id(call->req());
  if (!id) {
    reply_fault(call, id.error());
    return std::nullopt;
  }
  if (!api->engine.find_server(*id)) {
    reply_fault(call, no_such_server(*id));
    return std::nullopt;
  }
  if (api->live.processes && api->live.installs)
    return *id;
  reply_fault(call, {.code = jobs::fault_code::not_implemented,
                     .what = "this node runs no servers"});
  return std::nullopt;
}

/// On a thread that may wait for Docker or a disk, or an answer.
void ask(const api_ptr& api, const exchange_ptr& call,
         std::function<void()> what) {
  auto& threads = api->live.askers ? *api->live.askers : api->later;
  if (!threads.run(std::move(what)))
    reply_fault(call, {.code = jobs::fault_code::rate_limited,
                       .what = "too much is asked of consoles and logs"});
}

std::size_t read_size(const request& req, std::size_t most) {
  std::size_t size = 0;
  const auto text = req.query_value("size").value_or("");
  const auto end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, size);
  const bool is_good =
      error == std::errc{} && stop == end && size >= 1 && size <= most;
  return is_good ? size : most;
}

response lines_answer(const std::vector<std::string>& lines) {
  return json_answer(200, text_of(nlohmann::ordered_json{{"data", lines}}));
}

/// The Panel shows a message of its own for this status.
void refuse_offline(const exchange_ptr& call) {
  constexpr int bad_gateway = 502;
  call->reply(problem(call->req().request_id,
                      {.code = jobs::fault_code::docker_refused,
                       .what = "the server does not run, so its console takes "
                               "no commands"},
                      bad_gateway));
}

void write_commands(const api_ptr& api, const exchange_ptr& call,
                    const jobs::server_id& server) {
  const auto body = json_body::parse(call->req().body);
  if (!body)
    return reply_fault(call, body.error());
  constexpr std::size_t most = 1'000;
  const auto commands = body->root().texts("commands", most);
  if (const auto fine = body->check(); !fine)
    return reply_fault(call, fine.error());
  for (const auto& line : commands.value_or(std::vector<std::string>{})) {
    const auto written = api->live.processes->write(server, line);
    if (!written && written.error().code == jobs::fault_code::docker_refused)
      return refuse_offline(call);
    if (!written)
      return reply_fault(call, written.error());
  }
  call->reply(empty_answer());
}

/// The last lines, as many as asked for; a line that was cut is left out.
std::vector<std::string> last_lines(const std::string& text, bool is_cut,
                                    std::size_t most) {
  std::vector<std::string> lines;
  std::size_t from = is_cut ? text.find('\n') : 0;
  if (is_cut)
    from = from == std::string::npos ? text.size() : from + 1;
  while (from < text.size()) {
    const auto end = std::min(text.find('\n', from), text.size());
    lines.push_back(text.substr(from, end - from));
    from = end + 1;
  }
  if (lines.size() > most)
    lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(most));
  return lines;
}

} // namespace

void send_commands(const api_ptr& api, const exchange_ptr& call) {
  const auto server = known_server(api, call);
  if (!server)
    return;
  // What is attached runs: nobody has to be asked.
  using state = jobs::process_state;
  const auto now = api->live.processes->state(*server);
  if (now == state::offline && !api->live.processes->usage(*server).is_known)
    return reply_fault(call, not_known_to_run());
  if (now == state::offline)
    return refuse_offline(call);
  write_commands(api, call, *server);
}

void show_console(const api_ptr& api, const exchange_ptr& call) {
  const auto server = known_server(api, call);
  if (!server)
    return;
  constexpr std::size_t most = 100;
  ask(api, call,
      [api, call, server = *server, size = read_size(call->req(), most)] {
        const auto lines = api->live.processes->log(server, size);
        if (!lines)
          return reply_fault(call, lines.error());
        call->reply(lines_answer(*lines));
      });
}

void show_install_log(const api_ptr& api, const exchange_ptr& call) {
  const auto server = known_server(api, call);
  if (!server)
    return;
  constexpr std::size_t most_bytes = 1'024 * 1'024, most_lines = 10'000;
  ask(api, call,
      [api, call, server = *server, size = read_size(call->req(), most_lines)] {
        const auto text = api->live.installs->read_log(server, most_bytes);
        if (!text)
          return reply_fault(call, text.error());
        const bool is_cut = text->size() == most_bytes;
        call->reply(lines_answer(last_lines(*text, is_cut, size)));
      });
}

} // namespace alula::http
