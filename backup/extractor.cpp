#include "backup/extractor.hpp"

#include "backup/archive_file.hpp"
#include "backup/entry_checks.hpp"
#include "backup/extraction_account.hpp"
#include "backup/ignore_rules.hpp"
#include "backup/late_entries.hpp"
#include "backup/manifest_hints.hpp"
#include "backup/report_pace.hpp"
#include "backup/tar_reader.hpp"
#include "backup/tree_writer.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace alula::backup {

namespace {

class extraction {
public:
  extraction(tar_reader& tar, tree_writer& tree, entry_checks& checks,
             const extraction_settings& settings, const std::stop_token& stop)
    : tar_(tar), tree_(tree), checks_(checks), settings_(settings),
      account_(settings, stop), late_(tree, account_, settings.limits.links),
      hints_(settings.manifest, settings.limits, [this](known_directory it) {
        return keep_directory(std::move(it));
      }) {
    std::string denied;
    for (const auto& pattern : settings.denied)
      denied += pattern + '\n';
    denied_.add(denied);
  }

  jobs::result<jobs::extraction_made> run() {
    tar_entry entry;
    for (;;) {
      auto more = tar_.next(entry);
      if (!more)
        return std::move(more).error();
      if (!*more)
        break;
      if (auto taken = take(entry); !taken)
        return std::move(taken).error();
    }
    if (auto finished = finish(); !finished)
      return std::move(finished).error();
    return account_.take();
  }

private:
  jobs::status take(const tar_entry& entry) {
    if (auto asked = account_.look_at_stop(); !asked)
      return asked;
    auto checked = checks_.check(entry);
    if (!checked)
      return std::move(checked).error();
    if (auto fits = checks_.check_position(tar_.position()); !fits)
      return fits;
    entry_hint hint{.mtime_ns = entry.mtime_ns};
    if (checked->is_restorable && entry.type != tar_type::directory) {
      auto known = hints_.next(entry, checked->path);
      if (!known)
        return std::move(known).error();
      hint = std::move(*known);
    }
    if (const auto denied = is_denied(entry, checked->path); !denied)
      return denied.error();
    else if (*denied)
      return {};
    if (!checked->note.empty() && checks_.is_chosen(checked->path))
      account_.note(checked->path, checked->note);
    if (checked->is_wanted)
      return write(entry, *checked, hint);
    const auto stand_in = settings_.stand_ins.find(checked->path);
    if (stand_in == settings_.stand_ins.end() || !checked->is_restorable
        || entry.type != tar_type::file)
      return {};
    checked->path = stand_in->second;
    hint.same_as.clear();
    return write(entry, *checked, hint);
  }

  /// Directories are never asked about, as when an archive is made.
  jobs::result<bool> is_denied(const tar_entry& entry,
                               const std::string& path) const {
    if (denied_.empty() || entry.type == tar_type::directory)
      return false;
    if (denied_.is_exhausted())
      return jobs::fault{.code = jobs::fault_code::archive_refused,
                         .what = "the archive is refused: the patterns of "
                                 "denied files take too long"};
    return denied_.is_ignored(path);
  }

  jobs::status write(const tar_entry& entry, checked_entry& checked,
                     const entry_hint& hint) {
    switch (entry.type) {
    case tar_type::file:
      if (auto put = write_file(entry, checked, hint); !put)
        return put;
      account_.count_file();
      return {};
    case tar_type::directory:
      return take_directory(entry, checked);
    case tar_type::link:
      return take_link(checked, hint);
    case tar_type::hard_link:
      return take_hard_link(entry, checked);
    default:
      return {};
    }
  }

  // -- files ------------------------------------------------------------------

  jobs::result<new_file> create(const std::string& path) {
    auto at = tree_.place(path);
    if (!at)
      return std::move(at).error();
    return new_file::create(*at, path);
  }

  jobs::status write_file(const tar_entry& entry, const checked_entry& checked,
                          const entry_hint& hint) {
    if (!hint.same_as.empty() && hint.same_as != checked.path
        && checks_.is_chosen(hint.same_as))
      return write_same(entry, checked, hint);
    auto file = create(checked.path);
    if (!file)
      return std::move(file).error();
    return write_rest(entry, checked, hint, *file);
  }

  /// What of the content has not been read yet, and the end.
  jobs::status write_rest(const tar_entry& entry, const checked_entry& checked,
                          const entry_hint& hint, new_file& file) {
    for (;;) {
      auto piece = tar_.read();
      if (!piece)
        return std::move(piece).error();
      if (piece->data.empty())
        break;
      auto put = hint.is_sparse ? file.write_sparse(piece->at, piece->data)
                                : file.write(piece->at, piece->data);
      if (!put)
        return put;
      if (auto counted = account_.count_bytes(piece->data.size()); !counted)
        return counted;
    }
    return file.finish(entry.size, {checked.mode, hint.mtime_ns},
                       tree_.owner());
  }

  // -- names of one file ------------------------------------------------------

