#include "jobs/multipart.hpp"

#include "jobs/ascii.hpp"

#include <algorithm>
#include <cctype>
#include <utility>

namespace alula::jobs {

namespace {

constexpr std::size_t piece_size = std::size_t{64} << 10;
constexpr std::string_view line_end = "\r\n";

fault wrong(std::string what) {
  return {.code = fault_code::malformed,
          .what = "the multipart body " + std::move(what),
          .where = "body"};
}

bool is_space(char c) {
  return c == ' ' || c == '\t';
}

/// RFC 2046, 5.1.1: bcharsnospace, and a space inside.
bool is_boundary_char(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0
         || std::string_view{"'()+_,-./:=? "}.find(c) != std::string_view::npos;
}

/// A token or a quoted string from the front of `text`; nothing when it is
/// neither.
std::optional<std::string> take_value(std::string_view& text) {
  std::string value;
  if (!text.starts_with('"')) {
    const auto end = std::min(text.find_first_of("; \t"), text.size());
    value = text.substr(0, end);
    text.remove_prefix(end);
    return value;
  }
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') {
      text.remove_prefix(i + 1);
      return value;
    }
    if (text[i] == '\\' && ++i == text.size())
      break;
    value += text[i];
  }
  return std::nullopt;
}

/// The parameter of a header's value ("form-data; name=\"x\"") of that name;
/// nothing when it has none, or cannot be read up to it.
std::optional<std::string> parameter(std::string_view value,
                                     std::string_view name) {
  value.remove_prefix(std::min(value.find(';'), value.size()));
  while (value.starts_with(';')) {
    value = trimmed(value.substr(1));
    const auto equals = value.find('=');
    if (equals == std::string_view::npos)
      return std::nullopt;
    const auto key = trimmed(value.substr(0, equals));
    value = trimmed(value.substr(equals + 1));
    auto found = take_value(value);
    if (!found || equal_ignoring_case(key, name))
      return found;
    value = trimmed(value);
  }
  return std::nullopt;
}

} // namespace

result<std::string> multipart_boundary(std::string_view content_type) {
  constexpr std::string_view family = "multipart/";
  constexpr std::size_t longest = 70; // RFC 2046, 5.1.1
  const auto type = trimmed(content_type);
  if (!equal_ignoring_case(type.substr(0, family.size()), family))
    return fault{.code = fault_code::malformed,
                 .what = "the body has to be multipart/form-data",
                 .where = "Content-Type"};
  auto found = parameter(type, "boundary");
  const bool is_good = found && !found->empty() && found->size() <= longest
                       && found->back() != ' '
                       && std::ranges::all_of(*found, is_boundary_char);
  if (!is_good)
    return fault{.code = fault_code::malformed,
                 .what = "the type of the body names no boundary of 1 to 70 "
                         "characters",
                 .where = "Content-Type"};
  return *std::move(found);
}

multipart_reader::multipart_reader(std::string_view boundary, source from)
  : delimiter_("\r\n--" + std::string{boundary}), from_source_(std::move(from)),
    buffer_(line_end) {} // the first delimiter may stand at the very front

/// More from the source behind what is held. False at its end.
result<bool> multipart_reader::fill() {
  if (source_ended_)
    return false;
  buffer_.erase(0, std::exchange(from_, 0));
  const auto was = buffer_.size();
  buffer_.resize(was + piece_size);
  const auto got = from_source_(std::span{buffer_}.subspan(was, piece_size));
  buffer_.resize(was + (got ? *got : 0));
  if (!got)
    return got.error();
  source_ended_ = *got == 0;
  return !source_ended_;
}

/// Until so many bytes are held.
status multipart_reader::need(std::size_t bytes) {
  while (held().size() < bytes) {
    const auto more = fill();
    if (!more)
      return more.error();
    if (!*more)
      return wrong("ends before its last boundary");
  }
  return {};
}

