/// A factory of containers in memory: a journal of every call, and faults that
/// the next calls of a method run into. What it creates appears in a
/// fake_containers, when it is given one.
#pragma once

#include "jobs/container_factory.hpp"
#include "tests/doubles/call_script.hpp"
#include "tests/doubles/fake_containers.hpp"

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace alula::jobs {

/// Its journal: "create NAME", "pull IMAGE", "has_image IMAGE", "ensure_network
/// NAME", "update NAME", "facts". Any thread may call any method; the public
/// members are for the test, before and after, or under `mutex`.
class fake_container_factory final : public container_factory,
                                     public call_script {
public:
  ~fake_container_factory()
      override; ///< in fakes.cpp, as is all that is virtual
  explicit fake_container_factory(fake_containers* engine = nullptr)
    : engine_(engine) {}

  std::set<std::string, std::less<>> images; ///< those on the node
  /// Those a registry has; empty: every image can be pulled.
  std::set<std::string, std::less<>> registry;
  std::vector<std::string> pull_says{"Pulling from registry",
                                     "Download complete"};
  /// Called by pull, outside the mutex, before it says anything.
  std::function<void(std::string_view)> before_pull;
  /// Called by facts, outside the mutex.
  std::function<void(std::stop_token)> before_facts;
  std::optional<registry_login> last_login;
  std::optional<pull_for> last_pull;

  std::map<std::string, container_spec, std::less<>> created; ///< by name
  std::map<std::string, network_spec, std::less<>> networks;
  std::map<std::string, container_limits, std::less<>> updated; ///< by name
  docker_facts node{.version = "20.10.24",
                    .cgroup_driver = "cgroupfs",
                    .cgroup_version = "2",
                    .storage_driver = "overlay2",
                    .filesystem = "extfs",
                    .runc_version = "v1.1.12",
                    .operating_system = "Debian GNU/Linux 12 (bookworm)",
                    .kernel_version = "6.1.0",
                    .memory_bytes = std::int64_t{8} << 30};

  /// What a container was made of; nothing when it was not made here.
  std::optional<container_spec> spec_of(std::string_view name) {
    const std::lock_guard guard{mutex};
    const auto at = created.find(name);
    return at == created.end() ? std::nullopt : std::optional{at->second};
  }

  result<std::string> create(const container_spec& what) override {
    const std::lock_guard guard{mutex};
    if (auto planned = note("create", what.name); !planned)
      return std::move(planned).error();
    if (auto there = id_of(what.name); !there.empty())
      return there;
    if (!images.contains(what.image))
      return fault{.code = fault_code::docker_refused,
                   .what = "dockerd answered 404: No such image: " + what.image,
                   .where = "POST /containers/create"};
    auto id = "made-" + std::to_string(++made_);
    created[what.name] = what;
    ids_[what.name] = id;
    if (engine_ != nullptr)
      put(id, what);
    return id;
  }

  status pull(std::string_view image,
              const std::optional<registry_login>& login,
              const std::function<void(std::string_view)>& tell, pull_for what,
              std::stop_token stop) override {
    if (before_pull)
      before_pull(image);
    std::vector<std::string> words;
    {
      const std::lock_guard guard{mutex};
      if (auto planned = note("pull", image); !planned)
        return planned;
      last_login = login;
      last_pull = what;
      words = pull_says;
    }
    for (const auto& word : words) {
      if (stop.stop_requested())
        return fault{.code = fault_code::interrupted, .what = "asked to stop"};
      tell(word);
    }
    const std::lock_guard guard{mutex};
    if (!registry.empty() && !registry.contains(image))
      return fault{.code = fault_code::docker_refused,
                   .what = "manifest for " + std::string{image} + " not found",
                   .where = "POST /images/create"};
    images.emplace(image);
    return {};
  }

  result<bool> has_image(std::string_view image) override {
    const std::lock_guard guard{mutex};
    if (auto planned = note("has_image", image); !planned)
      return std::move(planned).error();
    return images.contains(image);
  }

  result<network_found> ensure_network(const network_spec& what) override {
    const std::lock_guard guard{mutex};
    if (auto planned = note("ensure_network", what.name); !planned)
      return std::move(planned).error();
    const auto [at, made] = networks.emplace(what.name, what);
    return network_found{made, at->second.driver, at->second.internal};
  }

  status update(std::string_view name_or_id,
                const container_limits& limits) override {
    const std::lock_guard guard{mutex};
    if (auto planned = note("update", name_or_id); !planned)
      return planned;
    updated[std::string{name_or_id}] = limits;
    return {};
  }

  result<docker_facts> facts(std::stop_token stop) override {
    if (before_facts)
      before_facts(stop);
    const std::lock_guard guard{mutex};
    if (auto planned = note("facts"); !planned)
      return std::move(planned).error();
    return node;
  }

private:
  /// Of a container that is there: with an engine, only the engine knows.
  std::string id_of(const std::string& name) {
    if (engine_ == nullptr)
      return ids_.contains(name) ? ids_[name] : std::string{};
    const std::lock_guard guard{engine_->mutex};
    for (const auto& [id, each] : engine_->by_id)
      if (each.info.name == name)
        return id;
    return {};
  }

  void put(const std::string& id, const container_spec& what) {
    const std::lock_guard guard{engine_->mutex};
    auto& made = engine_->by_id[id];
    made.info.id = id;
    made.info.name = what.name;
    made.info.status = "created";
    made.info.image = what.image;
    made.info.labels = what.labels;
    for (const auto& [key, value] : what.labels)
      made.labels.push_back(key + '=' + value);
  }

  fake_containers* engine_;
  std::map<std::string, std::string> ids_;
  int made_ = 0;
};

} // namespace alula::jobs
