/// The node as the commands of the command line ask it: over HTTP, like
/// everybody else.
#pragma once

#include "app/config.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace alula::app::cli {

using json = nlohmann::ordered_json;

/// What a command leaves with (docs/command-line.md).
enum leave_code {
  done = 0,
  failed = 1,       ///< the job failed, the check found something bad
  needs_you = 2,    ///< the job is parked
  usage = 64,       ///< a mistake on the command line
  not_found = 66,   ///< no such job, server, backup, file
  unreachable = 69, ///< the node does not answer
  not_now = 75,     ///< 409, 429, 503: the same may succeed later
  not_allowed = 77, ///< the token is missing, wrong, or not for this
  no_config = 78,   ///< the configuration cannot be used
};

/// Ends a command; caught in one place, client_commands.cpp.
class leave : public std::runtime_error {
public:
  leave(leave_code code, const std::string& what)
    : std::runtime_error(what), code_(code) {}
  leave_code code() const { return code_; }

private:
  leave_code code_;
};

/// What stands on the command line for every command.
struct asked_node {
  std::string url;                  ///< else $ALULA_URL, else of the config
  std::string token;                ///< else $ALULA_TOKEN, else of the config
  std::filesystem::path token_file; ///< in place of `token`
  std::filesystem::path config;     ///< else $ALULA_CONFIG, else where it is
  std::filesystem::path data;       ///< of a node without a config
  bool as_json = false;
  bool yes = false; ///< nothing is asked
};

/// Where the node is, and who says so.
struct found_node {
  std::string url, token;
  std::string said_by;               ///< for messages
  bool own_address = false;          ///< this machine's, out of its own config
  std::filesystem::path config_file; ///< empty: none
  std::optional<config> settings;
};

/// Reads what the command line, the environment and this machine say. Throws
/// leave(no_config) for a config that cannot be read.
found_node find_node(const asked_node& asked);

/// Where the node of this config is, asked from its own machine.
std::string url_of(const config& c);

/// Its token, or what its token_file says; empty where that cannot be read.
std::string token_of(const config& c);

/// The config that find_node would use; empty when there is none.
std::filesystem::path find_config(const asked_node& asked);

/// Where a node without a config keeps everything; may be empty.
std::filesystem::path data_of(const asked_node& asked);

struct reply {
  int status = 0;            ///< 0: the node did not answer
  json body;                 ///< null when there is none
  std::string location = {}; ///< of a download that lies elsewhere
};

class client {
public:
  /// `patience`: above the longest poll, unless somebody waits for a word.
  explicit client(found_node node,
                  std::chrono::seconds patience = std::chrono::seconds{75});
  ~client();

  /// Any answer, and none.
  reply ask(const std::string& method, const std::string& path,
            const std::string& body = {});
  /// A 2xx answer; anything else throws leave with the node's own sentence.
  json get(const std::string& path);
  /// Starts or joins a job and gives it as it is then.
  json start(const std::string& method, const std::string& path,
             const std::string& body = {});
  json act(const std::string& method, const std::string& path,
           const std::string& body = {});
  /// The body of a 2xx answer, piece by piece. What only a store has is
  /// fetched from there, without the node's token.
  void download(const std::string& path,
                const std::function<bool(std::string_view)>& take);

  const found_node& node() const { return node_; }

private:
  reply send(const std::string& method, const std::string& path,
             const std::string& body, bool shows_job,
             const std::function<bool(std::string_view)>& take);
  void fetch(const std::string& url,
             const std::function<bool(std::string_view)>& take);
  [[noreturn]] void refuse(const reply& answer, const std::string& path) const;

  found_node node_;
  const std::chrono::seconds patience_;
  struct line;
  std::unique_ptr<line> line_;
};

} // namespace alula::app::cli
