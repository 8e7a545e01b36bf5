/// A body of type multipart/form-data (RFC 7578, RFC 2046 5.1), read front to
/// back from wherever it comes, in a bounded amount of memory whatever its
/// sender writes.
#pragma once

#include "jobs/result.hpp"

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace alula::jobs {

/// The boundary that a Content-Type names. Faults malformed: it is no
/// multipart/…, has no boundary, or one that RFC 2046 does not allow.
result<std::string> multipart_boundary(std::string_view content_type);

/// Belongs to one thread. Faults: malformed, with what is wrong; those of the
/// source. After one the reader is of no use.
class multipart_reader {
public:
  /// As body_pipe::read: the next bytes, at most as many as fit; 0 at the end.
  using source = std::function<result<std::size_t>(std::span<char>)>;
  struct part {
    std::string name; ///< of the form field
  };

  /// Bytes of a part's header lines, of what stands before the first part, and
  /// of what follows the last; nobody who sends a form needs a tenth.
  static constexpr std::size_t most_header = std::size_t{16} << 10;
  /// Parts, the ones nobody asked for included.
  static constexpr int most_parts = 16;

  multipart_reader(std::string_view boundary, source from);

  /// Goes to the next part, past what is left of this one. Nothing at the end,
  /// when the body has been read to its last byte.
  result<std::optional<part>> next();

  /// The next bytes of the part's content, as many as are there; empty at its
  /// end. Valid until the next call.
  result<std::string_view> read();

private:
  enum class place { preamble, content, between, end };

  result<bool> fill();
  status need(std::size_t bytes);
  status skip_content();
  result<bool> pass_delimiter();
  result<part> read_header();
  status pass_epilogue();
  std::string_view held() const {
    return std::string_view{buffer_}.substr(from_);
  }

  const std::string delimiter_; ///< CR LF "--" boundary
  source from_source_;
  std::string buffer_;
  std::size_t from_ = 0; ///< of the buffer that was given out
  bool source_ended_ = false;
  place at_ = place::preamble;
  std::size_t preamble_ = 0;
  int parts_ = 0;
};

} // namespace alula::jobs
