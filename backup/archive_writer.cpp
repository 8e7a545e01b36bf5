#include "backup/archive_writer.hpp"

#include "backup/archive_account.hpp"
#include "backup/content_writer.hpp"
#include "backup/data_map.hpp"
#include "backup/database_copy.hpp"
#include "backup/file_io.hpp"
#include "backup/file_time.hpp"
#include "backup/hard_links.hpp"
#include "backup/quiet_reader.hpp"
#include "backup/tar_format.hpp"
#include "backup/tar_header.hpp"
#include "backup/tree_walk.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace alula::backup {

namespace {

constexpr std::size_t longest_link = 4096; // PATH_MAX

class archive_writer final : public tree_visitor {
public:
  archive_writer(const ignore_rules& rules, const archive_settings& settings,
                 const std::stop_token& stop, member_pipeline::sink to)
    : rules_(rules), settings_(settings), stop_(stop),
      pipeline_(settings.pipeline, std::move(to)),
      content_(pipeline_, settings.read_limit, stop,
               [this](std::size_t size) { account_.count_bytes(size); }),
      account_(settings) {}

  jobs::result<archive_summary> finish() {
    if (auto ended = content_.zeros(tar_end_size); !ended)
      return std::move(ended).error();
    auto made = pipeline_.finish();
    if (!made)
      return std::move(made).error();
    return account_.close(std::move(*made));
  }

  // -- what the walk finds ----------------------------------------------------

