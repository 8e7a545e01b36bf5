#include "backup/stream_decoder.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <isa-l/igzip_lib.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>

namespace alula::backup {

namespace {

constexpr std::size_t fed_at_once = std::size_t{1024} * 1024;
constexpr std::uint8_t gzip_magic = 0x1F;

/// The file in pieces, front to back.
class file_feed {
public:
  file_feed(archive_file& file, std::uint64_t at) : file_(file), at_(at) {}

  /// Empty at the end.
  jobs::result<byte_view> next() {
    const auto size = static_cast<std::size_t>(
        std::min<std::uint64_t>(fed_at_once, file_.size() - at_));
    const auto piece = buffer_.room(size);
    if (size == 0)
      return byte_view{};
    if (auto got = file_.read(at_, piece); !got)
      return std::move(got).error();
    at_ += size;
    return buffer_.view();
  }

  std::uint64_t position() const { return at_; }

private:
  archive_file& file_;
  std::uint64_t at_;
  raw_buffer buffer_;
};

class gzip_stream final : public stream_decoder {
public:
  gzip_stream(archive_file& file, std::uint64_t at, member_seen seen)
    : feed_(file, at), seen_(std::move(seen)) {
    ::isal_inflate_init(&stream_);
    stream_.crc_flag = ISAL_GZIP;
    stream_.avail_in = 0;
  }

  jobs::result<std::size_t> decode(std::span<std::byte> into) override {
    stream_.next_out = reinterpret_cast<std::uint8_t*>(into.data());
    stream_.avail_out = static_cast<std::uint32_t>(into.size());
    room_ = into.size();
    while (stream_.avail_out > 0 && !is_over_) {
      if (auto went = step(); !went)
        return std::move(went).error();
    }
    const auto made = into.size() - stream_.avail_out;
    content_ += made;
    room_ = stream_.avail_out;
    return made;
  }

  std::uint64_t position() const override { return feed_.position(); }

private:
  jobs::status step() {
    if (!in_member_)
      return begin_member();
    const bool had_input = stream_.avail_in > 0;
    const auto room = stream_.avail_out;
    const auto code = ::isal_inflate(&stream_);
    if (code < 0 || code == ISAL_NEED_DICT)
      return damaged_archive("what is compressed does not decode before offset "
                             + std::to_string(offset()) + " (code "
                             + std::to_string(code) + ")");
    if (stream_.block_state == ISAL_BLOCK_FINISH) {
      in_member_ = false;
      return {};
    }
    if (stream_.avail_in > 0 || stream_.avail_out == 0)
      return {};
    if (auto filled = fill(); !filled)
      return filled;
    if (stream_.avail_in == 0 && !had_input && room == stream_.avail_out)
      return damaged_archive("it ends inside a gzip member, at offset "
                             + std::to_string(offset()));
    return {};
  }

  jobs::status begin_member() {
    if (stream_.avail_in == 0) {
      if (auto filled = fill(); !filled)
        return filled;
      if (stream_.avail_in == 0) {
        is_over_ = true;
        return {};
      }
    }
    if (*stream_.next_in == 0 && !is_first_)
      return skip_zeros();
    if (*stream_.next_in != gzip_magic)
      return damaged_archive("something that is no gzip member begins at "
                             "offset "
                             + std::to_string(offset()));
    if (seen_)
      seen_({content_ + room_ - stream_.avail_out, offset()});
    ::isal_inflate_reset(&stream_);
    in_member_ = true;
    is_first_ = false;
    return {};
  }

  /// Tapes and some tools fill the last block up with zeros.
  jobs::status skip_zeros() {
    do {
      const auto* end = stream_.next_in + stream_.avail_in;
      const auto* at =
          std::find_if(stream_.next_in, stream_.next_in + stream_.avail_in,
                       [](auto byte) { return byte != 0; });
      stream_.avail_in = static_cast<std::uint32_t>(end - at);
      if (at != end)
        return damaged_archive("something follows its end, at offset "
                               + std::to_string(offset()));
      if (auto filled = fill(); !filled)
        return filled;
    } while (stream_.avail_in > 0);
    is_over_ = true;
    return {};
  }

