#include "backup/path_text.hpp"

namespace alula::backup {

namespace {

void append_escaped(std::string& out, std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (code < 0x20) {
      out += "\\u00";
      out += digits[code >> 4];
      out += digits[code & 15U];
    } else {
      out += c;
    }
  }
}

} // namespace

std::string_view without_slashes(std::string_view path) {
  while (path.starts_with('/'))
    path.remove_prefix(1);
  while (path.ends_with('/'))
    path.remove_suffix(1);
  return path;
}

void append_member(std::string& out, std::string_view key,
                   std::string_view text) {
  const bool is_text = jobs::is_utf8(text);
  out += '"';
  out += key;
  out += is_text ? "\":\"" : "64\":\"";
  if (is_text)
    append_escaped(out, text);
  else
    out += jobs::to_base64(text);
  out += '"';
}

} // namespace alula::backup