  jobs::status file(const place& at, const struct stat&) override {
    const auto is_written_with_it = goes_with_its_database(at);
    if (!is_written_with_it)
      return is_written_with_it.error();
    if (*is_written_with_it)
      return {};
    const auto fd =
        open_beneath(at.parent, at.name, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (!fd.is_open())
      return pass_over(at.path, "open", errno);
    struct stat now {};
    if (::fstat(fd.get(), &now) != 0)
      return pass_over(at.path, "fstat", errno);
    if (!S_ISREG(now.st_mode)) {
      skipped(at.path, "is no longer a file");
      return {};
    }
    if (now.st_size > 0
        && static_cast<std::uint64_t>(now.st_size)
               <= content_writer::small_size)
      if (const auto content = content_.small_file(
              fd.get(), static_cast<std::uint64_t>(now.st_size));
          content && !is_database(*content))
        return write_small_file(at, now, *content);
    // Before anything is looked at: that would stay in the page cache.
    quiet_reader reader{fd.get(), 0, static_cast<std::uint64_t>(now.st_size)};
    if (const auto mode = database_mode(fd.get()))
      return write_database(at, fd.get(), *mode);
    return write_file(at, fd.get(), now, reader, [] { return false; });
  }

  jobs::status link(const place& at, const struct stat& seen) override {
    std::string target(longest_link, '\0');
    const auto size =
        ::readlinkat(at.parent, at.name, target.data(), target.size());
    if (size < 0)
      return pass_over(at.path, "readlinkat", errno);
    target.resize(static_cast<std::size_t>(size));
    auto entry = entry_for(at, seen, entry_type::link);
    entry.target = std::move(target);
    if (!account_.has_room_for(entry))
      return {};
    if (auto written = content_.text(tar_headers(entry)); !written)
      return written;
    entry.offset = pipeline_.position();
    if (auto added = add(entry); !added)
      return added;
    account_.count_file();
    return {};
  }

  jobs::status directory(const place& at, const struct stat& seen,
                         bool) override {
    auto entry = entry_for(at, seen, entry_type::directory);
    entry.offset = pipeline_.position();
    if (has_directories() && account_.has_room_for(entry))
      if (auto written = content_.text(tar_headers(entry)); !written)
        return written;
    return add(entry);
  }

  void skipped(std::string_view path, std::string_view why) override {
    account_.note(path, std::string{why});
  }

private:
  /// A note of what cannot be read: `call` failed.
  jobs::status pass_over(std::string_view path, const char* call, int error) {
    if (is_shortage(error))
      return jobs::system_fault(error, call, path);
    skipped(path, error == ENOENT ? "vanished" : error_text(error));
    return {};
  }

  using still_waited_for = std::function<bool()>;

  jobs::status write_file(const place& at, int fd, const struct stat& now,
                          const still_waited_for& is_waited_for) {
    quiet_reader reader{fd, 0, static_cast<std::uint64_t>(now.st_size)};
    return write_file(at, fd, now, reader, is_waited_for);
  }

  /// `is_waited_for`: who holds up others asks whether it still does.
  jobs::status write_file(const place& at, int fd, const struct stat& now,
                          quiet_reader& from,
                          const still_waited_for& is_waited_for) {
    auto entry = entry_for(at, now, entry_type::file);
    if (!account_.has_room_for(entry))
      return {};
    entry.size = static_cast<std::uint64_t>(now.st_size);
    if (now.st_size > settings_.limits.file_size) {
      skipped(at.path, "too large to be restored; left out");
      return {};
    }
    entry.is_sparse =
        static_cast<std::uint64_t>(now.st_blocks) * 512 < entry.size;
    if (now.st_nlink > 1)
      remember_name(entry, now);
    if (entry.is_reference)
      return write_reference(entry);
    if (may_have_holes(now.st_size, now.st_blocks)) {
      auto map = data_map_of(fd, entry.size, stop_);
      if (entry.size - map.data >= least_of_holes)
        return write_without_holes(entry, fd, map);
    }
    if (auto written = content_.text(tar_headers(entry)); !written)
      return written;
    entry.offset = pipeline_.position();
    auto wrong = content_.file_promptly(from, entry.size, is_waited_for);
    if (!wrong)
      return std::move(wrong).error();
    if (!wrong->empty())
      account_.note(entry.path, std::move(*wrong));
    else
      note_growth(entry, fd);
    return finish_file(entry, entry.size);
  }

  jobs::status write_small_file(const place& at, const struct stat& now,
                                byte_view content) {
    auto entry = entry_for(at, now, entry_type::file);
    if (!account_.has_room_for(entry))
      return {};
    entry.size = content.size();
    if (now.st_nlink > 1)
      remember_name(entry, now);
    if (entry.is_reference)
      return write_reference(entry);
    if (auto written = content_.text(tar_headers(entry)); !written)
      return written;
    entry.offset = pipeline_.position();
    if (auto written = content_.bytes_of(content); !written)
      return written;
    return finish_file(entry, entry.size);
  }

  jobs::status write_reference(archive_entry& entry) {
    entry.size = 0;
    entry.is_sparse = false;
    if (auto written = content_.text(tar_headers(entry)); !written)
      return written;
    entry.offset = pipeline_.position();
    return finish_file(entry, 0);
  }

  void note_growth(const archive_entry& entry, int fd) {
    std::byte more{};
    if (entry.size > 0
        && ::pread(fd, &more, 1, static_cast<off_t>(entry.size)) > 0)
      account_.note(entry.path, "grew; what came after the first "
                                    + std::to_string(entry.size)
                                    + " bytes is left out");
  }

  jobs::status write_without_holes(archive_entry& entry, int fd,
                                   const data_map& map) {
    entry.packed_at = pipeline_.position();
    if (auto written = content_.text(sparse_tar_headers(entry, map)); !written)
      return written;
    entry.offset = pipeline_.position();
    for (const auto& extent : map.extents) {
      auto wrong = content_.file(fd, extent);
      if (!wrong)
        return std::move(wrong).error();
      if (!wrong->empty())
        account_.note(entry.path, std::move(*wrong));
    }
    return finish_file(entry, map.data);
  }

  jobs::status finish_file(const archive_entry& entry, std::uint64_t stored) {
    account_.count_content(stored);
    if (auto padded = content_.zeros(tar_padding(stored)); !padded)
      return padded;
    if (auto added = add(entry); !added)
      return added;
    account_.count_file();
    return {};
  }

  // -- databases --------------------------------------------------------------

  /// A journal, a log or an index beside its database is written together with
  /// it, which also notes what cannot be read of them, or is of no use without
  /// the running game.
  static jobs::result<bool> goes_with_its_database(const place& at) {
    const auto name = database_of(at.name);
    if (name.empty())
      return false;
    const auto database = open_regular(at.parent, name.c_str());
    if (is_shortage(database.error))
      return jobs::system_fault(database.error, database.call, name);
    return database.fd.is_open()
           && database_mode(database.fd.get()).has_value();
  }

  jobs::status write_database(const place& at, int fd, journal_mode mode) {
    if (!settings_.make_spool)
      return write_held_database(at, fd, mode);
    copy_settings how{.make_spool = settings_.make_spool,
                      .patience = settings_.patience,
                      .longest_hold = settings_.longest_hold};
    how.pass = [this](std::uint64_t size) { return content_.pass(size); };
    how.tell = [this] { account_.tell(); };
    auto copy = copy_database({fd, mode, at.parent, at.name}, how, stop_);
    if (!copy && copy.error().code == jobs::fault_code::interrupted)
      return std::move(copy).error();
    if (!copy) // no room for a copy, or too few descriptors, which it finds out
      return write_held_database(at, fd, mode);
    if (!copy->doubt.empty())
      account_.note(at.path, copy->doubt);
    if (auto written = write_copy(at, copy->database.get(), copy->seen);
        !written)
      return written;
    const auto& name = copy->companion_name;
    const auto path = companion_path(at, name);
    if (name.empty() || rules_.is_ignored(path))
      return {};
    return write_copy({path, at.parent, name.c_str()}, copy->companion.get(),
                      copy->companion_seen);
  }

  /// It was read once under the read limit, or is in memory.
  jobs::status write_copy(const place& at, int copy, struct stat seen) {
    seen.st_blocks = seen.st_size / 512 + 1; // holes are the copy's
    return write_file(at, copy, seen, [] { return true; });
  }

  /// Straight into the archive, while the game waits: for want of another
  /// place. The lock is let go before the game gives up.
  jobs::status write_held_database(const place& at, int fd, journal_mode mode) {
    using clock = std::chrono::steady_clock;
    auto taken = database_hold::take(fd, mode, at.parent, at.name,
                                     settings_.patience, stop_);
    if (!taken)
      return std::move(taken).error();
    std::optional<database_hold> hold{std::move(*taken)};
    if (!hold->is_held())
      account_.note(at.path, hold->doubt());
    struct stat now {};
    if (::fstat(fd, &now) != 0)
      return pass_over(at.path, "fstat", errno);
    const auto until = clock::now() + settings_.longest_hold;
    const auto companion = hold->companion();
    const auto is_waited_for = [&] {
      if (mode == journal_mode::rollback && hold && hold->is_held()
          && clock::now() >= until) {
        hold.reset();
        account_.note(at.path,
                      "is a database that could not be copied before its game "
                      "gives up waiting; its copy may be torn");
      }
      return hold && mode == journal_mode::rollback;
    };
    if (auto written = write_file(at, fd, now, is_waited_for); !written)
      return written;
    return write_companion(at, companion);
  }

  static std::string companion_path(const place& of, const std::string& name) {
    return std::string{of.path}
           + name.substr(
               std::min(name.size(), std::string_view{of.name}.size()));
  }

  jobs::status write_companion(const place& of, const std::string& name) {
    const auto path = companion_path(of, name);
    if (name.empty() || rules_.is_ignored(path))
      return {};
    const auto file = open_regular(of.parent, name.c_str());
    if (!file.fd.is_open())
      return pass_over(path, file.call, file.error);
    return write_file({path, of.parent, name.c_str()}, file.fd.get(), file.seen,
                      [] { return false; });
  }

  // -- names ------------------------------------------------------------------

  static archive_entry entry_for(const place& at, const struct stat& seen,
                                 entry_type type) {
    return {.path = std::string{at.path},
            .type = type,
            .mode = seen.st_mode & 07777U,
            .mtime_ns = nanoseconds_of(seen.st_mtim)};
  }

  void remember_name(archive_entry& entry, const struct stat& seen) {
    if (const auto what = links_.take(entry, seen); !what.empty())
      account_.note(entry.path, std::string{what});
    entry.is_reference = is_full() && entry.type == entry_type::hard_link;
  }

  bool is_full() const { return settings_.format == archive_format::full; }
  bool has_directories() const {
    return settings_.format != archive_format::wings;
  }

  jobs::status add(const archive_entry& entry) const {
    return settings_.found ? settings_.found(entry) : jobs::status{};
  }

  const ignore_rules& rules_;
  const archive_settings& settings_;
  const std::stop_token& stop_;
  member_pipeline pipeline_;
  content_writer content_;
  hard_links links_;
  archive_account account_;
};

} // namespace

jobs::result<archive_summary> write_archive(int root, const ignore_rules& rules,
                                            const archive_settings& settings,
                                            const std::stop_token& stop,
                                            member_pipeline::sink to) {
  archive_writer writer{rules, settings, stop, std::move(to)};
  if (auto walked =
          walk_tree(root, rules, stop, writer, {.limits = settings.limits});
      !walked)
    return std::move(walked).error();
  return writer.finish();
}

} // namespace alula::backup
