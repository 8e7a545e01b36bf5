/// tests/doubles/panel.py as a child process, and its controls. Any number of
/// them may run at once; each has a port of its own.
#pragma once

#include "remote/http_client.hpp"
#include "tests/doubles/places.hpp"

#include <nlohmann/json.hpp>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <fcntl.h>
#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace alula::doubles {

class panel_process {
public:
  using json = nlohmann::json;

  static inline const std::string token_id = "AbCdEfGhIjKlMnOp";
  static inline const std::string token = std::string(64, 't');
  static inline const std::string api_key = "ptla_test";

  /// `port` 0: the system chooses one.
  explicit panel_process(std::uint16_t port = 0) {
    std::array<int, 2> pipe{};
    if (pipe2(pipe.data(), O_CLOEXEC) != 0)
      throw std::runtime_error{"no pipe"};
    const std::string script = places::panel;
    const auto number = std::to_string(port);
    pid_ = fork();
    if (pid_ == 0) {
      dup2(pipe[1], STDOUT_FILENO);
      execlp("python3", "python3", script.c_str(), "--port", number.c_str(),
             static_cast<char*>(nullptr));
      _exit(127);
    }
    close(pipe[1]);
    std::string said;
    for (char c = 0; read(pipe[0], &c, 1) == 1 && c != '\n';)
      said += c;
    close(pipe[0]);
    if (!said.starts_with("listening "))
      throw std::runtime_error{"the test Panel does not start: " + said};
    port_ = static_cast<std::uint16_t>(std::stoi(said.substr(10)));
  }
  ~panel_process() {
    ::kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  panel_process(const panel_process&) = delete;
  panel_process& operator=(const panel_process&) = delete;

  std::uint16_t port() const { return port_; }
  std::string url() const {
    return "http://127.0.0.1:" + std::to_string(port_);
  }
  /// The lines of a config.yml that name this Panel.
  std::string config() const {
    return "remote: " + url() + "\ntoken_id: " + token_id + "\n";
  }

  // -- controls ---------------------------------------------------------------

  void add_server(const std::string& uuid, json more = json::object()) {
    more["uuid"] = uuid;
    post("/servers", more);
  }
  void remove_server(const std::string& uuid) {
    post("/servers/remove", {{"uuid", uuid}});
  }
  void add_backup(const std::string& uuid, const std::string& server) {
    post("/backups", {{"uuid", uuid}, {"server", server}});
  }
  void set(const json& habits) { post("/habits", habits); }

  json state() { return get("/state"); }
  /// {"n","method","path","status","body"} in order; waits until there is one.
  std::vector<json> calls(std::int64_t after = 0, int wait_seconds = 0) {
    return get("/calls?after=" + std::to_string(after)
               + "&wait=" + std::to_string(wait_seconds))
        .at("calls")
        .get<std::vector<json>>();
  }
  /// The first call of this kind, waiting half a minute for it; null: none.
  json wait_for(const std::string& method, const std::string& path,
                const std::function<bool(const json&)>& fits = {}) {
    const auto limit =
        std::chrono::steady_clock::now() + std::chrono::seconds{30};
    std::int64_t seen = 0;
    while (std::chrono::steady_clock::now() < limit)
      for (const auto& call : calls(seen, 2)) {
        seen = call.at("n").get<std::int64_t>();
        if (call.at("method") == method
            && call.at("path") == "/api/remote" + path && (!fits || fits(call)))
          return call;
      }
    return nullptr;
  }

private:
  json get(const std::string& path) { return send("GET", path, ""); }
  void post(const std::string& path, const json& body) {
    send("POST", path, body.dump());
  }
  json send(const std::string& method, const std::string& path,
            std::string body) {
    remote::http_request request;
    request.method = method;
    request.url = url() + "/_control" + path;
    request.body = std::move(body);
    request.limit = std::chrono::seconds{30};
    request.max_body = std::size_t{64} << 20;
    const auto outcome = http_.send(request);
    const auto* answer = std::get_if<remote::http_answer>(&outcome);
    if (!answer || answer->status != 200)
      throw std::runtime_error{
          "the test Panel refuses " + path + ": "
          + (answer ? answer->body
                    : std::get<remote::http_error>(outcome).what)};
    return json::parse(answer->body);
  }

  pid_t pid_ = -1;
  std::uint16_t port_ = 0;
  remote::http_client http_{{}};
};

} // namespace alula::doubles
