/// Who asks, and what may be answered: the principals of the door, their
/// permissions and the objects they reach. Plain values and pure functions;
/// where they come from is http/auth.hpp and jobs/access_desk.hpp.
#pragma once

#include "jobs/ids.hpp"

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace alula::jobs {

/// What proved who asks.
enum class principal_kind {
  panel,     ///< the node's token: everything on this node
  token,     ///< an API token of this node
  appliance, ///< a key of one system, by Basic auth
  jwt,       ///< a JSON Web Token of the configured issuer
  page,      ///< the status page, on behalf of nobody in particular
};

/// A verb and what it is done to. The names ("read:servers") are part of the
/// API. GET and HEAD need `read`, everything else `manage` (systems-api 1.3);
/// `destroy` is for what ends a server or a system itself.
enum class permission : std::uint8_t {
  read_systems,    ///< list and download the backups of systems
  manage_systems,  ///< delete them
  destroy_systems, ///< a system with everything it has
  deliver_backups, ///< an appliance: its own system's backups
  read_servers,    ///< servers, and their jobs, backups, events, trash, reports
  manage_servers,  ///< change them
  destroy_servers, ///< create and delete servers
  read_node,       ///< pools, counters, metrics, log level
  manage_node,     ///< change them, and the configuration
  manage_access,   ///< tokens and the audit
  known,           ///< whoever has any credential: the description of the API
};
constexpr std::size_t permission_count = 11;

std::string_view to_string(permission p);
std::optional<permission> parse_permission(std::string_view text);

class permission_set {
public:
  constexpr permission_set() = default;
  constexpr permission_set(std::initializer_list<permission> all) {
    for (const auto one : all)
      add(one);
  }
  static constexpr permission_set every() {
    permission_set all;
    all.bits_ = (1u << permission_count) - 1;
    return all;
  }
  constexpr void add(permission p) { bits_ |= 1u << static_cast<unsigned>(p); }
  constexpr bool has(permission p) const {
    return (bits_ >> static_cast<unsigned>(p) & 1u) != 0;
  }
  friend bool operator==(const permission_set&,
                         const permission_set&) = default;

private:
  std::uint32_t bits_ = 0;
};

/// A named set of permissions: viewer reads, operator manages too, admin does
/// all. `custom`: permissions that a JWT has listed one by one.
enum class access_role { viewer, operate, admin, custom };

/// "viewer", "operator", "admin", "custom".
std::string_view to_string(access_role r);
/// Any of the first three.
std::optional<access_role> parse_access_role(std::string_view text);
/// Empty for `custom`.
permission_set permissions_of(access_role r);

/// What a permission is about. `id` is the uuid of a server or the id of a
/// system; a node has none. `organisation` is the path to who owns it,
/// outermost first ("acme/north/shop-7"), or empty.
struct access_object {
  enum class kinds { node, server, system };
  kinds kind = kinds::node;
  std::string id = {};
  std::string organisation = {};

  static access_object of_node() { return {}; }
  static access_object of_server(const server_id& server);
  static access_object of_system(std::string id, std::string organisation = {});
  friend bool operator==(const access_object&, const access_object&) = default;
};

/// Whether a kind of job is about a system, or all of them.
bool is_about_systems(std::string_view kind);

/// What a job is about: its server, or the system that the input of a kind
/// about systems names, of the organisation that it was of when the job was
/// accepted. Else the node, also when the input names no organisation, as in
/// older releases.
access_object subject_of(std::string_view kind, const server_id& server,
                         std::string_view input);

/// Which objects a principal reaches: all, or those named. An organisation
/// reaches whatever belongs to it or to one below it.
struct object_scope {
  bool everything = false;
  std::vector<std::string> servers = {};
  std::vector<std::string> systems = {};
  std::vector<std::string> organisations = {};

  static object_scope all() { return {.everything = true}; }
  /// The node itself is reached by `everything` alone.
  bool covers(const access_object& what) const;
  friend bool operator==(const object_scope&, const object_scope&) = default;
};

struct principal {
  std::string id; ///< "node", "token:<id>", "appliance:<key>", "jwt:<sub>"
  principal_kind kind = principal_kind::token;
  std::string name; ///< for people
  access_role role = access_role::viewer;
  permission_set permissions = {};
  object_scope scope = {};
  time_ms expires_at = 0; ///< what it holds open ends then; 0: never

  bool has(permission p) const { return permissions.has(p); }
};

/// Immutable, shared by all requests it has made. Null: nobody known.
using principal_ptr = std::shared_ptr<const principal>;

/// Whoever has the node's token.
principal_ptr panel_principal();

enum class verdict {
  allow,
  unauthenticated, ///< 401: nobody known
  forbidden,       ///< 403: known, and not for this
};

/// May `who` do this to `what`? Pure. `known` asks for a principal alone,
/// whatever it reaches.
verdict may(const principal* who, permission needs, const access_object& what);
inline verdict may(const principal_ptr& who, permission needs,
                   const access_object& what) {
  return may(who.get(), needs, what);
}

std::string_view to_string(principal_kind k);
std::optional<principal_kind> parse_principal_kind(std::string_view text);

} // namespace alula::jobs
