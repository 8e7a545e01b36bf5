/// A stream of bytes that is pulled piece by piece: what a tar is read from.
#pragma once

#include "backup/gzip_member.hpp"
#include "jobs/result.hpp"

namespace alula::backup {

class byte_source {
public:
  virtual ~byte_source() = default;
  /// The next bytes, as many as are there; none at the end, for ever. They are
  /// valid until the next call. After a fault the source is of no use.
  virtual jobs::result<byte_view> next() = 0;
};

} // namespace alula::backup
