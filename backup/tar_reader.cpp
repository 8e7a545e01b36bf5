#include "backup/tar_reader.hpp"

#include "backup/archive_file.hpp"
#include "backup/tar_header.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <initializer_list>
#include <optional>

namespace alula::backup {

namespace {

/// Extended headers of one entry together. Long names need 4 KiB; a sparse map
/// in one (GNU 0.1) some 40 bytes for each of its pieces.
constexpr std::uint64_t most_extended = std::size_t{1024} * 1024;
constexpr std::size_t most_extents = 1'000'000;
/// What may follow the end: writers fill up to their block size, 10 KiB by
/// default and seldom over 1 MiB.
constexpr std::uint64_t most_after_end = std::size_t{16} * 1024 * 1024;
constexpr std::size_t old_extents_at = 386;
constexpr std::size_t old_extents_size = std::size_t{4} * 24;
constexpr std::size_t old_continued_at = 482;
constexpr std::size_t old_real_size_at = 483;
constexpr std::size_t more_extents_size = std::size_t{21} * 24;

using raw_block = std::array<std::byte, tar_block>;

std::uint64_t padding_after(std::uint64_t size) {
  return (tar_block - size % tar_block) % tar_block;
}

tar_type type_of(char flag) {
  switch (flag) {
  case '\0':
  case '0':
  case '7': // contiguous, which nobody is any more
  case 'S':
    return tar_type::file;
  case '1':
    return tar_type::hard_link;
  case '2':
    return tar_type::link;
  case '3':
  case '4':
    return tar_type::device;
  case '5':
  case 'D': // GNU: with a listing as its content
    return tar_type::directory;
  case '6':
    return tar_type::fifo;
  default:
    return tar_type::other;
  }
}

/// The first that is there, else what the header proper says.
std::string
chosen(std::initializer_list<const std::optional<std::string>*> names,
       const std::string& otherwise) {
  for (const auto* name : names)
    if (*name)
      return **name;
  return otherwise;
}

jobs::fault over_a_limit(std::string what) {
  return {.code = jobs::fault_code::archive_refused, .what = std::move(what)};
}

} // namespace

struct tar_reader::state {
  byte_source& from;
  byte_view window = {};
  std::uint64_t position = 0;

  tar_entry entry = {};           ///< being read
  std::uint64_t unread = 0;       ///< content bytes of it
  std::uint64_t padding = 0;      ///< after them
  std::vector<sparse_extent> map; ///< of a sparse file
  std::size_t extent = 0;
  std::uint64_t in_extent = 0; ///< bytes of it already read
  bool is_over = false;

  explicit state(byte_source& source) : from(source) {}

  // -- bytes ------------------------------------------------------------------

  jobs::fault ends_early() const {
    return damaged_archive(
        "the tar in it ends too early, at offset " + std::to_string(position)
        + (entry.path.empty() ? "" : " after or in " + shown(entry.path)));
  }

  jobs::fault wrong(const std::string& what, std::uint64_t at) const {
    return damaged_archive(
        what + " at offset " + std::to_string(at) + " of the tar in it"
        + (entry.path.empty() ? "" : ", after " + shown(entry.path)));
  }

  /// False at the end of the source.
  jobs::result<bool> fill() {
    if (!window.empty())
      return true;
    auto more = from.next();
    if (!more)
      return std::move(more).error();
    window = *more;
    return !window.empty();
  }

  void consume(std::size_t size) {
    window = window.subspan(size);
    position += size;
  }

  jobs::status take(std::span<std::byte> into) {
    while (!into.empty()) {
      auto filled = fill();
      if (!filled)
        return std::move(filled).error();
      if (!*filled)
        return ends_early();
      const auto size = std::min(into.size(), window.size());
      std::memcpy(into.data(), window.data(), size);
      consume(size);
      into = into.subspan(size);
    }
    return {};
  }

  jobs::status skip(std::uint64_t size) {
    while (size > 0) {
      auto filled = fill();
      if (!filled)
        return std::move(filled).error();
      if (!*filled)
        return ends_early();
      const auto part = std::min<std::uint64_t>(size, window.size());
      consume(static_cast<std::size_t>(part));
      size -= part;
    }
    return {};
  }

  // -- headers ----------------------------------------------------------------

  /// What came before the header proper.
  struct extension {
    pax_values pax;
    std::optional<std::string> name;
    std::optional<std::string> target;
    std::uint64_t size = 0;
  };

