#include "backup/gzip_member.hpp"

#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>
#include <libdeflate.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>

namespace alula::backup {

namespace {

constexpr std::size_t stored_limit = 65535; // RFC 1951, 3.2.4
constexpr std::size_t sample_size = 32 * 1024;
constexpr int thorough_level = 9;

// RFC 1952, 2.3: no name, no time, deflate, unknown system like Go's writers.
constexpr std::array<unsigned char, 10> member_header{0x1f, 0x8b, 8, 0, 0,
                                                      0,    0,    0, 0, 255};

const std::uint8_t* raw(byte_view view) {
  return reinterpret_cast<const std::uint8_t*>(view.data());
}

std::uint8_t* raw(bytes& buffer, std::size_t at) {
  return reinterpret_cast<std::uint8_t*>(buffer.data() + at);
}

void append(bytes& out, const void* data, std::size_t size) {
  if (size == 0)
    return; // an empty block may have no address
  const auto at = out.size();
  out.resize(at + size);
  std::memcpy(out.data() + at, data, size);
}

void append_little_endian(bytes& out, std::uint32_t value, int width) {
  for (int i = 0; i < width; ++i)
    out.push_back(static_cast<std::byte>(value >> (8 * i)));
}

void append_stored(byte_view block, bytes& out) {
  append(out, member_header.data(), member_header.size());
  for (auto rest = block;;) {
    const auto size = std::min(rest.size(), stored_limit);
    const bool is_last = size == rest.size();
    const auto length = static_cast<std::uint32_t>(size);
    out.push_back(std::byte{is_last});
    append_little_endian(out, length, 2);
    append_little_endian(out, ~length & 0xFFFFU, 2);
    append(out, rest.data(), size);
    rest = rest.subspan(size);
    if (is_last)
      break;
  }
  const auto crc = ::crc32_gzip_refl(0, raw(block), block.size());
  append_little_endian(out, crc, 4);
  append_little_endian(out, static_cast<std::uint32_t>(block.size()), 4);
}

jobs::fault damaged_member(std::string what) {
  return {.code = jobs::fault_code::io_error,
          .what = "the archive is damaged: " + std::move(what)};
}

} // namespace

struct member_encoder::state {
  compression level;
  std::vector<std::uint8_t> level_buffer;
  std::unique_ptr<libdeflate_compressor, void (*)(libdeflate_compressor*)>
      thorough{nullptr, libdeflate_free_compressor};
  bytes scratch;
  std::uint64_t stored = 0;

  /// Appends; false when the output would be larger than the input.
  bool deflate_fast(byte_view block, bytes& out, std::size_t room) {
    isal_zstream stream;
    ::isal_deflate_stateless_init(&stream);
    stream.level = 1;
    stream.level_buf = level_buffer.data();
    stream.level_buf_size = static_cast<std::uint32_t>(level_buffer.size());
    stream.gzip_flag = IGZIP_GZIP;
    stream.end_of_stream = 1;
    stream.flush = NO_FLUSH;
    stream.next_in = const_cast<std::uint8_t*>(raw(block));
    stream.avail_in = static_cast<std::uint32_t>(block.size());
    const auto at = out.size();
    out.resize(at + room);
    stream.next_out = raw(out, at);
    stream.avail_out = static_cast<std::uint32_t>(room);
    const bool fits = ::isal_deflate_stateless(&stream) == COMP_OK;
    out.resize(fits ? at + stream.total_out : at);
    return fits;
  }

  bool deflate_thoroughly(byte_view block, bytes& out, std::size_t room) {
    const auto at = out.size();
    out.resize(at + room);
    const auto size = ::libdeflate_gzip_compress(
        thorough.get(), block.data(), block.size(), raw(out, at), room);
    out.resize(at + size);
    return size != 0;
  }

  /// Two samples that do not shrink by a thirtieth speak for the whole block.
  bool looks_incompressible(byte_view block) {
    if (block.size() < 4 * sample_size)
      return false;
    for (const auto at : {block.size() / 8, block.size() * 5 / 8}) {
      scratch.clear();
      if (deflate_fast(block.subspan(at, sample_size), scratch,
                       sample_size - sample_size / 30))
        return false;
    }
    return true;
  }
};

member_encoder::member_encoder(compression level)
  : state_(std::make_unique<state>()) {
  state_->level = level;
  state_->level_buffer.resize(ISAL_DEF_LVL1_DEFAULT);
  if (level == compression::best_compression)
    state_->thorough.reset(::libdeflate_alloc_compressor(thorough_level));
}

member_encoder::~member_encoder() = default;
member_encoder::member_encoder(member_encoder&&) noexcept = default;
member_encoder& member_encoder::operator=(member_encoder&&) noexcept = default;

void member_encoder::encode(byte_view block, bytes& out) {
  auto& s = *state_;
  const bool try_it = s.level != compression::none && !block.empty()
                      && !s.looks_incompressible(block);
  if (try_it) {
    const bool fits = s.thorough
                          ? s.deflate_thoroughly(block, out, block.size())
                          : s.deflate_fast(block, out, block.size());
    if (fits)
      return;
  }
  ++s.stored;
  append_stored(block, out);
}

std::uint64_t member_encoder::stored_blocks() const {
  return state_->stored;
}

jobs::result<decoded_member> decode_member(byte_view input, std::size_t limit) {
  decoded_member out;
  inflate_state stream;
  ::isal_inflate_init(&stream);
  stream.crc_flag = ISAL_GZIP;
  stream.next_in = const_cast<std::uint8_t*>(raw(input));
  stream.avail_in = static_cast<std::uint32_t>(
      std::min<std::size_t>(input.size(), UINT32_MAX));
  constexpr std::size_t piece = 256 * 1024;
  do {
    const auto at = out.content.size();
    if (at > limit)
      return damaged_member("a block is longer than the limit of "
                            + std::to_string(limit) + " bytes");
    out.content.resize(at + piece);
    stream.next_out = raw(out.content, at);
    stream.avail_out = piece;
    const auto status = ::isal_inflate(&stream);
    out.content.resize(at + piece - stream.avail_out);
    if (status != ISAL_DECOMP_OK)
      return damaged_member("a gzip member does not decode (code "
                            + std::to_string(status) + ")");
    if (stream.block_state != ISAL_BLOCK_FINISH && stream.avail_in == 0
        && stream.avail_out != 0)
      return damaged_member("a gzip member ends too early");
  } while (stream.block_state != ISAL_BLOCK_FINISH);
  if (out.content.size() > limit)
    return damaged_member("a block is longer than the limit of "
                          + std::to_string(limit) + " bytes");
  // The inflater reads ahead; what it holds whole was not consumed.
  out.consumed = static_cast<std::size_t>(stream.next_in - raw(input))
                 - static_cast<std::size_t>(stream.read_in_length / 8);
  return out;
}

} // namespace alula::backup
