#include "remote/panel_client.hpp"

#include "remote/panel_answers.hpp"
#include "remote/without_secrets.hpp"

#include <algorithm>
#include <utility>

namespace alula::remote {

using jobs::fault;
using jobs::fault_code;
using jobs::result;
using std::chrono::milliseconds;

namespace {

constexpr std::size_t most_bytes = std::size_t{64} << 20;

std::string base_of(std::string url) {
  if (url.ends_with('/'))
    url.pop_back();
  return url + "/api/remote";
}

fault not_understood(const std::string& what) {
  return {.code = fault_code::panel_unavailable,
          .what = "what answers " + what
                  + " is no Panel: its answer cannot be understood",
          .where = what};
}

} // namespace

struct panel_client::call {
  std::string method;
  std::string path; ///< with its query
  std::string body = {};
  fault_code missing = fault_code::panel_refused; ///< what a 404 means
  bool brief = false;                             ///< not for long

  /// For faults and the log: without the query.
  std::string name() const {
    return method + " " + path.substr(0, path.find('?'));
  }
};

panel_client::panel_client(panel_client_settings settings)
  : settings_(std::move(settings)), access_(settings_.access), http_({}) {}

panel_client::~panel_client() = default;

void panel_client::change_access(panel_access access) {
  const std::scoped_lock lock{mutex_};
  access_ = std::move(access);
}

bool panel_client::is_configured() const {
  const std::scoped_lock lock{mutex_};
  return !access_.url.empty() && !access_.token_id.empty()
         && !access_.token.empty();
}

std::string panel_client::address() const {
  const std::scoped_lock lock{mutex_};
  return without_secrets(access_.url);
}

http_request panel_client::request_of(const call& what) const {
  panel_access access;
  {
    const std::scoped_lock lock{mutex_};
    access = access_;
  }
  http_request request;
  request.method = what.method;
  request.url = base_of(access.url) + what.path;
  request.body = what.body;
  request.headers = {
      {"Authorization", "Bearer " + access.token_id + "." + access.token},
      // With "+json" the Panel says its errors in JSON.
      {"Accept", "application/vnd.pterodactyl.v1+json"},
      {"Content-Type", "application/json"},
      {"User-Agent", "Pterodactyl Wings/v" + settings_.version
                         + " (id:" + access.token_id + ")"}};
  request.connect_limit = std::min(settings_.limit, milliseconds{10'000});
  request.limit = settings_.limit;
  if (what.brief) {
    request.connect_limit =
        std::min(request.connect_limit, settings_.brief_connect);
    request.limit = std::min(request.limit, settings_.brief_limit);
  }
  request.max_body = most_bytes;
  return request;
}

result<http_answer> panel_client::ask(const call& what,
                                      const std::stop_token& stop) {
  auto outcome = http_.send(request_of(what), stop);
  if (auto* answer = std::get_if<http_answer>(&outcome);
      answer && is_success(*answer))
    return std::move(*answer);
  return fault_of(outcome, what);
}

fault panel_client::fault_of(const http_outcome& outcome,
                             const call& what) const {
  const auto* answer = std::get_if<http_answer>(&outcome);
  auto why = answer ? panel_fault(*answer, what.name())
                    : panel_fault(std::get<http_error>(outcome), what.name());
  // Only the Panel knows what it has not; a web server that has no such page
  // knows nothing.
  if (answer && answer->status == 404)
    why.code = panel_detail(answer->body).empty()
                   ? fault_code::panel_unavailable
                   : what.missing;
  if (why.code == fault_code::panel_unavailable)
    why.what += "; it was asked at " + address();
  return why;
}

// -- what a node asks ---------------------------------------------------------

namespace {

template<class Value>
result<Value> understood(const result<http_answer>& answer,
                         std::optional<Value> (*read)(std::string_view),
                         const std::string& what) {
  if (!answer)
    return answer.error();
  auto value = read(answer->body);
  if (!value)
    return not_understood(what);
  return *std::move(value);
}

} // namespace

result<jobs::panel_page> panel_client::list_servers(std::int64_t page,
                                                    std::stop_token stop) {
  const call what{"GET", "/servers?page=" + std::to_string(page) + "&per_page="
                             + std::to_string(settings_.servers_per_page)};
  return understood(ask(what, stop), &read_panel_page, what.name());
}

result<jobs::panel_server> panel_client::find(const jobs::server_id& server,
                                              bool brief,
                                              const std::stop_token& stop) {
  const call what{.method = "GET",
                  .path = "/servers/" + server.to_string(),
                  .missing = fault_code::server_not_found,
                  .brief = brief};
  auto found = understood(ask(what, stop), &read_panel_server, what.name());
  if (found && found->uuid != server)
    return not_understood(what.name());
  return found;
}

result<jobs::panel_server>
panel_client::find_server(const jobs::server_id& server, std::stop_token stop) {
  return find(server, false, stop);
}

result<jobs::panel_server>
panel_client::find_server_at_once(const jobs::server_id& server,
                                  std::stop_token stop) {
  return find(server, true, stop);
}

result<jobs::install_script>
panel_client::find_install_script(const jobs::server_id& server,
                                  std::stop_token stop) {
  const call what{"GET",
                  "/servers/" + server.to_string() + "/install",
                  {},
                  fault_code::server_not_found};
  return understood(ask(what, stop), &read_install_script, what.name());
}

result<jobs::upload_plan>
panel_client::plan_upload(const jobs::backup_id& backup, std::int64_t size,
                          std::stop_token stop) {
  const call what{"GET",
                  "/backups/" + backup.to_string()
                      + "?size=" + std::to_string(size),
                  {},
                  fault_code::backup_not_found};
  return understood(ask(what, stop), &read_upload_plan, what.name());
}

result<bool> panel_client::knows_backup(const jobs::backup_id& backup,
                                        std::stop_token stop) {
  const call what{.method = "GET",
                  .path = "/backups/" + backup.to_string() + "?size=1",
                  .brief = true};
  const auto outcome = http_.send(request_of(what), stop);
  const auto* answer = std::get_if<http_answer>(&outcome);
  if (const auto known = answer ? says_backup_is_known(*answer) : std::nullopt)
    return *known;
  if (answer && is_success(*answer))
    return not_understood(what.name());
  return fault_of(outcome, what);
}

jobs::status panel_client::reset_servers(std::stop_token stop) {
  const auto answer = ask({"POST", "/servers/reset", "null"}, stop);
  return answer ? jobs::status{} : jobs::status{answer.error()};
}

jobs::delivery panel_client::deliver(std::string_view method,
                                     std::string_view path,
                                     std::string_view body,
                                     std::stop_token stop) {
  const call what{std::string{method}, std::string{path}, std::string{body}};
  auto outcome = http_.send(request_of(what), stop);
  if (const auto* answer = std::get_if<http_answer>(&outcome))
    return judge_delivery(path, *answer);
  return {jobs::delivery::verdict::retry, 0,
          panel_fault(std::get<http_error>(outcome), what.name()).what};
}

} // namespace alula::remote