  jobs::result<bool> next() {
    if (is_over)
      return false;
    if (auto passed = skip(unread + padding); !passed)
      return std::move(passed).error();
    unread = padding = 0;
    const auto begin = position;
    extension before;
    for (;;) {
      const auto at = position;
      raw_block raw{};
      if (auto got = take(raw); !got)
        return std::move(got).error();
      if (is_zero_block(raw)) {
        if (at != begin)
          return wrong("an extended header without an entry", begin);
        return finish();
      }
      tar_header header;
      if (auto bad = parse_header(raw, header))
        return wrong(*bad, at);
      auto extended = take_extension(header, before, at);
      if (!extended)
        return std::move(extended).error();
      if (*extended)
        continue;
      if (auto begun = begin_entry(header, raw, before, begin); !begun)
        return std::move(begun).error();
      return true;
    }
  }

  /// False when the header is that of an entry.
  jobs::result<bool> take_extension(const tar_header& header, extension& before,
                                    std::uint64_t at) {
    constexpr std::string_view kinds = "xXgLK";
    if (kinds.find(header.flag) == std::string_view::npos)
      return false;
    before.size += tar_block + header.size;
    if (header.size > most_extended || before.size > most_extended)
      return over_a_limit("the headers of the entry at offset "
                          + std::to_string(at) + " are larger than "
                          + std::to_string(most_extended) + " bytes");
    std::string text(static_cast<std::size_t>(header.size), '\0');
    if (auto got = take(std::as_writable_bytes(std::span{text})); !got)
      return std::move(got).error();
    if (auto passed = skip(padding_after(header.size)); !passed)
      return std::move(passed).error();
    pax_values of_all; // a global header tells nothing that a restore uses
    if (header.flag == 'L')
      before.name = text.substr(0, text.find('\0'));
    else if (header.flag == 'K')
      before.target = text.substr(0, text.find('\0'));
    else if (auto bad =
                 parse_pax(text, header.flag == 'g' ? of_all : before.pax))
      return wrong(*bad, at);
    return true;
  }

  jobs::status begin_entry(const tar_header& header, const raw_block& raw,
                           extension& before, std::uint64_t begin) {
    auto& pax = before.pax;
    tar_entry next;
    next.type = type_of(header.flag);
    next.flag = header.flag;
    next.path =
        chosen({&pax.sparse_name, &pax.path, &before.name}, header.path);
    next.target = chosen({&pax.target, &before.target}, header.target);
    next.mode = header.mode;
    next.mtime_ns = pax.mtime_ns.value_or(header.mtime * 1'000'000'000);
    next.header = begin;
    next.stored = stored_size(next.type, header, pax);
    next.size = next.stored;
    // Before there was a type for them, directories were names with a slash.
    if (next.type == tar_type::file && next.size == 0
        && next.path.ends_with('/'))
      next.type = tar_type::directory;
    entry = std::move(next);
    unread = entry.stored;
    padding = padding_after(entry.stored);
    map.clear();
    if (auto mapped = read_map(header, raw, pax); !mapped)
      return mapped;
    entry.offset = position;
    extent = 0;
    in_extent = 0;
    return {};
  }

  /// Only some kinds have content; a hard link has it in pax archives only.
  static std::uint64_t stored_size(tar_type type, const tar_header& header,
                                   const pax_values& pax) {
    const auto told = pax.size.value_or(header.size);
    if (type == tar_type::file || type == tar_type::other || header.flag == 'D')
      return told;
    return type == tar_type::hard_link && pax.is_there ? told : 0;
  }

  /// The end is two blocks of zeros; more zeros may follow.
  jobs::result<bool> finish() {
    raw_block second{};
    if (auto got = take(second); !got)
      return std::move(got).error();
    if (!is_zero_block(second))
      return wrong("a lone block of zeros before more", position - tar_block);
    for (std::uint64_t after = 0;;) {
      auto filled = fill();
      if (!filled)
        return std::move(filled).error();
      if (!*filled)
        break;
      if (!is_zero_block(window))
        return wrong("something that follows the end", position);
      after += window.size();
      if (after > most_after_end)
        return over_a_limit("more than " + std::to_string(most_after_end)
                            + " bytes follow the end of the tar");
      consume(window.size());
    }
    is_over = true;
    return false;
  }

  // -- sparse files -----------------------------------------------------------

