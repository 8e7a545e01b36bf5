/// What of the configuration is about storage on other machines.
#pragma once

#include "app/config.hpp"
#include "jobs/far_places.hpp"
#include "jobs/rate_limit.hpp"
#include "remote/node_links.hpp"
#include "remote/s3_stores.hpp"
#include "remote/signed_links.hpp"

#include <memory>
#include <vector>

namespace alula::app {

jobs::upload_rules upload_rules_of(const config& c);
/// What all uploads to stores, the Panel's and ours, share; null: no limit.
std::shared_ptr<jobs::shared_rate> upload_limit_of(const config& c);
remote::link_settings
link_settings_of(const config& c,
                 std::shared_ptr<jobs::shared_rate> upload_limit = {});
remote::node_link_settings node_link_settings_of(const config& c);

/// Reads the keys from where they are. Faults name the store.
jobs::result<std::vector<remote::s3_settings>>
stores_of(const config& c,
          const std::shared_ptr<jobs::shared_rate>& upload_limit = {});

} // namespace alula::app
