/// Where a download_url may lead: what keeps a Panel that was tricked, or one
/// of its users, from making the node fetch from the node's own network
/// (server-side request forgery); and where other nodes may be. Pure functions.
#pragma once

#include "jobs/result.hpp"

#include <string>
#include <string_view>
#include <vector>

struct sockaddr;

namespace alula::remote {

/// Hosts and networks of a private network that may be asked all the same:
/// "minio.lan", "10.1.0.0/16", "::1", "192.168.1.5".
using link_allowance = std::vector<std::string>;

struct link_parts {
  std::string scheme; ///< "http" or "https"
  std::string host;   ///< in lower case, IPv6 without brackets
};

/// Faults link_refused: no http or https URL, userinfo in it, or a host that is
/// written as an address that may not be asked, in whatever notation.
jobs::result<link_parts> check_link(const std::string& url,
                                    const link_allowance& allowed);

/// Where a server may be sent. Nodes are neighbours, so their addresses may be
/// those of a private network, or this machine's own; what no node has is
/// refused: link-local addresses (the metadata services of clouds), multicast,
/// broadcast and "this network", in whatever notation. Faults link_refused, as
/// check_link has them.
jobs::result<link_parts> check_node_url(const std::string& url);

/// The same of the address that a node's name leads to.
bool may_be_node(const sockaddr& address);

/// Where a redirect of `from` leads; relative ones too. Empty when it cannot be
/// read.
std::string resolve_link(const std::string& from, const std::string& location);

/// Whether an address that a host's name leads to may be connected to: one of
/// the public internet, one that is allowed, or any when the name is. Looks
/// into IPv6 addresses that stand for IPv4 ones.
bool may_connect(const sockaddr& address, std::string_view host,
                 const link_allowance& allowed);

} // namespace alula::remote