  jobs::status read_map(const tar_header& header, const raw_block& raw,
                        pax_values& pax) {
    if (entry.type != tar_type::file || (header.flag != 'S' && !pax.is_sparse))
      return {};
    entry.is_sparse = true;
    std::uint64_t real = pax.real_size.value_or(entry.stored);
    jobs::status got;
    if (header.flag == 'S') {
      const auto told =
          parse_number(byte_view{raw}.subspan(old_real_size_at, 12));
      if (!told || *told < 0)
        return wrong("a sparse file without a size", entry.header);
      real = static_cast<std::uint64_t>(*told);
      got = read_old_map(raw);
    } else if (pax.has_map_in_content) {
      got = read_map_in_content();
    } else {
      map = std::move(pax.map);
    }
    if (!got)
      return got;
    if (!is_sound(map, real, unread))
      return wrong("a sparse map that cannot be, of " + shown(entry.path),
                   entry.header);
    std::erase_if(map, [](const auto& it) { return it.size == 0; });
    entry.size = real;
    entry.stored = unread;
    return {};
  }

  jobs::status too_many_extents() const {
    return over_a_limit(shown(entry.path) + " has more than "
                        + std::to_string(most_extents) + " sparse pieces");
  }

  jobs::status read_old_map(const raw_block& raw) {
    auto bad = parse_old_extents(
        byte_view{raw}.subspan(old_extents_at, old_extents_size), map);
    auto is_continued = raw[old_continued_at] != std::byte{0};
    while (!bad && is_continued) {
      raw_block more{};
      if (auto got = take(more); !got)
        return got;
      bad = parse_old_extents(byte_view{more}.first(more_extents_size), map);
      is_continued = more[more_extents_size] != std::byte{0};
      if (map.size() > most_extents)
        return too_many_extents();
    }
    return bad ? jobs::status{wrong(*bad, entry.header)} : jobs::status{};
  }

  /// Format 1.0: numbers in lines before the content, filled up to a block.
  jobs::status read_map_in_content() {
    std::uint64_t taken = 0;
    auto count = take_line(taken);
    if (!count)
      return std::move(count).error();
    if (*count > most_extents)
      return too_many_extents();
    for (std::uint64_t i = 0; i < *count; ++i) {
      auto at = take_line(taken);
      if (!at)
        return std::move(at).error();
      auto size = take_line(taken);
      if (!size)
        return std::move(size).error();
      map.push_back({*at, *size});
    }
    const auto rest = padding_after(taken);
    if (taken + rest > unread)
      return wrong("a sparse map longer than its file", entry.header);
    unread -= taken + rest;
    return skip(rest);
  }

  jobs::result<std::uint64_t> take_line(std::uint64_t& taken) {
    constexpr std::size_t longest = 20;
    std::string text;
    for (;;) {
      std::byte letter{};
      if (taken == unread)
        return wrong("a sparse map longer than its file", entry.header);
      if (auto got = take({&letter, 1}); !got)
        return std::move(got).error();
      ++taken;
      if (letter == std::byte{'\n'})
        break;
      text += static_cast<char>(letter);
      if (text.size() > longest)
        return wrong("a sparse map whose numbers are none", entry.header);
    }
    if (const auto number = parse_decimal(text))
      return *number;
    return wrong("a sparse map whose numbers are none", entry.header);
  }

  // -- content ----------------------------------------------------------------

  jobs::result<tar_piece> read() {
    if (unread == 0)
      return tar_piece{entry.size, {}};
    auto filled = fill();
    if (!filled)
      return std::move(filled).error();
    if (!*filled)
      return ends_early();
    auto most = std::min<std::uint64_t>(unread, window.size());
    auto at = entry.stored - unread;
    if (entry.is_sparse) {
      const auto& here = map[extent];
      most = std::min(most, here.size - in_extent);
      at = here.at + in_extent;
      in_extent += most;
      if (in_extent == here.size) {
        ++extent;
        in_extent = 0;
      }
    }
    const tar_piece out{at, window.first(static_cast<std::size_t>(most))};
    consume(out.data.size());
    unread -= most;
    return out;
  }
};

tar_reader::tar_reader(byte_source& from)
  : state_(std::make_unique<state>(from)) {}

tar_reader::~tar_reader() = default;

jobs::result<bool> tar_reader::next(tar_entry& into) {
  auto got = state_->next();
  if (got && *got)
    into = state_->entry;
  return got;
}

jobs::result<tar_piece> tar_reader::read() {
  return state_->read();
}

std::uint64_t tar_reader::position() const {
  return state_->position;
}

} // namespace alula::backup
