/// Takes an HTTP/1.1 answer apart as it arrives, for the answers that never
/// end: libcurl waits for their end, or cannot be written to. No I/O.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace alula::remote {

class answer_reader {
public:
  using taker = std::function<void(std::string_view)>;

  /// Hands on what belongs to the body, piece by piece. False when it is no
  /// HTTP, or a head or chunk out of all proportion: nothing is read any more.
  bool feed(std::string_view bytes, const taker& body);

  /// The peer closed its side. False when the body was not over.
  bool close();

  /// 0 until the head is complete.
  /// After 101 everything is a connection in both directions.
  int status() const { return status_; }
  bool is_over() const { return stage_ == stage::over; }

private:
  enum class stage {
    head,
    raw,
    counted,
    chunk_size,
    chunk,
    chunk_end,
    trailer,
    over,
    broken
  };
  bool read_line(std::string_view& bytes);
  bool read_head();
  void read_field(std::string_view line);
  void begin_body();
  bool read_chunk_size();
  void hand_on(std::string_view& bytes, const taker& body);
  bool step(std::string_view& bytes, const taker& body);

  stage stage_ = stage::head;
  int status_ = 0;
  std::string line_; ///< of the head or of a chunk, not yet complete
  std::size_t head_bytes_ = 0;
  bool is_chunked_ = false;
  bool has_length_ = false;
  bool has_status_line_ = false;
  std::uint64_t left_ = 0; ///< of the body or the chunk
};

} // namespace alula::remote
