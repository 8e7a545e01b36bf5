/// URLs that somebody else has signed: a Panel, for parts of an upload and for
/// the download of a backup. A port: the adapter is remote/signed_links.hpp.
#pragma once

#include "jobs/object_store.hpp"

#include <cstdint>
#include <stop_token>
#include <string>

namespace alula::jobs {

/// What a store answered to a part.
struct link_answer {
  int status = 0;
  std::string etag; ///< as it was sent, with its quotes
  std::string why;  ///< for people when it is not 2xx; never a secret
  /// The ETag is an MD5 and not that of what was sent.
  bool is_wrong = false;
  /// The store's word for it ("AccessDenied") when it is not 2xx; or empty.
  std::string code = {};
};

struct link_download {
  std::int64_t at = 0; ///< the first byte wanted
  /// Of the object whose first bytes are there; empty: none are. When it has
  /// changed meanwhile everything comes, from its first byte on.
  std::string etag;
};

/// What comes, before its first byte.
struct link_content {
  std::int64_t at = 0;   ///< of the first byte that comes
  std::int64_t size = 0; ///< of the whole object; 0: not said
  std::string etag;      ///< strong; empty: not said
};

/// Blocks; any thread, several at once. Tries once. No limit to all of a
/// transfer: it ends when nothing moves for the stall limit.
/// Faults: store_unavailable (no answer, it ended early, 5xx), interrupted.
class signed_links {
public:
  virtual ~signed_links() = default;

  /// PUT with Content-Length. Every answer is one, whatever its status.
  virtual result<link_answer> put(const std::string& url,
                                  const byte_source& from,
                                  const transfer_tell& tell,
                                  std::stop_token stop) = 0;

  /// Whether it may be asked at all: scheme, host, and what the text of the
  /// URL says of addresses. Does not ask anybody. Fault link_refused.
  virtual status check(const std::string& url) const = 0;

  /// GET. `begin` hears what comes before the first byte does, and may end it.
  /// Where a name leads is looked at when it is connected to, for every
  /// redirect anew. Faults besides: link_refused; store_refused (4xx: expired,
  /// no such object; no archive).
  virtual status get(const std::string& url, const link_download& what,
                     const std::function<status(const link_content&)>& begin,
                     const byte_sink& into, std::stop_token stop) = 0;
};

} // namespace alula::jobs
