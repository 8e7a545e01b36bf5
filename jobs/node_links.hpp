/// Other nodes, which take servers over from this one. A port: the adapter is
/// remote/node_links.hpp, the fake tests/doubles/fake_node_links.hpp.
#pragma once

#include "jobs/archives.hpp"
#include "jobs/result.hpp"

#include <functional>
#include <stop_token>
#include <string>

namespace alula::jobs {

/// Where a server goes, as the Panel says it.
struct node_address {
  std::string url;
  /// Secret: the whole value of the Authorization header, the word `Bearer`
  /// included (wings-protocol 2.16).
  std::string token;
};

/// Makes an archive into the sink it is given. Its fault ends the push.
using archive_maker = std::function<result<archive_made>(const archive_sink&)>;

/// Any thread, several at once.
class node_links {
public:
  virtual ~node_links() = default;

  /// Whether a server may be sent there: scheme, host, and what the text of
  /// the URL says of addresses. Asks nobody. Fault link_refused.
  virtual status check(const std::string& url) const = 0;

  /// Connects, then has the archive made and sends it while it is made, and its
  /// SHA-256 behind it (wings-protocol 2.16), and waits for the answer. Tries
  /// once. `awaits` is called when the last byte has been given to the
  /// connection, and then at least every second; it must not block.
  ///
  /// Success is the answer 200 alone. Faults: node_unavailable: there was no
  /// connection, so nothing was sent and it may be tried again; link_refused:
  /// where the name leads; node_refused: any other answer, none, or a
  /// connection that broke; interrupted; the maker's own.
  virtual status push(const node_address& to, const archive_maker& make,
                      const std::function<void()>& awaits,
                      std::stop_token stop) = 0;
};

} // namespace alula::jobs
