#include "backup/archive_writer.hpp"

#include "backup/rate_limit.hpp"
#include "backup/tree_walk.hpp"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <locale.h>
#include <map>
#include <memory>
#include <optional>
#include <sys/uio.h>

namespace alula::backup {

namespace {

constexpr std::size_t read_size = 1024 * 1024;
constexpr std::uint64_t files_between_reports = 256;
constexpr std::size_t longest_link = 4096; // PATH_MAX

using tar_handle = std::unique_ptr<::archive, decltype(&::archive_write_free)>;
using entry_handle =
    std::unique_ptr<::archive_entry, decltype(&::archive_entry_free)>;

/// libarchive converts names through the thread's locale, and crashes in "C"
/// on a name that is not ASCII.
class utf8_locale {
public:
  utf8_locale()
    : mine_(::newlocale(LC_CTYPE_MASK, "C.UTF-8", locale_t{})),
      before_(::uselocale(mine_)) {}
  ~utf8_locale() {
    ::uselocale(before_);
    if (mine_ != locale_t{})
      ::freelocale(mine_);
  }
  utf8_locale(const utf8_locale&) = delete;
  utf8_locale& operator=(const utf8_locale&) = delete;

private:
  locale_t mine_;
  locale_t before_;
};

std::string error_text(int number) {
  char buffer[128];
  return ::strerror_r(number, buffer, sizeof buffer);
}

bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto c = static_cast<unsigned char>(text[i]);
    const std::size_t more = c < 0x80                ? 0
                             : c >= 0xC2 && c < 0xE0 ? 1
                             : c >= 0xE0 && c < 0xF0 ? 2
                             : c >= 0xF0 && c < 0xF5 ? 3
                                                     : 4;
    if (more == 4 || i + more >= text.size())
      return false;
    for (std::size_t k = 1; k <= more; ++k)
      if ((static_cast<unsigned char>(text[i + k]) & 0xC0) != 0x80)
        return false;
    i += more + 1;
  }
  return true;
}

/// Reads a file front to back and leaves the page cache as it was.
class quiet_reader {
public:
  explicit quiet_reader(int fd) : fd_(fd) {
    ::posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
  }

  /// Like read(2).
  ssize_t read(std::byte* into, std::size_t size) {
    iovec piece{into, size};
    auto got = ::preadv2(fd_, &piece, 1, offset_, RWF_NOWAIT);
    const bool was_cached = got == static_cast<ssize_t>(size);
    if (got <= 0)
      got = ::pread(fd_, into, size, offset_);
    if (got > 0 && !was_cached)
      ::posix_fadvise(fd_, offset_, got, POSIX_FADV_DONTNEED);
    if (got > 0)
      offset_ += got;
    return got;
  }

private:
  int fd_;
  off_t offset_ = 0;
};

class archive_writer final : public tree_visitor {
public:
  archive_writer(const archive_settings& settings, const std::stop_token& stop,
                 member_pipeline::sink to)
    : settings_(settings), stop_(stop), limit_(settings.read_limit),
      pipeline_(settings.pipeline, std::move(to)), buffer_(read_size) {}

  jobs::status open() {
    auto* tar = tar_.get();
    const bool ready =
        ::archive_write_set_format_pax_restricted(tar) == ARCHIVE_OK
        && ::archive_write_add_filter_none(tar) == ARCHIVE_OK
        // Nothing is held back, so the pipeline's position is exact.
        && ::archive_write_set_bytes_per_block(tar, 0) == ARCHIVE_OK
        && ::archive_write_set_bytes_in_last_block(tar, 1) == ARCHIVE_OK
        && ::archive_write_open2(tar, this, nullptr, take, nullptr, nullptr)
               == ARCHIVE_OK;
    return ready ? jobs::status{} : tar_fault();
  }

  jobs::result<archive_summary> finish() {
    if (::archive_write_close(tar_.get()) != ARCHIVE_OK)
      return tar_fault();
    auto made = pipeline_.finish();
    if (!made)
      return std::move(made).error();
    summary_.stream = std::move(*made);
    return std::move(summary_);
  }

