/// One bucket of an S3-compatible store, over libcurl with signatures of our
/// own. Tested against Ceph's radosgw and OpenStack Swift, which differ where
/// clients get it wrong: tests/contracts/object_store_contract.hpp.
#pragma once

#include "jobs/clock.hpp"
#include "jobs/object_store.hpp"
#include "remote/http_client.hpp"
#include "remote/s3_signature.hpp"

#include <chrono>
#include <memory>
#include <string>

namespace alula::remote {

struct s3_settings {
  std::string name;
  std::string endpoint; ///< "https://s3.eu-central-1.amazonaws.com"
  std::string region = "us-east-1";
  std::string bucket;
  std::string prefix = {}; ///< before every key; "" or ends in '/'
  bool path_style = true;  ///< the bucket in the path, not in the host
  s3_keys keys;
  std::string ca_file = {}; ///< PEM, instead of the system's
  std::int64_t part_size = std::int64_t{64} << 20;
  /// Of all that is sent at once, by whomever has it too; null: none.
  std::shared_ptr<jobs::shared_rate> send_limit = {};
  std::int64_t take_rate = 0; ///< of one request, bytes per second; 0: none
  /// How long nothing may move in a transfer.
  std::chrono::milliseconds stall{60'000};
  /// For a small question, to the last byte of its answer.
  std::chrono::milliseconds limit{30'000};
};

class s3_store final : public jobs::object_store {
public:
  /// The clock outlives it.
  s3_store(s3_settings settings, const jobs::clock& clock);

  const std::string& name() const override { return settings_.name; }
  std::int64_t part_size() const override { return settings_.part_size; }
  jobs::result<std::string> put(const std::string& key,
                                const jobs::byte_source& from,
                                std::stop_token stop) override;
  jobs::result<std::optional<jobs::object_info>>
  head(const std::string& key, std::stop_token stop) override;
  jobs::result<jobs::object_info> get(const std::string& key, std::int64_t at,
                                      std::int64_t length,
                                      const std::string& etag,
                                      const jobs::byte_sink& into,
                                      std::stop_token stop) override;
  jobs::status remove(const std::string& key, std::stop_token stop) override;
  jobs::result<jobs::object_page> list(const std::string& prefix,
                                       const std::string& after,
                                       std::size_t limit,
                                       std::stop_token stop) override;
  jobs::result<std::string> begin_upload(const std::string& key,
                                         std::stop_token stop) override;
  jobs::result<jobs::object_part>
  put_part(const std::string& key, const std::string& upload, int number,
           const jobs::byte_source& from, const jobs::transfer_tell& tell,
           std::stop_token stop) override;
  jobs::result<std::vector<jobs::object_part>>
  list_parts(const std::string& key, const std::string& upload,
             std::stop_token stop) override;
  jobs::status finish_upload(const std::string& key, const std::string& upload,
                             std::vector<jobs::object_part> parts,
                             std::stop_token stop) override;
  jobs::status abort_upload(const std::string& key, const std::string& upload,
                            std::stop_token stop) override;
  jobs::result<std::vector<jobs::open_upload>>
  list_uploads(const std::string& prefix, std::stop_token stop) override;
  std::string presign_get(const std::string& key,
                          std::chrono::seconds lasts) override;
  std::string presign_part(const std::string& key, const std::string& upload,
                           int number, std::chrono::seconds lasts) override;

private:
  struct call;
  std::string path_of(const std::string& key) const;
  s3_request signable(const call& what) const;
  http_request request_of(const call& what) const;
  std::string place_of(const call& what) const;
  jobs::result<http_answer> ask(const call& what, const std::stop_token& stop);
  jobs::result<http_answer> send(const call& what, http_request request,
                                 const std::stop_token& stop);
  jobs::result<http_answer> upload(const call& what,
                                   const jobs::byte_source& from,
                                   const jobs::transfer_tell& tell,
                                   const std::stop_token& stop);
  std::string without_prefix(std::string key) const;
  jobs::fault not_understood(const call& what) const;

  const s3_settings settings_;
  const jobs::clock& clock_;
  std::string scheme_; ///< with "://"
  std::string host_;   ///< of requests, the bucket included unless path_style
  http_client http_;
};

} // namespace alula::remote
