/// jobs::node_links over libcurl: one request, multipart/form-data in chunks,
/// as Wings sends it (wings-protocol 2.16).
#pragma once

#include "jobs/node_links.hpp"
#include "remote/http_client.hpp"

#include <chrono>
#include <string>

namespace alula::remote {

struct node_link_settings {
  std::string ca_file = {};   ///< PEM, instead of the system's
  std::int64_t send_rate = 0; ///< bytes per second; 0: as it goes
  std::chrono::milliseconds connect_limit{10'000};
  /// How long nothing may move while the archive is sent.
  std::chrono::milliseconds stall{300'000};
  /// From the last byte to the answer: stock Wings gets the server's image
  /// within it, for up to 15 minutes (wings-protocol 2.18).
  std::chrono::milliseconds answer_limit{1'200'000};
};

class http_node_links final : public jobs::node_links {
public:
  explicit http_node_links(node_link_settings settings);

  jobs::status check(const std::string& url) const override;
  jobs::status push(const jobs::node_address& to,
                    const jobs::archive_maker& make,
                    const std::function<void()>& awaits,
                    std::stop_token stop) override;

private:
  const node_link_settings settings_;
  http_client client_;
};

} // namespace alula::remote