  jobs::status fill() {
    auto more = feed_.next();
    if (!more)
      return std::move(more).error();
    stream_.next_in = const_cast<std::uint8_t*>(
        reinterpret_cast<const std::uint8_t*>(more->data()));
    stream_.avail_in = static_cast<std::uint32_t>(more->size());
    return {};
  }

  std::uint64_t offset() const { return feed_.position() - stream_.avail_in; }

  file_feed feed_;
  member_seen seen_;
  std::uint64_t content_ = 0; ///< bytes of earlier calls
  std::size_t room_ = 0;      ///< of this call
  inflate_state stream_{};
  bool in_member_ = false;
  bool is_first_ = true;
  bool is_over_ = false;
};

class zstd_stream final : public stream_decoder {
public:
  explicit zstd_stream(archive_file& file) : feed_(file, 0) {}

  jobs::result<std::size_t> decode(std::span<std::byte> into) override {
    if (auto opened = open(); !opened)
      return std::move(opened).error();
    if (is_empty_)
      return std::size_t{0};
    const auto got = ::archive_read_data(raw_.get(), into.data(), into.size());
    if (got < 0)
      return fault();
    return static_cast<std::size_t>(got);
  }

  std::uint64_t position() const override { return feed_.position(); }

private:
  jobs::status open() {
    if (is_open_)
      return {};
    is_open_ = true;
    auto* raw = raw_.get();
    ::archive_read_support_filter_zstd(raw);
    ::archive_read_support_format_raw(raw);
    ::archive_read_support_format_empty(raw);
    if (::archive_read_open(raw, this, nullptr, take, nullptr) != ARCHIVE_OK)
      return fault();
    ::archive_entry* whole = nullptr;
    const auto code = ::archive_read_next_header(raw, &whole);
    if (code == ARCHIVE_EOF)
      is_empty_ = true;
    else if (code != ARCHIVE_OK)
      return fault();
    return {};
  }

  static la_ssize_t take(::archive* raw, void* self, const void** data) {
    auto& stream = *static_cast<zstd_stream*>(self);
    auto more = stream.feed_.next();
    if (!more) {
      stream.failure_ = std::move(more).error();
      ::archive_set_error(raw, EIO, "the archive cannot be read");
      return -1;
    }
    *data = more->data();
    return static_cast<la_ssize_t>(more->size());
  }

  jobs::fault fault() {
    if (failure_)
      return *failure_;
    const auto* text = ::archive_error_string(raw_.get());
    return damaged_archive("its zstd frames do not decode before offset "
                           + std::to_string(feed_.position()) + ": "
                           + (text != nullptr ? text : "unknown reason"));
  }

  file_feed feed_;
  std::unique_ptr<::archive, decltype(&::archive_read_free)> raw_{
      ::archive_read_new(), ::archive_read_free};
  std::optional<jobs::fault> failure_;
  bool is_open_ = false;
  bool is_empty_ = false;
};

} // namespace

jobs::result<coding> coding_of(archive_file& file) {
  std::array<std::byte, 4> magic{};
  if (file.size() < magic.size())
    return damaged_archive("it has only " + std::to_string(file.size())
                           + " bytes");
  if (auto got = file.read(0, magic); !got)
    return std::move(got).error();
  const auto is = [&](unsigned a, unsigned b) {
    return magic[0] == std::byte(a) && magic[1] == std::byte(b);
  };
  if (is(0x1F, 0x8B))
    return coding::gzip;
  if ((is(0x28, 0xB5) && magic[2] == std::byte{0x2F}
       && magic[3] == std::byte{0xFD}))
    return coding::zstd;
  return damaged_archive("it begins like neither a gzip nor a zstd file");
}

std::unique_ptr<stream_decoder>
gzip_decoder(archive_file& file, std::uint64_t at, member_seen seen) {
  return std::make_unique<gzip_stream>(file, at, std::move(seen));
}

std::unique_ptr<stream_decoder> zstd_decoder(archive_file& file) {
  return std::make_unique<zstd_stream>(file);
}

} // namespace alula::backup