  // -- what the walk finds ----------------------------------------------------

  jobs::status file(const place& at, const struct stat&) override {
    const auto fd =
        open_beneath(at.parent, at.name, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    struct stat now {};
    if (!fd.is_open() || ::fstat(fd.get(), &now) != 0) {
      skipped(at.path, errno == ENOENT ? "vanished" : error_text(errno));
      return {};
    }
    if (!S_ISREG(now.st_mode)) {
      skipped(at.path, "is no longer a file");
      return {};
    }
    auto entry = entry_for(at, now, entry_type::file);
    entry.size = static_cast<std::uint64_t>(now.st_size);
    entry.is_sparse =
        static_cast<std::uint64_t>(now.st_blocks) * 512 < entry.size;
    if (now.st_nlink > 1)
      remember_name(entry, now);
    if (auto written = write_header(entry); !written)
      return written;
    entry.offset = pipeline_.position();
    if (auto written = write_content(entry, fd.get()); !written)
      return written;
    add(std::move(entry));
    return count_file();
  }

  jobs::status link(const place& at, const struct stat& seen) override {
    std::string target(longest_link, '\0');
    const auto size =
        ::readlinkat(at.parent, at.name, target.data(), target.size());
    if (size < 0) {
      skipped(at.path, errno == ENOENT ? "vanished" : error_text(errno));
      return {};
    }
    target.resize(static_cast<std::size_t>(size));
    auto entry = entry_for(at, seen, entry_type::link);
    entry.target = std::move(target);
    if (auto written = write_header(entry); !written)
      return written;
    entry.offset = pipeline_.position();
    add(std::move(entry));
    return count_file();
  }

  jobs::status directory(const place& at, const struct stat& seen,
                         bool) override {
    auto entry = entry_for(at, seen, entry_type::directory);
    entry.offset = pipeline_.position();
    add(std::move(entry));
    return {};
  }

  void skipped(std::string_view path, std::string_view why) override {
    note(path, std::string{why});
  }

private:
  static archive_entry entry_for(const place& at, const struct stat& seen,
                                 entry_type type) {
    return {.path = std::string{at.path},
            .type = type,
            .mode = seen.st_mode & 07777U,
            .mtime_ns =
                seen.st_mtim.tv_sec * 1'000'000'000 + seen.st_mtim.tv_nsec};
  }

  /// Further names of one file carry a full copy in the archive; the list says
  /// that they are one.
  void remember_name(archive_entry& entry, const struct stat& seen) {
    const auto [known, is_first] =
        names_.try_emplace({seen.st_dev, seen.st_ino}, entry.path);
    if (is_first)
      return;
    entry.type = entry_type::hard_link;
    entry.target = known->second;
  }

  // -- the tar ----------------------------------------------------------------

  /// libarchive hands every header and every piece of content over at once.
  static la_ssize_t take(::archive*, void* self, const void* data,
                         std::size_t size) {
    auto& writer = *static_cast<archive_writer*>(self);
    auto taken =
        writer.pipeline_.write({static_cast<const std::byte*>(data), size});
    if (taken)
      return static_cast<la_ssize_t>(size);
    writer.failure_ = std::move(taken).error();
    return -1;
  }

  jobs::fault tar_fault() {
    if (failure_)
      return *failure_;
    const auto* text = ::archive_error_string(tar_.get());
    return {.code = jobs::fault_code::io_error,
            .what = std::string{"the archive cannot be written: "}
                    + (text != nullptr ? text : "unknown reason")};
  }

  jobs::status write_header(const archive_entry& entry) {
    auto* head = ::archive_entry_clear(head_.get());
    if (is_utf8(entry.path))
      ::archive_entry_set_pathname_utf8(head, entry.path.c_str());
    else
      ::archive_entry_set_pathname(head, entry.path.c_str());
    const bool is_link = entry.type == entry_type::link;
    ::archive_entry_set_filetype(head, is_link ? AE_IFLNK : AE_IFREG);
    if (is_link && is_utf8(entry.target))
      ::archive_entry_set_symlink_utf8(head, entry.target.c_str());
    else if (is_link)
      ::archive_entry_set_symlink(head, entry.target.c_str());
    ::archive_entry_set_perm(head, entry.mode);
    ::archive_entry_set_size(head, static_cast<la_int64_t>(entry.size));
    // Whole seconds, like Wings; the manifest keeps the rest.
    ::archive_entry_set_mtime(head, entry.mtime_ns / 1'000'000'000, 0);
    // A name that is no UTF-8 is written as its bytes, with a warning.
    if (::archive_write_header(tar_.get(), head) < ARCHIVE_WARN)
      return tar_fault();
    return {};
  }

  jobs::status write_content(const archive_entry& entry, int fd) {
    quiet_reader reader{fd};
    auto missing = entry.size;
    while (missing > 0) {
      const auto want =
          static_cast<std::size_t>(std::min<std::uint64_t>(missing, read_size));
      if (!limit_.pass(want, stop_) || stop_.stop_requested())
        return jobs::fault{.code = jobs::fault_code::interrupted,
                           .what = "the archive was asked to stop"};
      const auto got = reader.read(buffer_.data(), want);
      if (got <= 0) {
        note(entry.path, (got < 0 ? "cannot be read (" + error_text(errno) + ")"
                                  : std::string{"shrank"})
                             + "; its last " + std::to_string(missing)
                             + " bytes are zeros here");
        return pad(missing);
      }
      if (auto put = put_data({buffer_.data(), static_cast<std::size_t>(got)});
          !put)
        return put;
      missing -= static_cast<std::uint64_t>(got);
      summary_.total.bytes += static_cast<std::uint64_t>(got);
      tell();
    }
    std::byte more{};
    if (entry.size > 0
        && ::pread(fd, &more, 1, static_cast<off_t>(entry.size)) > 0)
      note(entry.path, "grew; what came after the first "
                           + std::to_string(entry.size) + " bytes is left out");
    return {};
  }

  jobs::status pad(std::uint64_t size) {
    std::ranges::fill(buffer_, std::byte{0});
    while (size > 0) {
      const auto part = std::min<std::uint64_t>(size, buffer_.size());
      if (auto put = put_data({buffer_.data(), static_cast<std::size_t>(part)});
          !put)
        return put;
      size -= part;
    }
    return {};
  }

  jobs::status put_data(byte_view data) {
    if (::archive_write_data(tar_.get(), data.data(), data.size())
        != static_cast<la_ssize_t>(data.size()))
      return tar_fault();
    return {};
  }

  // -- the account ------------------------------------------------------------

  void add(archive_entry entry) {
    summary_.entries.push_back(std::move(entry));
  }

  void note(std::string_view path, std::string what) {
    ++summary_.noted;
    if (summary_.notes.size() < settings_.max_notes)
      summary_.notes.push_back({std::string{path}, std::move(what)});
  }

  jobs::status count_file() {
    if (++summary_.total.files % files_between_reports == 0)
      tell();
    return {};
  }

  void tell() const {
    if (settings_.tell)
      settings_.tell(summary_.total);
  }

  const archive_settings& settings_;
  const std::stop_token& stop_;
  rate_limit limit_;
  member_pipeline pipeline_;
  tar_handle tar_{::archive_write_new(), ::archive_write_free};
  entry_handle head_{::archive_entry_new(), ::archive_entry_free};
  std::vector<std::byte> buffer_;
  std::map<std::pair<dev_t, ino_t>, std::string> names_;
  std::optional<jobs::fault> failure_;
  archive_summary summary_;
};

} // namespace

jobs::result<archive_summary> write_archive(int root, const ignore_rules& rules,
                                            const archive_settings& settings,
                                            const std::stop_token& stop,
                                            member_pipeline::sink to) {
  const utf8_locale names_are_utf8;
  archive_writer writer{settings, stop, std::move(to)};
  if (auto opened = writer.open(); !opened)
    return std::move(opened).error();
  if (auto walked = walk_tree(root, rules, stop, writer); !walked)
    return std::move(walked).error();
  return writer.finish();
}

} // namespace alula::backup
