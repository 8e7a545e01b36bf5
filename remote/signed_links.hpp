/// jobs::signed_links over libcurl.
#pragma once

#include "jobs/signed_links.hpp"
#include "remote/http_client.hpp"
#include "remote/link_policy.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace alula::remote {

struct link_settings {
  link_allowance allowed = {}; ///< private hosts that may be downloaded from
  /// Of all that is sent at once, by whomever has it too; null: none.
  std::shared_ptr<jobs::shared_rate> send_limit = {};
  std::int64_t take_rate = 0; ///< of one download, bytes per second; 0: none
  std::string ca_file = {};
  /// How long nothing may move.
  std::chrono::milliseconds stall{60'000};
  /// Of tests alone, never of a configuration: http_request::resolve.
  std::vector<std::string> resolve = {};
};

class web_links final : public jobs::signed_links {
public:
  explicit web_links(link_settings settings);

  jobs::result<jobs::link_answer> put(const std::string& url,
                                      const jobs::byte_source& from,
                                      const jobs::transfer_tell& tell,
                                      std::stop_token stop) override;
  jobs::status check(const std::string& url) const override;
  jobs::status
  get(const std::string& url, const jobs::link_download& what,
      const std::function<jobs::status(const jobs::link_content&)>& begin,
      const jobs::byte_sink& into, std::stop_token stop) override;

private:
  struct reading;
  http_request request_for(reading& now);
  jobs::status read_once(reading& now, const std::stop_token& stop);

  const link_settings settings_;
  http_client uploads_;
  /// Of its own: a kept connection of somebody else was asked for by nobody.
  http_client downloads_;
};

} // namespace alula::remote
