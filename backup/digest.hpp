/// SHA-1 and SHA-256 of one stream, fed while it is written, so that no
/// archive is read a second time only to be hashed. The Panel stores SHA-1
/// (wings-protocol 7.2); SHA-256 is what a restore trusts.
#pragma once

#include "backup/gzip_member.hpp"

#include <memory>
#include <string>

namespace alula::backup {

struct checksums {
  std::string sha1;   ///< 40 lower-case hexadecimal digits
  std::string sha256; ///< 64
  friend bool operator==(const checksums&, const checksums&) = default;
};

/// Which of them are taken: each costs about as much as reading does.
enum class sums { none, sha1, sha256, both };

/// Belongs to one thread at a time.
class digest {
public:
  explicit digest(sums which = sums::both);
  ~digest();
  digest(digest&&) noexcept;
  digest& operator=(digest&&) noexcept;

  void update(byte_view data);
  /// Ends the stream; the object is of no use afterwards. What was not taken is
  /// empty.
  checksums finish();

private:
  struct state;
  std::unique_ptr<state> state_;
};

} // namespace alula::backup