result<std::string_view> multipart_reader::read() {
  if (at_ != place::content)
    return std::string_view{};
  for (;;) {
    const auto seen = held();
    const auto found = seen.find(delimiter_);
    if (found == 0) {
      at_ = place::between;
      return std::string_view{};
    }
    // What could be the beginning of a delimiter is kept back.
    const auto sure =
        found != std::string_view::npos
            ? found
            : seen.size() - std::min(seen.size(), delimiter_.size() - 1);
    if (sure > 0) {
      from_ += sure;
      return seen.substr(0, sure);
    }
    const auto more = fill();
    if (!more)
      return more.error();
    if (!*more)
      return wrong("ends before its last boundary");
  }
}

status multipart_reader::skip_content() {
  if (at_ == place::preamble)
    at_ = place::content; // it ends as a part does
  const bool is_preamble = parts_ == 0;
  while (at_ == place::content) {
    const auto piece = read();
    if (!piece)
      return piece.error();
    preamble_ += is_preamble ? piece->size() : 0;
    if (preamble_ > most_header)
      return wrong("does not begin with its boundary");
  }
  return {};
}

/// False when it was the last one.
result<bool> multipart_reader::pass_delimiter() {
  if (auto there = need(delimiter_.size() + 2); !there)
    return std::move(there).error();
  from_ += delimiter_.size();
  if (held().starts_with("--")) {
    from_ += 2;
    return false;
  }
  // Padding that a gateway may have added (RFC 2046, 5.1.1).
  for (std::size_t padding = 0; is_space(held().front()); ++padding, ++from_) {
    if (padding > most_header)
      return wrong("has no line end behind a boundary");
    if (auto there = need(3); !there)
      return std::move(there).error();
  }
  if (!held().starts_with(line_end))
    return wrong("has something else behind its boundary");
  from_ += line_end.size();
  return true;
}

result<multipart_reader::part> multipart_reader::read_header() {
  std::optional<std::string> name;
  for (std::size_t total = 0;;) {
    std::size_t length = held().find(line_end);
    while (length == std::string_view::npos) {
      if (held().size() > most_header)
        return wrong("has a header that is too long");
      if (auto there = need(held().size() + 1); !there)
        return std::move(there).error();
      length = held().find(line_end);
    }
    total += length;
    if (total > most_header)
      return wrong("has a header that is too long");
    const auto line = held().substr(0, length);
    from_ += length + line_end.size();
    if (line.empty())
      break;
    const auto colon = line.find(':');
    if (colon == std::string_view::npos)
      return wrong("has a header line without a colon");
    if (!equal_ignoring_case(trimmed(line.substr(0, colon)),
                             "Content-Disposition"))
      continue;
    if (name)
      return wrong("says twice what a part is");
    name = parameter(trimmed(line.substr(colon + 1)), "name");
    if (!name)
      return wrong("has a part without a name");
  }
  if (!name)
    return wrong("has a part without a name");
  return part{*std::move(name)};
}

/// What follows the last boundary means nothing, and nobody needs much of it.
status multipart_reader::pass_epilogue() {
  for (std::size_t passed = 0;;) {
    passed += held().size();
    from_ = buffer_.size();
    if (passed > most_header)
      return wrong("goes on behind its last boundary");
    const auto more = fill();
    if (!more)
      return more.error();
    if (!*more)
      return {};
  }
}

result<std::optional<multipart_reader::part>> multipart_reader::next() {
  if (at_ == place::end)
    return std::optional<part>{};
  if (auto passed = skip_content(); !passed)
    return std::move(passed).error();
  const auto is_another = pass_delimiter();
  if (!is_another)
    return is_another.error();
  if (!*is_another) {
    at_ = place::end;
    if (auto passed = pass_epilogue(); !passed)
      return std::move(passed).error();
    return std::optional<part>{};
  }
  if (++parts_ > most_parts)
    return wrong("has too many parts");
  auto header = read_header();
  if (!header)
    return std::move(header).error();
  at_ = place::content;
  return std::optional{*std::move(header)};
}

} // namespace alula::jobs
