#include "remote/panel_answers.hpp"

#include "remote/without_secrets.hpp"

#include <nlohmann/json.hpp>

#include <utility>

namespace alula::remote {

using jobs::fault;
using jobs::fault_code;
using nlohmann::json;

namespace {

json parse(std::string_view body) {
  return json::parse(body, nullptr, false);
}

std::string dump(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

/// The text under this name, or empty.
std::string text_of(const json& in, const char* name) {
  const auto found = in.is_object() ? in.find(name) : in.end();
  return in.is_object() && found != in.end() && found->is_string()
             ? found->get<std::string>()
             : std::string{};
}

std::int64_t number_of(const json& in, const char* name,
                       std::int64_t otherwise) {
  const auto found = in.is_object() ? in.find(name) : in.end();
  return in.is_object() && found != in.end() && found->is_number_integer()
             ? found->get<std::int64_t>()
             : otherwise;
}

std::string name_of(int status) {
  return "HTTP " + std::to_string(status);
}

std::string sentence(const http_answer& answer, std::string_view what) {
  auto text = "the Panel answered " + std::string{what} + " with "
              + name_of(answer.status);
  if (answer.status >= 300 && answer.status < 400)
    return text + ", a redirect: `remote` has to be its final URL";
  const auto detail = panel_detail(answer.body);
  return detail.empty() ? text : text + ": " + detail;
}

/// The two members that a server's configuration has.
std::optional<jobs::panel_server> server_of(const json& in) {
  const auto settings = in.is_object() ? in.find("settings") : in.end();
  if (!in.is_object() || settings == in.end() || !settings->is_object())
    return std::nullopt;
  // A list has the uuid beside the settings too.
  auto uuid = jobs::server_id::parse(text_of(*settings, "uuid"));
  if (!uuid)
    uuid = jobs::server_id::parse(text_of(in, "uuid"));
  if (!uuid)
    return std::nullopt;
  const auto process = in.find("process_configuration");
  json config{{"settings", *settings},
              {"process_configuration",
               process != in.end() && process->is_object() ? *process
                                                           : json::object()}};
  return jobs::panel_server{*uuid, dump(config)};
}

std::string with_unix_lines(std::string text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i)
    if (text[i] != '\r' || i + 1 == text.size() || text[i + 1] != '\n')
      out += text[i];
  return out;
}

/// That the Panel has the route and misses what its path names: it says so
/// itself, and not of the route, as one does whose `remote` leads elsewhere.
bool misses_its_object(std::string_view body) {
  const auto read = parse(body);
  const auto errors = read.is_object() ? read.find("errors") : read.end();
  if (!read.is_object() || errors == read.end() || !errors->is_array()
      || errors->empty())
    return false;
  const auto detail = text_of(errors->front(), "detail");
  // Laravel's exception for a route has had no text of its own for long.
  return detail.empty()
             ? text_of(errors->front(), "code") == "RecordNotFoundException"
             : !detail.starts_with("The route ");
}

} // namespace

std::string panel_detail(std::string_view body) {
  const auto read = parse(body);
  const auto errors = read.is_object() ? read.find("errors") : read.end();
  if (!read.is_object() || errors == read.end() || !errors->is_array()
      || errors->empty())
    return {};
  constexpr std::size_t longest = 300;
  auto detail = text_of(errors->front(), "detail");
  if (detail.empty())
    detail = text_of(errors->front(), "code");
  // A Panel in debug mode says what its store or its proxy was asked.
  detail = without_secrets(std::move(detail));
  if (detail.size() <= longest)
    return detail;
  detail.resize(longest);
  while (!detail.empty()
         && (static_cast<unsigned char>(detail.back()) & 0xC0U) == 0x80U)
    detail.pop_back(); // not half a character
  if (!detail.empty() && static_cast<unsigned char>(detail.back()) >= 0xC0U)
    detail.pop_back();
  return detail;
}

fault panel_fault(const http_answer& answer, std::string_view what) {
  const bool final = answer.status >= 400 && answer.status < 500
                     && answer.status != 408 && answer.status != 429;
  return {.code =
              final ? fault_code::panel_refused : fault_code::panel_unavailable,
          .what = sentence(answer, what),
          .where = std::string{what}};
}

fault panel_fault(const http_error& error, std::string_view what) {
  if (error.kind == http_failure::stopped)
    return {.code = fault_code::interrupted,
            .what = "asked to stop while the Panel was called",
            .where = std::string{what}};
  return {.code = fault_code::panel_unavailable,
          .what = "the Panel cannot be reached: " + error.what,
          .where = std::string{what}};
}

jobs::delivery judge_delivery(std::string_view path,
                              const http_answer& answer) {
  using enum jobs::delivery::verdict;
  const auto status = answer.status;
  const auto detail = panel_detail(answer.body);
  const auto why = [&] {
    return name_of(status) + (detail.empty() ? detail : ": " + detail);
  };
  if (status >= 200 && status < 300)
    return {delivered, status, {}};
  // The answer to the first success was lost; an S3 Panel's other 400 says
  // that it misses an upload id.
  const bool of_backup = path.starts_with("/backups/")
                         && path.find('/', 9) == std::string_view::npos;
  if (status == 400 && of_backup && detail.find("already") != std::string::npos)
    return {delivered, status, {}};
  // A transfer that was settled by the other node; the Panel has no other 409
  // for a report (wings-protocol 3.7).
  const bool of_transfer = path.starts_with("/servers/")
                           && path.find("/transfer/") != std::string_view::npos;
  // What has not the shape of the Panel's errors may be a proxy's.
  if (detail.empty())
    return {retry, status, why()};
  if (status == 409 && of_transfer)
    return {delivered, status, {}};
  if (status == 404 && misses_its_object(answer.body))
    return {unknown, status, why()};
  switch (status) {
  case 405:
  case 410:
  case 413:
  case 422: // it says which field, and would say so again
    return {refused, status, why()};
  default:
    // A token that is being changed (401, 403), a Panel behind a proxy that
    // says anything: a report waits for better days.
    return {retry, status, why()};
  }
}

std::optional<bool> says_backup_is_known(const http_answer& answer) {
  if (answer.status == 404 && misses_its_object(answer.body))
    return false;
  // Completed; or not, against what this node was told, after a database of
  // before was brought back: then an upload was made, which nobody uses.
  if ((answer.status == 409 && !panel_detail(answer.body).empty())
      || (answer.status == 200 && read_upload_plan(answer.body)))
    return true;
  return std::nullopt;
}

std::optional<jobs::panel_page> read_panel_page(std::string_view body) {
  const auto read = parse(body);
  const auto data = read.is_object() ? read.find("data") : read.end();
  const auto meta = read.is_object() ? read.find("meta") : read.end();
  if (!read.is_object() || data == read.end() || !data->is_array()
      || meta == read.end() || !meta->is_object())
    return std::nullopt;
  jobs::panel_page page;
  page.page = number_of(*meta, "current_page", 0);
  page.last_page = number_of(*meta, "last_page", 0);
  if (page.page < 1 || page.last_page < 0)
    return std::nullopt;
  for (const auto& element : *data) {
    if (auto server = server_of(element))
      page.servers.push_back(*std::move(server));
    else
      page.unreadable.push_back(text_of(element, "uuid").substr(0, 64));
  }
  return page;
}

std::optional<jobs::panel_server> read_panel_server(std::string_view body) {
  return server_of(parse(body));
}

std::optional<jobs::install_script> read_install_script(std::string_view body) {
  const auto read = parse(body);
  jobs::install_script script{text_of(read, "container_image"),
                              text_of(read, "entrypoint"),
                              with_unix_lines(text_of(read, "script"))};
  if (script.image.empty() && script.script.empty())
    return std::nullopt;
  return script;
}

std::optional<jobs::upload_plan> read_upload_plan(std::string_view body) {
  const auto read = parse(body);
  const auto parts = read.is_object() ? read.find("parts") : read.end();
  jobs::upload_plan plan;
  plan.part_size = number_of(read, "part_size", 0);
  if (!read.is_object() || parts == read.end() || !parts->is_array()
      || parts->empty() || plan.part_size <= 0)
    return std::nullopt;
  for (const auto& url : *parts) {
    if (!url.is_string())
      return std::nullopt;
    plan.urls.push_back(url.get<std::string>());
  }
  return plan;
}

} // namespace alula::remote
