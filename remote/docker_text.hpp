/// Cuts the streams of dockerd into what they are made of. No I/O; what is kept
/// back between two pieces is bounded.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace alula::remote {

/// The longest line of a console that stays in one piece.
constexpr std::size_t longest_line = std::size_t{64} << 10;

/// Lines of a console (wings-protocol 5.9): without LF or CR LF, empty ones
/// left out, a blank with a CR behind it made a CR LF. Longer lines come in
/// pieces, which break no UTF-8 sequence.
class line_cutter {
public:
  using taker = std::function<void(std::string_view)>;
  void feed(std::string_view bytes, const taker& line);
  /// The console has ended: what it left unfinished is a line too.
  void finish(const taker& line);

private:
  void emit(std::size_t count, const taker& line);

  std::string kept_;
};

/// The frames in which dockerd sends the output of a container without a TTY:
/// one byte of which stream it is, three of nothing, four of length.
class frame_splitter {
public:
  /// `stream`: 0 stdin, 1 stdout, 2 stderr.
  using taker = std::function<void(int stream, std::string_view)>;
  /// False when these are no frames; nothing is read any more.
  bool feed(std::string_view bytes, const taker& piece);

private:
  std::array<unsigned char, 8> head_{};
  std::size_t have_ = 0; ///< bytes of the head
  std::uint32_t left_ = 0;
};

/// JSON texts with a line break between them.
class record_cutter {
public:
  explicit record_cutter(std::size_t longest) : longest_(longest) {}
  using taker = std::function<void(std::string_view)>;
  /// False when a record is too long; nothing is read any more.
  bool feed(std::string_view bytes, const taker& record);

private:
  const std::size_t longest_;
  std::string kept_;
};

} // namespace alula::remote
