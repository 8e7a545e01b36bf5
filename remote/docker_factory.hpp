/// Makes containers, networks and images, through dockerd.
#pragma once

#include "jobs/container_factory.hpp"
#include "remote/docker.hpp"

#include <chrono>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace alula::remote {

struct docker_factory_settings {
  std::chrono::milliseconds create{60'000}; ///< a slow disk makes that long
  std::chrono::milliseconds update{15'000};
  std::chrono::milliseconds network{15'000};
  std::chrono::milliseconds facts{10'000};
  /// How long a pull may say nothing.
  std::chrono::milliseconds pull_silence{180'000};
  /// All of a pull, looked at when it says something: who waits for it holds
  /// one of a few workers.
  std::chrono::milliseconds pull{std::chrono::hours{1}};
  /// The same for a newer image while one is here: players wait for the start,
  /// which goes on with that one (user-pains A31). A registry that is busy says
  /// something within half a minute, as whole pulls of its users end within;
  /// five minutes are a gigabyte at 30 Mbit/s. What is bigger, or slower, an
  /// operator gets with `docker pull`.
  std::chrono::milliseconds newer_silence{30'000};
  std::chrono::milliseconds newer{std::chrono::minutes{5}};
};

/// Safe from any thread. Calls about one container go one at a time, and one
/// that hangs is left alone for a while, together with the other Docker ports
/// of the same link: every call may also answer container_busy or
/// docker_unavailable at once.
class docker_factory final : public jobs::container_factory {
public:
  explicit docker_factory(std::shared_ptr<docker_link> link,
                          docker_factory_settings settings = {});
  ~docker_factory() override;

  jobs::result<std::string> create(const jobs::container_spec& what) override;
  jobs::status pull(std::string_view image,
                    const std::optional<jobs::registry_login>& login,
                    const std::function<void(std::string_view)>& tell,
                    pull_for what, std::stop_token stop) override;
  jobs::result<bool> has_image(std::string_view image) override;
  jobs::result<jobs::network_found>
  ensure_network(const jobs::network_spec& what) override;
  jobs::status update(std::string_view name_or_id,
                      const jobs::container_limits& limits) override;
  jobs::result<jobs::docker_facts> facts(std::stop_token stop) override;

private:
  void compare(const jobs::network_spec& wanted,
               const jobs::network_found& found);
  void tell_warnings(std::string_view container,
                     const std::vector<std::string>& warnings);

  const std::shared_ptr<docker_link> link_;
  const docker_factory_settings settings_;
  std::mutex mutex_;
  std::set<std::string> told_; ///< differences of networks; a few
  /// Containers, and what Docker has warned of them; bounded.
  std::set<std::pair<std::string, std::string>> warned_;
};

} // namespace alula::remote
