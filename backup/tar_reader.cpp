#include "backup/tar_reader.hpp"

#include "backup/sparse_maps.hpp"
#include "backup/tar_bytes.hpp"
#include "backup/tar_header.hpp"

#include <algorithm>
#include <initializer_list>
#include <optional>

namespace alula::backup {

namespace {

/// Extended headers of one entry together. Long names need 4 KiB; a sparse map
/// in one (GNU 0.1) some 40 bytes for each of its pieces.
constexpr std::uint64_t most_extended = std::size_t{1024} * 1024;
/// What may follow the end: writers fill up to their block size, 10 KiB by
/// default and seldom over 1 MiB.
constexpr std::uint64_t most_after_end = std::size_t{16} * 1024 * 1024;
constexpr std::size_t old_real_size_at = 483;

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

} // namespace

struct tar_reader::state {
  tar_entry entry = {};           ///< being read
  std::uint64_t unread = 0;       ///< content bytes of it
  std::uint64_t padding = 0;      ///< after them
  std::vector<sparse_extent> map; ///< of a sparse file
  std::size_t extent = 0;
  std::uint64_t in_extent = 0; ///< bytes of it already read
  bool is_over = false;

  tar_bytes bytes; ///< says in its faults after which entry

  explicit state(byte_source& source) : bytes(source, entry.path) {}

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
    if (auto passed = bytes.skip(unread + padding); !passed)
      return std::move(passed).error();
    unread = padding = 0;
    const auto begin = bytes.position();
    extension before;
    for (;;) {
      const auto at = bytes.position();
      raw_block raw{};
      if (auto got = bytes.take(raw); !got)
        return std::move(got).error();
      if (is_zero_block(raw)) {
        if (at != begin)
          return bytes.wrong("an extended header without an entry", begin);
        return finish();
      }
      tar_header header;
      if (auto bad = parse_header(raw, header))
        return bytes.wrong(*bad, at);
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
      return refused_tar("the headers of the entry at offset "
                         + std::to_string(at) + " are larger than "
                         + std::to_string(most_extended) + " bytes");
    std::string text(static_cast<std::size_t>(header.size), '\0');
    if (auto got = bytes.take(std::as_writable_bytes(std::span{text})); !got)
      return std::move(got).error();
    if (auto passed = bytes.skip(tar_padding(header.size)); !passed)
      return std::move(passed).error();
    pax_values of_all; // a global header tells nothing that a restore uses
    if (header.flag == 'L')
      before.name = text.substr(0, text.find('\0'));
    else if (header.flag == 'K')
      before.target = text.substr(0, text.find('\0'));
    else if (auto bad =
                 parse_pax(text, header.flag == 'g' ? of_all : before.pax))
      return bytes.wrong(*bad, at);
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
    padding = tar_padding(entry.stored);
    map.clear();
    if (auto mapped = read_map(header, raw, pax); !mapped)
      return mapped;
    entry.offset = bytes.position();
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
    if (auto got = bytes.take(second); !got)
      return std::move(got).error();
    if (!is_zero_block(second))
      return bytes.wrong("a lone block of zeros before more",
                         bytes.position() - tar_block);
    for (std::uint64_t after = 0;;) {
      auto filled = bytes.fill();
      if (!filled)
        return std::move(filled).error();
      if (!*filled)
        break;
      if (!is_zero_block(bytes.window()))
        return bytes.wrong("something that follows the end", bytes.position());
      after += bytes.window().size();
      if (after > most_after_end)
        return refused_tar("more than " + std::to_string(most_after_end)
                           + " bytes follow the end of the tar");
      bytes.consume(bytes.window().size());
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
        return bytes.wrong("a sparse file without a size", entry.header);
      real = static_cast<std::uint64_t>(*told);
      got = read_old_map(bytes, raw, entry, map);
    } else if (pax.has_map_in_content) {
      got = read_map_in_content(bytes, entry, unread, map);
    } else {
      map = std::move(pax.map);
    }
    if (!got)
      return got;
    if (!is_sound(map, real, unread))
      return bytes.wrong("a sparse map that cannot be, of " + shown(entry.path),
                         entry.header);
    std::erase_if(map, [](const auto& it) { return it.size == 0; });
    entry.size = real;
    entry.stored = unread;
    return {};
  }

  // -- content ----------------------------------------------------------------

  jobs::result<tar_piece> read() {
    if (unread == 0)
      return tar_piece{entry.size, {}};
    auto filled = bytes.fill();
    if (!filled)
      return std::move(filled).error();
    if (!*filled)
      return bytes.ends_early();
    auto most = std::min<std::uint64_t>(unread, bytes.window().size());
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
    const tar_piece out{at,
                        bytes.window().first(static_cast<std::size_t>(most))};
    bytes.consume(out.data.size());
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
  return state_->bytes.position();
}

} // namespace alula::backup
