#include "remote/docker_text.hpp"

#include <algorithm>

namespace alula::remote {

namespace {

/// Where a text that is too long is cut: not inside of what belongs together.
std::size_t cut_of(std::string_view text) {
  auto cut = longest_line;
  const auto is_inside_character = [&] {
    return (static_cast<unsigned char>(text[cut]) & 0xc0) == 0x80;
  };
  for (int i = 0; i < 3 && is_inside_character(); ++i)
    --cut;
  if (is_inside_character())
    return longest_line; // no UTF-8
  if (text[cut - 1] == '\r')
    --cut;
  if (text[cut - 1] == ' ')
    --cut;
  return cut;
}

} // namespace

// -- lines -------------------------------------------------------------------

/// The first bytes that are kept, as a line.
void line_cutter::emit(std::size_t count, const taker& line) {
  auto text = kept_.substr(0, count);
  for (auto at = text.find(" \r"); at != std::string::npos;
       at = text.find(" \r", at + 2))
    text.replace(at, 2, "\r\n");
  if (!text.empty())
    line(text);
}

void line_cutter::feed(std::string_view bytes, const taker& line) {
  while (!bytes.empty()) {
    // Never more than twice the longest line is kept.
    const auto piece = bytes.substr(0, longest_line);
    const auto end = piece.find('\n');
    kept_.append(piece.substr(0, end));
    bytes.remove_prefix(end == std::string_view::npos ? piece.size() : end + 1);
    const bool is_complete = end != std::string_view::npos;
    if (is_complete && kept_.ends_with('\r'))
      kept_.pop_back();
    while (kept_.size() > longest_line) {
      const auto cut = cut_of(kept_);
      emit(cut, line);
      kept_.erase(0, cut);
    }
    if (is_complete) {
      emit(kept_.size(), line);
      kept_.clear();
    }
  }
}

void line_cutter::finish(const taker& line) {
  if (kept_.ends_with('\r'))
    kept_.pop_back();
  emit(kept_.size(), line);
  kept_.clear();
}

// -- frames ------------------------------------------------------------------

bool frame_splitter::feed(std::string_view bytes, const taker& piece) {
  while (!bytes.empty()) {
    if (left_ > 0) {
      const auto count = std::min<std::size_t>(left_, bytes.size());
      piece(head_[0], bytes.substr(0, count));
      bytes.remove_prefix(count);
      left_ -= static_cast<std::uint32_t>(count);
      continue;
    }
    head_[have_++] = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    if (have_ < head_.size())
      continue;
    have_ = 0;
    if (head_[0] > 2 || head_[1] != 0 || head_[2] != 0 || head_[3] != 0) {
      have_ = head_.size() - 1; // stays broken: the next head is none either
      head_[1] = 0xff;
      return false;
    }
    left_ = std::uint32_t{head_[4]} << 24 | std::uint32_t{head_[5]} << 16
            | std::uint32_t{head_[6]} << 8 | head_[7];
  }
  return true;
}

// -- records -----------------------------------------------------------------

bool record_cutter::feed(std::string_view bytes, const taker& record) {
  for (;;) {
    const auto end = bytes.find('\n');
    const auto piece = bytes.substr(0, end);
    if (kept_.size() + piece.size() > longest_)
      return false;
    kept_.append(piece);
    if (end == std::string_view::npos)
      return true;
    bytes.remove_prefix(end + 1);
    if (kept_.find_first_not_of(" \t\r") != std::string::npos)
      record(kept_);
    kept_.clear();
  }
}

} // namespace alula::remote
