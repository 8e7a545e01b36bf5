/// What dockerd is sent and answers when something is made: JSON in and out, no
/// I/O.
#pragma once

#include "jobs/container_factory.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace alula::remote {

/// Of POST /containers/create.
std::string create_body(const jobs::container_spec& what);
/// Of POST /networks/create.
std::string network_body(const jobs::network_spec& what);

/// Of POST /containers/{id}/update. There zero means "as it was", so that what
/// has no limit is sent as what Docker takes for none, but for the weight of
/// the disk, where there is no such word; `all_cpus` is the word for every core
/// of the node ("0-7").
std::string update_body(const jobs::container_limits& limits,
                        std::string_view all_cpus);

/// What X-Registry-Auth carries.
std::string registry_auth(const jobs::registry_login& login);

struct made_container {
  std::string id;
  std::vector<std::string> warnings; ///< what the kernel cannot do
};
/// Nothing when the text is not what POST /containers/create answers.
std::optional<made_container> read_made(std::string_view json);

/// The same words of what POST /containers/{id}/update answers.
std::vector<std::string> read_warnings(std::string_view json);

/// Of GET /networks/{id}; nothing when the text is none of that name.
std::optional<jobs::network_found> read_network(std::string_view json,
                                                std::string_view name);

/// From GET /version and GET /info. Nothing when they are neither.
std::optional<jobs::docker_facts> read_facts(std::string_view version,
                                             std::string_view info);

/// An image as GET /images and POST /images/create want it. Nothing when the
/// text is no name of an image.
struct image_name {
  std::string repository; ///< with its registry
  std::string tag;        ///< or its digest; "latest" when there is none
};
std::optional<image_name> read_image_name(std::string_view text);

} // namespace alula::remote
