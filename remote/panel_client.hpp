/// The Panel over HTTP: the one place that knows its URL and its headers, how
/// long an answer may take, and what an answer means
/// (wings-protocol 3.1 to 3.12).
#pragma once

#include "jobs/panel.hpp"
#include "remote/http_client.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

namespace alula::remote {

/// Whom to call, and as whom. May change while the node runs.
struct panel_access {
  std::string url; ///< `remote` of the configuration
  std::string token_id;
  std::string token; ///< never logged
};

struct panel_client_settings {
  panel_access access;
  std::string version = {}; ///< of alula, for the User-Agent
  /// One try, to the last byte of its answer: `remote_query.timeout`.
  std::chrono::milliseconds limit{30'000};
  /// `remote_query.boot_servers_per_page`.
  std::int64_t servers_per_page = 50;
  /// Of a call that is not made for long: a Panel that is there
  /// answers within a second, and somebody waits for his server.
  std::chrono::milliseconds brief_limit{5'000};
  std::chrono::milliseconds brief_connect{2'000};
};

/// Redirects are not followed: a Panel that answers with one is told apart from
/// one that took the call, and the fault says where `remote` should point.
class panel_client final : public jobs::panel {
public:
  explicit panel_client(panel_client_settings settings);
  ~panel_client() override;

  /// From the next call on.
  void change_access(panel_access access);

  bool is_configured() const override;
  jobs::result<jobs::panel_page> list_servers(std::int64_t page,
                                              std::stop_token stop) override;
  jobs::result<jobs::panel_server> find_server(const jobs::server_id& server,
                                               std::stop_token stop) override;
  jobs::result<jobs::panel_server>
  find_server_at_once(const jobs::server_id& server,
                      std::stop_token stop) override;
  jobs::result<jobs::install_script>
  find_install_script(const jobs::server_id& server,
                      std::stop_token stop) override;
  jobs::result<jobs::upload_plan> plan_upload(const jobs::backup_id& backup,
                                              std::int64_t size,
                                              std::stop_token stop) override;
  jobs::result<bool> knows_backup(const jobs::backup_id& backup,
                                  std::stop_token stop) override;
  jobs::status reset_servers(std::stop_token stop) override;
  jobs::delivery deliver(std::string_view method, std::string_view path,
                         std::string_view body, std::stop_token stop) override;

private:
  struct call;
  std::string address() const; ///< for people
  http_request request_of(const call& what) const;
  jobs::result<http_answer> ask(const call& what, const std::stop_token& stop);
  jobs::fault fault_of(const http_outcome& outcome, const call& what) const;
  jobs::result<jobs::panel_server>
  find(const jobs::server_id& server, bool brief, const std::stop_token& stop);

  const panel_client_settings settings_;
  mutable std::mutex mutex_; ///< over access_
  panel_access access_;
  http_client http_;
};

} // namespace alula::remote
