#include "app/commands.hpp"
#include "app/config_file.hpp"
#include "remote/http_client.hpp"
#include "remote/panel_answers.hpp"

#include <chrono>
#include <cstdio>
#include <string>
#include <system_error>

namespace alula::app {

namespace {

/// wings-protocol 10.7; the key is one of the application API.
remote::http_request ask_for(const options& asked) {
  auto url = asked.panel_url;
  while (url.ends_with('/'))
    url.pop_back();
  remote::http_request request;
  request.url = url + "/api/application/nodes/" + remote::escape(asked.node)
                + "/configuration";
  request.headers = {{"Authorization", "Bearer " + asked.token},
                     {"Accept", "application/vnd.pterodactyl.v1+json"},
                     {"Content-Type", "application/json"}};
  request.connect_limit = std::chrono::seconds{10};
  request.limit = std::chrono::seconds{30};
  request.checks_certificate = !asked.allow_insecure;
  return request;
}

std::string why_not(const remote::http_answer& answer) {
  switch (answer.status) {
  case 401:
  case 403:
    return "the Panel does not accept the token: it has to be a key of the "
           "application API (ptla_…) that may read nodes";
  case 404:
    return "the Panel has no node of that number";
  default:
    return remote::panel_fault(answer, "the request").what;
  }
}

int complain(const std::string& why) {
  std::fprintf(stderr, "alula: %s\n", why.c_str());
  return 1;
}

} // namespace

int configure(const options& asked) {
  const auto& file = asked.config;
  std::error_code error;
  if (std::filesystem::exists(file, error) && !asked.override_config)
    return complain(file.string()
                    + " is there already; --override replaces it");
  if (asked.allow_insecure)
    std::fputs(
        "alula: warning: the Panel's certificate is not checked: whoever "
        "is between can read the token, and write this node's "
        "configuration. The node itself will check it.\n",
        stderr);
  remote::http_client http{{}};
  const auto outcome = http.send(ask_for(asked));
  const auto* answer = std::get_if<remote::http_answer>(&outcome);
  if (!answer)
    return complain("the Panel cannot be reached: "
                    + std::get<remote::http_error>(outcome).what);
  if (answer->status != 200)
    return complain(why_not(*answer));
  const auto text = new_config(answer->body);
  if (!text)
    return complain("what the Panel said cannot be used: " + text.error().what);
  if (const auto written = write_config(file, *text); !written)
    return complain(written.error().what);
  std::printf("wrote %s\n", file.c_str());
  return 0;
}

} // namespace alula::app
