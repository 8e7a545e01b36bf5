#include "backup/manifest_writer.hpp"

#include "backup/digest.hpp"
#include "backup/entry_line.hpp"
#include "backup/file_io.hpp"
#include "backup/manifest_header.hpp"
#include "backup/path_text.hpp"

#include <algorithm>

namespace alula::backup {

namespace {

constexpr std::size_t copied_piece = std::size_t{256} * 1024;
constexpr std::size_t members_per_line = 1000;
constexpr std::size_t members_per_block = 16'000;

jobs::status copy_all(int from, std::uint64_t size, int into) {
  bytes piece;
  for (std::uint64_t at = 0; at < size; at += piece.size()) {
    if (auto read = read_at(from, at, copied_piece, piece, manifest_name);
        !read)
      return read;
    if (piece.empty())
      return jobs::fault{.code = jobs::fault_code::io_error,
                         .what = "the spool of the manifest became shorter"};
    if (auto written = write_all(into, piece, manifest_name); !written)
      return written;
  }
  return {};
}

bytes member_of(std::string_view text) {
  bytes out;
  member_encoder{compression::best_speed}.encode(view_of(text), out);
  return out;
}

} // namespace

/// Gathers lines into blocks, one gzip member each, and the index of them.
class manifest_writer::block_writer {
public:
  explicit block_writer(file_descriptor spool) : spool_(std::move(spool)) {}

  /// `key`: of the block's first line, cut to the limit.
  void add(std::string_view kind, std::string_view key, std::string_view line) {
    if (text_.empty())
      begin(kind, key);
    text_ += line;
    ++count_;
    ++lines_;
  }

  bool is_full() const {
    return count_ >= manifest_limits::block_entries
           || text_.size() >= manifest_limits::block_target;
  }

  jobs::status end() {
    if (text_.empty())
      return {};
    member_.clear();
    encoder_.encode(view_of(text_), member_);
    index_ += ",\"offset\":" + std::to_string(size_)
              + ",\"length\":" + std::to_string(member_.size())
              + ",\"count\":" + std::to_string(count_) + "}\n";
    size_ += member_.size();
    text_.clear();
    count_ = 0;
    return write_all(spool_.get(), member_, manifest_name);
  }

  const std::string& index() const { return index_; }
  std::uint64_t size() const { return size_; }
  std::int64_t lines() const { return lines_; } ///< of all blocks
  jobs::status copy_to(int into) const {
    return copy_all(spool_.get(), size_, into);
  }

private:
  void begin(std::string_view kind, std::string_view key) {
    index_ += "{\"kind\":\"";
    index_ += kind;
    index_ += '"';
    if (!key.empty()) {
      index_ += ',';
      append_member(index_, "key", key.substr(0, manifest_limits::key));
    }
  }

  file_descriptor spool_;
  member_encoder encoder_{compression::best_speed};
  std::string text_;
  std::string index_;
  bytes member_;
  std::size_t count_ = 0;
  std::int64_t lines_ = 0;
  std::uint64_t size_ = 0;
};

manifest_writer::manifest_writer(spool_maker make_spool)
  : make_spool_(make_spool), sort_(std::move(make_spool)) {}

jobs::status manifest_writer::add(const archive_entry& entry) {
  if (entry.path.empty() || entry.path.size() > manifest_limits::path)
    return {};
  if (auto added = add_parents(entry.path, entry.mtime_ns); !added)
    return added;
  line_.clear();
  append_entry_line(line_, entry);
  return sort_.add(entry.path, line_);
}

jobs::status manifest_writer::add_parents(std::string_view path,
                                          std::int64_t mtime_ns) {
  const auto end = path.rfind('/');
  const auto parent = path.substr(0, end == std::string_view::npos ? 0 : end);
  if (parent == last_parent_)
    return {};
  archive_entry implied;
  implied.type = entry_type::directory;
  implied.mode = 0755;
  implied.mtime_ns = mtime_ns;
  for (std::size_t at = 0; at < parent.size();) {
    at = std::min(parent.find('/', at + 1), parent.size());
    const auto here = parent.substr(0, at);
    const bool is_known =
        last_parent_.starts_with(here)
        && (last_parent_.size() == at || last_parent_[at] == '/');
    if (is_known)
      continue;
    implied.path = here;
    line_.clear();
    append_entry_line(line_, implied);
    if (auto added = sort_.add(here, line_, true); !added)
      return added;
  }
  last_parent_ = parent;
  return {};
}

jobs::status manifest_writer::write_entries(block_writer& to,
                                            const std::stop_token& stop) {
  for (;;) {
    auto next = sort_.next();
    if (!next)
      return std::move(next).error();
    if (*next == nullptr)
      return to.end();
    if (stop.stop_requested())
      return jobs::fault{.code = jobs::fault_code::interrupted,
                         .what = "the manifest was asked to stop"};
    to.add("entries", (*next)->path, (*next)->text);
    if (to.is_full())
      if (auto ended = to.end(); !ended)
        return ended;
  }
}

namespace {

/// Positions as differences: `{"content":[…],"archive":[…]}`, the first of a
/// block counted from 0.
template<class Writer>
jobs::status write_members(std::span<const member_position> members,
                           Writer& to) {
  member_position last;
  for (std::size_t at = 0; at < members.size(); at += members_per_line) {
    if (at % members_per_block == 0) {
      if (auto ended = to.end(); !ended)
        return ended;
      last = {};
    }
    std::string content;
    std::string archive;
    for (const auto& each :
         members.subspan(at, std::min(members_per_line, members.size() - at))) {
      content += (content.empty() ? "" : ",")
                 + std::to_string(each.content - last.content);
      archive += (archive.empty() ? "" : ",")
                 + std::to_string(each.archive - last.archive);
      last = each;
    }
    std::string line = "{\"content\":[";
    line += content;
    line += "],\"archive\":[";
    line += archive;
    line += "]}\n";
    to.add("members", {}, line);
  }
  return to.end();
}

template<class Writer>
jobs::status write_notes(std::span<const jobs::file_note> notes, Writer& to) {
  for (const auto& each : notes) {
    std::string line = "{";
    append_member(line, "path", each.path);
    line += ',';
    append_member(line, "what", each.what);
    line += "}\n";
    to.add("notes", {}, line);
    if (to.is_full())
      if (auto ended = to.end(); !ended)
        return ended;
  }
  return to.end();
}

} // namespace

jobs::status manifest_writer::finish(manifest_facts facts,
                                     std::span<const member_position> members,
                                     std::span<const jobs::file_note> notes,
                                     const std::stop_token& stop, int into) {
  auto spool = make_spool_();
  if (!spool)
    return std::move(spool).error();
  block_writer blocks{std::move(*spool)};
  if (auto written = write_entries(blocks, stop); !written)
    return written;
  facts.entries = blocks.lines();
  if (auto written = write_members(members, blocks); !written)
    return written;
  if (auto written = write_notes(notes, blocks); !written)
    return written;
  const auto index = member_of(blocks.index());
  manifest_layout layout;
  layout.index_length = index.size();
  layout.index_sha256 = sha256_of(index);
  layout.blocks_length = blocks.size();
  const auto header = member_of(header_text(facts, layout));
  for (const auto& part : {byte_view{header}, byte_view{index}})
    if (auto written = write_all(into, part, manifest_name); !written)
      return written;
  return blocks.copy_to(into);
}

} // namespace alula::backup
