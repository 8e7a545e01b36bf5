#include "remote/docker_wire.hpp"

#include "jobs/ascii.hpp"

#include <algorithm>
#include <charconv>

namespace alula::remote {

namespace {

constexpr std::size_t longest_head = std::size_t{64} << 10;
constexpr std::size_t longest_chunk_line = 1'024;
constexpr std::uint64_t longest_chunk = std::uint64_t{1} << 40;

} // namespace

/// True when line_ is complete, without its end; else all bytes are taken.
bool answer_reader::read_line(std::string_view& bytes) {
  const auto end = bytes.find('\n');
  line_.append(bytes.substr(0, end));
  if (end == std::string_view::npos) {
    bytes = {};
    return false;
  }
  bytes.remove_prefix(end + 1);
  if (line_.ends_with('\r'))
    line_.pop_back();
  return true;
}

void answer_reader::read_field(std::string_view line) {
  const auto colon = line.find(':');
  if (colon == std::string_view::npos)
    return;
  const auto name = jobs::lowered(line.substr(0, colon));
  const auto value = jobs::trimmed(line.substr(colon + 1));
  if (name == "transfer-encoding")
    is_chunked_ = jobs::lowered(value).ends_with("chunked");
  if (name == "content-length") {
    const auto [end, failed] =
        std::from_chars(value.data(), value.data() + value.size(), left_);
    has_length_ = failed == std::errc{};
  }
}

void answer_reader::begin_body() {
  if (status_ == 101)
    stage_ = stage::raw;
  else if (status_ == 204 || status_ == 304)
    stage_ = stage::over;
  else if (is_chunked_)
    stage_ = stage::chunk_size;
  else if (has_length_)
    stage_ = left_ == 0 ? stage::over : stage::counted;
  else
    stage_ = stage::raw;
}

/// One line of the head. False when it is none.
bool answer_reader::read_head() {
  if (!has_status_line_) {
    // HTTP/1.1 200 OK
    if (!line_.starts_with("HTTP/1.") || line_.size() < 12)
      return false;
    const auto [end, failed] =
        std::from_chars(line_.data() + 9, line_.data() + 12, status_);
    if (failed != std::errc{} || status_ < 100 || status_ > 599)
      return false;
    has_status_line_ = true;
    return true;
  }
  if (!line_.empty()) {
    read_field(line_);
    return true;
  }
  if (status_ < 200 && status_ != 101) { // 100 Continue: the answer follows
    has_status_line_ = false;
    return true;
  }
  begin_body();
  return true;
}

bool answer_reader::read_chunk_size() {
  const auto [end, failed] =
      std::from_chars(line_.data(), line_.data() + line_.size(), left_, 16);
  if (failed != std::errc{} || left_ > longest_chunk)
    return false;
  stage_ = left_ == 0 ? stage::trailer : stage::chunk;
  return true;
}

void answer_reader::hand_on(std::string_view& bytes, const taker& body) {
  const auto count =
      static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()));
  body(bytes.substr(0, count));
  bytes.remove_prefix(count);
  left_ -= count;
  if (left_ == 0)
    stage_ = stage_ == stage::chunk ? stage::chunk_end : stage::over;
}

/// Takes some of the bytes. False when they make no sense.
bool answer_reader::step(std::string_view& bytes, const taker& body) {
  switch (stage_) {
  case stage::raw:
    body(bytes);
    bytes = {};
    return true;
  case stage::counted:
  case stage::chunk:
    hand_on(bytes, body);
    return true;
  case stage::over:
    bytes = {}; // what comes after the answer is nobody's
    return true;
  case stage::broken:
    return false;
  default:
    break;
  }
  const auto before = bytes.size();
  const bool is_complete = read_line(bytes);
  head_bytes_ += before - bytes.size();
  const auto limit = stage_ == stage::head ? longest_head : longest_chunk_line;
  if (stage_ == stage::head ? head_bytes_ > limit : line_.size() > limit)
    return false;
  if (!is_complete)
    return true;
  bool is_fine = true;
  if (stage_ == stage::head)
    is_fine = read_head();
  else if (stage_ == stage::chunk_size)
    is_fine = read_chunk_size();
  else if (stage_ == stage::chunk_end)
    stage_ = stage::chunk_size;
  else if (line_.empty()) // the end of the trailer
    stage_ = stage::over;
  line_.clear();
  return is_fine;
}

bool answer_reader::feed(std::string_view bytes, const taker& body) {
  while (!bytes.empty())
    if (!step(bytes, body)) {
      stage_ = stage::broken;
      return false;
    }
  return true;
}

bool answer_reader::close() {
  const bool may_end = stage_ == stage::over || stage_ == stage::raw;
  stage_ = may_end ? stage::over : stage::broken;
  return may_end;
}

} // namespace alula::remote
