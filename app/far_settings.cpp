#include "app/far_settings.hpp"

#include <cstdint>
#include <utility>

namespace alula::app {

namespace {

constexpr std::int64_t mib = 1 << 20;

std::string text_at(const std::map<std::string, std::string>& of,
                    const std::string& name, std::string otherwise = {}) {
  const auto found = of.find(name);
  if (found == of.end() || found->second.empty())
    return otherwise;
  return found->second;
}

std::int64_t rate_of(std::int64_t mib_per_second) {
  return mib_per_second * mib;
}

} // namespace

jobs::upload_rules upload_rules_of(const config& c) {
  jobs::upload_rules out;
  out.parallel = static_cast<int>(c.system.backups.s3_parallel);
  out.stream = c.system.backups.s3_stream;
  out.are_copied = !c.system.backups.copy_to.empty();
  return out;
}

std::shared_ptr<jobs::shared_rate> upload_limit_of(const config& c) {
  const auto rate = rate_of(c.system.backups.s3_upload_limit);
  return rate == 0 ? nullptr
                   : std::make_shared<jobs::shared_rate>(
                       static_cast<std::uint64_t>(rate));
}

remote::link_settings
link_settings_of(const config& c,
                 std::shared_ptr<jobs::shared_rate> upload_limit) {
  const auto& asked = c.system.backups;
  return {.allowed = asked.download_hosts,
          .send_limit = std::move(upload_limit),
          .take_rate = rate_of(asked.s3_download_limit),
          .ca_file = asked.s3_ca,
          .stall = asked.s3_stall};
}

remote::node_link_settings node_link_settings_of(const config& c) {
  const auto& asked = c.system.transfers;
  remote::node_link_settings out;
  out.ca_file = asked.ca;
  out.send_rate = rate_of(asked.upload_limit);
  out.stall = asked.stall;
  return out;
}

jobs::result<std::vector<remote::s3_settings>>
stores_of(const config& c,
          const std::shared_ptr<jobs::shared_rate>& upload_limit) {
  std::vector<remote::s3_settings> out;
  for (const auto& [name, endpoint] : c.stores.endpoint) {
    remote::s3_settings one;
    one.name = name;
    one.endpoint = endpoint;
    one.region = text_at(c.stores.region, name, "us-east-1");
    one.bucket = text_at(c.stores.bucket, name);
    one.prefix = text_at(c.stores.prefix, name);
    if (!one.prefix.empty() && !one.prefix.ends_with('/'))
      one.prefix += '/';
    one.path_style = text_at(c.stores.addressing, name, "path") == "path";
    one.ca_file = text_at(c.stores.ca, name);
    if (const auto size = c.stores.part_size.find(name);
        size != c.stores.part_size.end())
      one.part_size = static_cast<std::int64_t>(size->second * mib);
    one.send_limit = upload_limit;
    one.take_rate = rate_of(c.system.backups.s3_download_limit);
    one.stall = c.system.backups.s3_stall;
    auto keys = remote::read_s3_keys(
        {.access = text_at(c.stores.access_key, name),
         .secret = text_at(c.stores.secret_key, name),
         .file = text_at(c.stores.credentials_file, name),
         .profile = text_at(c.stores.credentials_profile, name, "default"),
         .environment = text_at(c.stores.credentials_env, name, "AWS")});
    if (!keys) {
      auto why = std::move(keys).error();
      why.what = "stores." + name + ": " + why.what;
      return why;
    }
    one.keys = *std::move(keys);
    out.push_back(std::move(one));
  }
  return out;
}

} // namespace alula::app
