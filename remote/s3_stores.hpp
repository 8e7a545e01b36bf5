/// The stores of the configuration.
#pragma once

#include "remote/s3_store.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace alula::remote {

/// Where the keys of a store come from. The first that is set counts.
struct s3_key_source {
  std::string access; ///< as they are
  std::string secret;
  std::string file; ///< as AWS's `credentials`, with a [profile]
  std::string profile = "default";
  /// Of the variables …_ACCESS_KEY_ID, …_SECRET_ACCESS_KEY, …_SESSION_TOKEN.
  std::string environment = "AWS";
};

/// Faults: validation, with the place; io_error.
jobs::result<s3_keys> read_s3_keys(const s3_key_source& from);

class s3_stores final : public jobs::object_stores {
public:
  s3_stores(std::vector<s3_settings> settings, const jobs::clock& clock);
  jobs::object_store* find(std::string_view name) override;
  std::vector<std::string> names() const override;

private:
  std::vector<std::unique_ptr<s3_store>> stores_;
};

} // namespace alula::remote