  /// The manifest calls it another name of a file. It becomes one as long as
  /// the tar has the same content for both; else a file of its own.
  jobs::status write_same(const tar_entry& entry, const checked_entry& checked,
                          const entry_hint& hint) {
    const auto opened = tree_.open_file(hint.same_as);
    if (!opened)
      return opened.error();
    const auto& first = opened->fd;
    std::uint64_t same = 0;
    tar_piece differing{0, {}};
    for (;;) {
      auto piece = tar_.read();
      if (!piece)
        return std::move(piece).error();
      differing = *piece;
      if (piece->data.empty() || entry.is_sparse || !first.is_open()
          || !is_content(first.get(), piece->at, piece->data))
        break;
      same += piece->data.size();
      if (auto counted = account_.count_bytes(piece->data.size()); !counted)
        return counted;
    }
    std::byte more{};
    const bool is_same =
        first.is_open() && differing.data.empty() && !entry.is_sparse
        && ::pread(first.get(), &more, 1, static_cast<off_t>(same)) == 0;
    if (is_same) {
      auto linked = tree_.make_hard_link(checked.path, hint.same_as);
      if (!linked)
        return std::move(linked).error();
      if (*linked == tree_writer::outcome::made)
        return {};
    }
    account_.note(checked.path, "was one file with " + hint.same_as
                                    + " and is one of its own now");
    return write_apart(entry, checked, hint, first.get(), same, differing);
  }

  /// `same` bytes as in the other file, then `piece`, then the rest.
  jobs::status write_apart(const tar_entry& entry, const checked_entry& checked,
                           const entry_hint& hint, int other,
                           std::uint64_t same, const tar_piece& piece) {
    auto file = create(checked.path);
    if (!file)
      return std::move(file).error();
    for (std::uint64_t done = 0; done < same;) {
      const auto got = compared(other, done, same - done);
      if (got.empty())
        return jobs::system_fault(errno, "pread", hint.same_as);
      if (auto put = file->write(done, got); !put)
        return put;
      done += got.size();
    }
    if (auto put = file->write(piece.at, piece.data); !put)
      return put;
    if (auto counted = account_.count_bytes(piece.data.size()); !counted)
      return counted;
    return write_rest(entry, checked, hint, *file);
  }

  byte_view compared(int fd, std::uint64_t at, std::uint64_t most) {
    const auto room = compared_.room(static_cast<std::size_t>(
        std::min<std::uint64_t>(most, bytes_between_reports)));
    const auto got =
        ::pread(fd, room.data(), room.size(), static_cast<off_t>(at));
    return room.first(got > 0 ? static_cast<std::size_t>(got) : 0);
  }

  bool is_content(int fd, std::uint64_t at, byte_view data) {
    while (!data.empty()) {
      const auto there = compared(fd, at, data.size());
      if (there.empty()
          || std::memcmp(there.data(), data.data(), there.size()) != 0)
        return false;
      at += there.size();
      data = data.subspan(there.size());
    }
    return true;
  }

  // -- what comes last --------------------------------------------------------

  jobs::status take_directory(const tar_entry& entry, checked_entry& checked) {
    if (auto made = tree_.make_directory(checked.path); !made)
      return made;
    return keep_directory(
        {std::move(checked.path), checked.mode, entry.mtime_ns});
  }

  jobs::status keep_directory(known_directory it) {
    if (!checks_.is_chosen(it.path))
      return {};
    return late_.keep(std::move(it));
  }

  jobs::status take_link(checked_entry& checked, const entry_hint& hint) {
    if (!settings_.keep_outside_links
        && reach_of(checked.path, checked.target) == link_reach::outside)
      return left_out(checked.path);
    if (auto removed = tree_.remove_file(checked.path); !removed)
      return removed;
    if (auto kept = late_.keep(late_link{std::move(checked.path),
                                         std::move(checked.target),
                                         hint.mtime_ns, false});
        !kept)
      return kept;
    account_.count_file();
    return {};
  }

  jobs::status left_out(const std::string& path) {
    account_.note(path, "left out");
    return {};
  }

  /// Its target may be a link, which is made last; then this comes after it.
  jobs::status take_hard_link(const tar_entry& entry, checked_entry& checked) {
    if (const auto other = settings_.stand_ins.find(checked.target);
        other != settings_.stand_ins.end()) {
      if (other->second == checked.path)
        return {}; // it was written in the place of the other
      checked.target = other->second;
    }
    auto linked = tree_.make_hard_link(checked.path, checked.target);
    if (!linked)
      return std::move(linked).error();
    if (*linked == tree_writer::outcome::in_the_way)
      account_.note(checked.path, "something else has its name; left out");
    if (*linked == tree_writer::outcome::no_target)
      return late_.keep(late_link{std::move(checked.path),
                                  std::move(checked.target), entry.mtime_ns,
                                  true});
    account_.count_file();
    return {};
  }

  jobs::status finish() {
    if (auto finished = hints_.finish(); !finished)
      return finished;
    if (hints_.is_foreign())
      account_.note(
          "", "the manifest is not that of this archive; empty directories "
              "and names of one file may be missing");
    if (auto made = late_.make(); !made)
      return made;
    account_.tell();
    return tree_.sync();
  }

  tar_reader& tar_;
  tree_writer& tree_;
  entry_checks& checks_;
  const extraction_settings& settings_;
  extraction_account account_;
  late_entries late_;
  manifest_hints hints_;
  ignore_rules denied_;
  raw_buffer compared_;
};

} // namespace

jobs::result<jobs::extraction_made>
extract_archive(int archive, int staging, const extraction_settings& settings,
                const std::stop_token& stop) {
  auto tree = tree_writer::open(staging, {settings.uid, settings.gid});
  if (!tree)
    return std::move(tree).error();
  auto reader = archive_reader::open(archive, settings.reader);
  if (!reader)
    return std::move(reader).error();
  tar_reader tar{**reader};
  entry_checks checks{settings.limits, settings.paths, (*reader)->size()};
  return extraction{tar, *tree, checks, settings, stop}.run();
}

} // namespace alula::backup
