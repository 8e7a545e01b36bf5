/// Tars as nobody should write them: every field of a header as one likes.
#pragma once

#include "backup/file_io.hpp"
#include "backup/gzip_member.hpp"

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>

namespace alula::backup {

struct header_fields {
  std::string path = {};
  char flag = '0';
  std::string target = {};
  std::string size = {}; ///< 12 bytes as they are; empty: of the content
  std::string mode = "0000644";
  std::string mtime = "14000000000";
  std::string magic{"ustar\0"
                    "00",
                    8};
  std::string prefix = {};
  int checksum_off_by = 0;
};

inline std::string octal(std::uint64_t number, int width) {
  char out[32];
  std::snprintf(out, sizeof out, "%0*llo", width,
                static_cast<unsigned long long>(number));
  return out;
}

/// A number in base 256, as GNU writes what octal cannot hold.
inline std::string binary(std::int64_t number) {
  std::string out(12, number < 0 ? '\xFF' : '\0');
  for (std::size_t i = 0; i < 8; ++i)
    out[11 - i] =
        static_cast<char>(static_cast<std::uint64_t>(number) >> (8 * i));
  out[0] = static_cast<char>(out[0] | '\x80');
  return out;
}

inline std::string filled(std::string text) {
  text.resize((text.size() + 511) / 512 * 512, '\0');
  return text;
}

inline std::string pax_record(std::string_view key, std::string_view value) {
  const auto rest = " " + std::string{key} + "=" + std::string{value} + "\n";
  auto size = rest.size() + 1;
  while (std::to_string(size).size() + rest.size() != size)
    size = std::to_string(size).size() + rest.size();
  return std::to_string(size) + rest;
}

class tar_builder {
public:
  static std::string header(const header_fields& f, std::size_t size) {
    std::string out(512, '\0');
    const auto put = [&](std::size_t at, std::size_t most,
                         std::string_view text) {
      std::memcpy(out.data() + at, text.data(), std::min(most, text.size()));
    };
    put(0, 100, f.path);
    put(100, 8, f.mode);
    put(108, 8, "0000000");
    put(116, 8, "0000000");
    put(124, 12, f.size.empty() ? octal(size, 11) : f.size);
    put(136, 12, f.mtime);
    out[156] = f.flag;
    put(157, 100, f.target);
    put(257, 8, f.magic);
    put(345, 155, f.prefix);
    return with_checksum(std::move(out), f.checksum_off_by);
  }

  static std::string with_checksum(std::string block, int off_by = 0) {
    std::memset(block.data() + 148, ' ', 8);
    int sum = off_by;
    for (const auto it : block)
      sum += static_cast<unsigned char>(it);
    const auto text = octal(static_cast<std::uint64_t>(sum), 6);
    std::memcpy(block.data() + 148, text.c_str(), 7);
    return block;
  }

  tar_builder& add(const header_fields& f, std::string_view content = {}) {
    text_ += header(f, content.size());
    text_ += filled(std::string{content});
    return *this;
  }
  tar_builder& file(const std::string& path, std::string_view content = "x") {
    return add({.path = path}, content);
  }
  tar_builder& directory(const std::string& path) {
    return add({.path = path, .flag = '5', .mode = "0000755"});
  }
  tar_builder& link(const std::string& path, const std::string& target) {
    return add({.path = path, .flag = '2', .target = target});
  }
  tar_builder& hard_link(const std::string& path, const std::string& target) {
    return add({.path = path, .flag = '1', .target = target});
  }
  tar_builder& pax(const std::string& records, char flag = 'x') {
    return add({.path = "PaxHeaders/x", .flag = flag}, records);
  }
  tar_builder& gnu_name(const std::string& name, char flag = 'L') {
    return add({.path = "././@LongLink", .flag = flag, .magic = "ustar  "},
               name + std::string(1, '\0'));
  }
  tar_builder& raw(std::string_view text) {
    text_ += text;
    return *this;
  }

  std::string unfinished() const { return text_; }
  std::string finished() const { return text_ + std::string(1024, '\0'); }

private:
  std::string text_;
};

/// One gzip member.
inline std::string gzipped(std::string_view text) {
  bytes out;
  member_encoder{compression::best_speed}.encode(view_of(text), out);
  return {reinterpret_cast<const char*>(out.data()), out.size()};
}

/// One zstd frame of stored blocks, then `more` zeros as repeated bytes.
inline std::string zstd_frame(std::string_view text, std::uint64_t more = 0,
                              int window_log = 17) {
  constexpr std::size_t most = 128 * 1024;
  std::string out{"\x28\xB5\x2F\xFD\0", 5};
  out += static_cast<char>((window_log - 10) << 3);
  const auto block = [&](std::size_t size, unsigned type, bool is_last) {
    const auto head =
        static_cast<std::uint32_t>(size << 3 | type << 1 | is_last);
    for (int i = 0; i < 3; ++i)
      out += static_cast<char>(head >> (8 * i));
  };
  for (; !text.empty(); text.remove_prefix(std::min(most, text.size()))) {
    block(std::min(most, text.size()), 0, false);
    out += text.substr(0, most);
  }
  for (; more > 0; more -= std::min<std::uint64_t>(most, more)) {
    block(static_cast<std::size_t>(std::min<std::uint64_t>(most, more)), 1,
          false);
    out += '\0';
  }
  block(0, 0, true);
  return out;
}

} // namespace alula::backup
