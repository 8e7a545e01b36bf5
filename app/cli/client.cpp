#include "app/cli/client.hpp"

#include "app/defaults.hpp"
#include "remote/http_client.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <unistd.h>
#include <utility>
#include <vector>

namespace alula::app::cli {

namespace {

namespace fs = std::filesystem;

std::string from_environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

std::string first_word_of(const fs::path& file) {
  std::ifstream in{file};
  std::string word;
  in >> word;
  return word;
}

bool can_read(const fs::path& file) {
  return ::access(file.c_str(), R_OK) == 0;
}

/// There, or maybe there, and not for whoever asks.
bool is_hidden(const fs::path& file) {
  return ::access(file.c_str(), R_OK) != 0 && errno == EACCES;
}

/// As the service is started (packaging/alula.default); nothing where no
/// package has put that.
std::optional<std::vector<std::string>> words_of_service() {
  std::ifstream in{"/etc/default/alula"};
  if (!in)
    return std::nullopt;
  std::vector<std::string> out;
  std::string line;
  while (std::getline(in, line)) {
    if (!line.starts_with("ALULA_OPTIONS="))
      continue;
    std::erase(line, '"');
    std::istringstream words{line.substr(line.find('=') + 1)};
    out.assign(std::istream_iterator<std::string>{words}, {});
  }
  return out;
}

std::string option_of_service(const std::string& name) {
  const auto words = words_of_service().value_or(std::vector<std::string>{});
  for (auto word = words.begin(); word != words.end(); ++word) {
    if (word->starts_with(name + "="))
      return word->substr(name.size() + 1);
    if (*word == name && word + 1 != words.end())
      return *(word + 1);
  }
  return {};
}

void read_config(const fs::path& file, found_node& out) {
  auto report = load_config(file);
  if (!report.is_usable()) {
    std::string why = "the configuration cannot be used:";
    for (const auto& problem : report.problems)
      if (problem.grade == config_problem::severity::error)
        why += "\n  " + describe(file, problem);
    throw leave{no_config, why};
  }
  out.config_file = file;
  out.url = url_of(report.value);
  out.token = token_of(report.value);
  out.own_address = true;
  out.said_by =
      (report.value.token.empty() ? report.value.token_file : file).string();
  out.settings = std::move(report.value);
}

void read_data(const asked_node& asked, found_node& out) {
  const auto data = data_of(asked);
  out.url = "http://127.0.0.1:8080";
  out.own_address = true;
  if (data.empty())
    return;
  out.token = first_word_of(data / "token");
  out.said_by = (data / "token").string();
}

/// An answer as it comes, for as long as something comes.
void hear(remote::http_request& request,
          const std::function<bool(std::string_view)>& take) {
  request.take = take;
  request.silence = std::chrono::seconds{60};
}

leave_code code_for(int status) {
  switch (status) {
  case 0:
    return unreachable;
  case 401:
  case 403:
    return not_allowed;
  case 404:
  case 410:
    return not_found;
  case 409:
  case 429:
  case 503:
    return not_now;
  case 400:
  case 422:
    return usage;
  default:
    return failed;
  }
}

} // namespace

std::string url_of(const config& c) {
  auto host = c.api.host;
  if (host.empty() || host == "0.0.0.0")
    host = "127.0.0.1";
  else if (host == "::")
    host = "::1";
  if (host.find(':') != std::string::npos)
    host = "[" + host + "]";
  return (c.api.ssl.enabled ? "https://" : "http://") + host + ":"
         + std::to_string(c.api.port);
}

std::string token_of(const config& c) {
  return c.token.empty() ? first_word_of(c.token_file) : c.token;
}

fs::path find_config(const asked_node& asked) {
  if (!asked.config.empty())
    return asked.config;
  if (const auto given = from_environment("ALULA_CONFIG"); !given.empty())
    return given;
  if (!asked.data.empty())
    return {};
  // The service takes no config that it is not told of.
  if (words_of_service())
    return option_of_service("--config");
  fs::path own = "/etc/alula/config.yml";
  if (can_read(own))
    return own;
  // A node that keeps everything in its data directory may run beside a Wings.
  const fs::path wings = "/etc/pterodactyl/config.yml";
  const auto data = data_of(asked);
  return can_read(wings) && !can_read(data / "token") ? wings : fs::path{};
}

fs::path data_of(const asked_node& asked) {
  if (!asked.data.empty())
    return asked.data;
  const auto given = option_of_service("--data");
  return given.empty() ? default_data_directory() : fs::path{given};
}

found_node find_node(const asked_node& asked) {
  found_node out;
  auto url = asked.url.empty() ? from_environment("ALULA_URL") : asked.url;
  auto token =
      asked.token.empty() ? from_environment("ALULA_TOKEN") : asked.token;
  if (!asked.token_file.empty())
    token = first_word_of(asked.token_file);
  // With both there is nothing to be read, and maybe nothing that may be.
  if (url.empty() || token.empty() || !asked.config.empty()) {
    const auto file = find_config(asked);
    // Who has a token need not be one who may read the service's config; one
    // that was named is not passed over.
    const bool is_named =
        !asked.config.empty() || !from_environment("ALULA_CONFIG").empty();
    const bool may_do_without = !token.empty() && !is_named && is_hidden(file);
    if (!file.empty() && !may_do_without)
      read_config(file, out);
    else
      read_data(asked, out);
  }
  if (!url.empty()) {
    while (url.ends_with('/'))
      url.pop_back();
    out.own_address = false;
    out.url = std::move(url);
  }
  if (!token.empty()) {
    out.token = std::move(token);
    out.said_by = !asked.token_file.empty() ? asked.token_file.string()
                  : !asked.token.empty()    ? "--token"
                                            : "ALULA_TOKEN";
  }
  return out;
}

// -- asking -------------------------------------------------------------------

struct client::line {
  remote::http_client http{{}};
};

client::client(found_node node, std::chrono::seconds patience)
  : node_(std::move(node)), patience_(patience),
    line_(std::make_unique<line>()) {}

client::~client() = default;

reply client::send(const std::string& method, const std::string& path,
                   const std::string& body, bool shows_job,
                   const std::function<bool(std::string_view)>& take) {
  remote::http_request request;
  request.method = method;
  request.url = node_.url + path;
  request.body = body;
  request.headers = {{"Authorization", "Bearer " + node_.token},
                     {"User-Agent", "alula-cli"}};
  if (!body.empty())
    request.headers.emplace_back("Content-Type", "application/json");
  if (shows_job)
    request.headers.emplace_back("Prefer", "respond-async");
  request.connect_limit = std::min(patience_, std::chrono::seconds{5});
  request.limit = patience_;
  request.max_body = std::size_t{64} << 20;
  // A node's certificate names its host, not this machine's loopback.
  request.checks_certificate = !node_.own_address;
  if (take) {
    hear(request, take);
    request.begin = [](const remote::http_head&) { return true; }; // kept
  }
  const auto outcome = line_->http.send(request);
  if (const auto* error = std::get_if<remote::http_error>(&outcome))
    return {0, {{"detail", error->what}}};
  const auto& answer = std::get<remote::http_answer>(outcome);
  auto parsed = json::parse(answer.body, nullptr, false);
  return {answer.status, parsed.is_discarded() ? json(nullptr) : parsed,
          std::string{answer.head.find("location")}};
}

void client::refuse(const reply& answer, const std::string& path) const {
  const auto code = code_for(answer.status);
  std::string said;
  if (answer.body.is_object())
    // The systems backups API has a sentence of its own shape.
    said = answer.body.value("detail", answer.body.value("message", ""));
  if (code == unreachable)
    throw leave{code, "the node does not answer at " + node_.url + ": " + said
                          + "\nIs it running (`systemctl status alula`)? "
                            "--url, ALULA_URL or --config say where it is."};
  if (answer.status == 401)
    throw leave{code,
                "the node at " + node_.url + " does not know the token"
                    + (node_.said_by.empty() ? "" : " of " + node_.said_by)
                    + ". --token-file, ALULA_TOKEN or --config give another."};
  if (said.empty())
    said = "the node answered " + std::to_string(answer.status) + " to " + path;
  const auto owner = answer.body.is_object() ? answer.body.find("owner_job")
                                             : answer.body.end();
  if (owner != answer.body.end() && owner->is_string())
    said += "\n`alula jobs show " + owner->get<std::string>()
            + "` says what that job is at; wait for its end, or cancel it.";
  throw leave{code, said};
}

reply client::ask(const std::string& method, const std::string& path,
                  const std::string& body) {
  return send(method, path, body, false, {});
}

json client::get(const std::string& path) {
  return act("GET", path);
}

json client::act(const std::string& method, const std::string& path,
                 const std::string& body) {
  auto answer = send(method, path, body, false, {});
  if (answer.status < 200 || answer.status > 299)
    refuse(answer, path);
  return std::move(answer.body);
}

json client::start(const std::string& method, const std::string& path,
                   const std::string& body) {
  auto answer = send(method, path, body, true, {});
  if (answer.status < 200 || answer.status > 299)
    refuse(answer, path);
  return std::move(answer.body);
}

void client::fetch(const std::string& url,
                   const std::function<bool(std::string_view)>& take) {
  remote::http_request request;
  request.url = url;
  request.connect_limit = std::chrono::seconds{10};
  hear(request, take);
  const auto outcome = line_->http.send(request);
  const auto place = url.substr(0, url.find('?')); // the rest is a signature
  if (const auto* error = std::get_if<remote::http_error>(&outcome))
    throw leave{failed,
                "the store does not give " + place + ": " + error->what};
  const auto status = std::get<remote::http_answer>(outcome).status;
  if (status < 200 || status > 299)
    throw leave{failed, "the store answered " + std::to_string(status) + " to "
                            + place};
}

void client::download(const std::string& path,
                      const std::function<bool(std::string_view)>& take) {
  const auto answer = send("GET", path, {}, false, take);
  if (answer.status == 302 && !answer.location.empty())
    return fetch(answer.location, take);
  if (answer.status < 200 || answer.status > 299)
    refuse(answer, path);
}

} // namespace alula::app::cli
