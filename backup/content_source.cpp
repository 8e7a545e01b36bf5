#include "backup/content_source.hpp"

#include "backup/archive_reader.hpp"
#include "backup/byte_source.hpp"
#include "backup/file_io.hpp"
#include "backup/tar_reader.hpp"

#include <algorithm>
#include <cerrno>
#include <functional>
#include <string>
#include <sys/stat.h>
#include <utility>

namespace alula::backup {

namespace {

/// No member of ours is longer, compressed or not; archives with longer ones
/// are read from the start.
constexpr std::uint64_t longest_member = std::uint64_t{16} * 1024 * 1024;

jobs::fault damaged_content(std::string_view why) {
  return {.code = jobs::fault_code::backup_damaged,
          .what = "the archive is damaged: " + std::string{why}};
}

/// Decodes the archive's members one by one, from the one that holds a place
/// on.
class member_source final : public byte_source {
public:
  member_source(int archive, std::uint64_t size,
                std::vector<member_position> members, std::uint64_t from)
    : archive_(archive), size_(size), members_(std::move(members)) {
    const auto after =
        std::ranges::upper_bound(members_, from, {}, &member_position::content);
    next_ = static_cast<std::size_t>(after - members_.begin()) - 1;
  }

  std::uint64_t start() const { return members_[next_].content; }

  jobs::result<byte_view> next() override {
    if (next_ >= members_.size())
      return byte_view{};
    const auto& here = members_[next_];
    const bool is_last = next_ + 1 == members_.size();
    const auto end = is_last ? size_ : members_[next_ + 1].archive;
    const auto length =
        is_last ? longest_member : members_[next_ + 1].content - here.content;
    if (end <= here.archive || end - here.archive > longest_member
        || length > longest_member)
      return damaged_content("its blocks are not where the manifest says");
    if (auto read = read_at(archive_, here.archive,
                            static_cast<std::size_t>(end - here.archive), raw_,
                            "the archive");
        !read)
      return std::move(read).error();
    auto decoded = decode_member(raw_, static_cast<std::size_t>(length));
    if (!decoded || (!is_last && decoded->content.size() != length)
        || decoded->content.empty())
      return damaged_content("the block at byte " + std::to_string(here.archive)
                             + " does not decode");
    ++next_;
    content_ = std::move(decoded->content);
    return byte_view{content_};
  }

private:
  int archive_;
  std::uint64_t size_;
  std::vector<member_position> members_;
  std::size_t next_ = 0;
  bytes raw_;
  bytes content_;
};

bool are_usable(const std::vector<member_position>& members,
                std::uint64_t size) {
  if (members.empty() || members.front().content != 0
      || members.back().archive >= size
      || size - members.back().archive > longest_member)
    return false;
  for (std::size_t i = 1; i < members.size(); ++i)
    if (members[i].content - members[i - 1].content > longest_member
        || members[i].archive - members[i - 1].archive > longest_member)
      return false;
  return true;
}

/// Asks whoever reads whether he still does, while he does.
struct reader_interest {
  const std::function<bool()>* is_wanted = nullptr;

  bool is_lost() const {
    return is_wanted != nullptr && *is_wanted && !(*is_wanted)();
  }
};

/// A source without its first bytes.
class later_source final : public byte_source {
public:
  later_source(std::unique_ptr<byte_source> from, std::uint64_t skip,
               std::shared_ptr<const reader_interest> interest)
    : from_(std::move(from)), skip_(skip), interest_(std::move(interest)) {}

  jobs::result<byte_view> next() override {
    for (;;) {
      if (interest_->is_lost())
        return jobs::fault{.code = jobs::fault_code::interrupted,
                           .what = "nobody waits for the file any more"};
      auto piece = from_->next();
      if (!piece || piece->empty() || piece->size() > skip_) {
        if (piece && !piece->empty())
          *piece =
              piece->subspan(static_cast<std::size_t>(std::exchange(skip_, 0)));
        return piece;
      }
      skip_ -= piece->size();
    }
  }

private:
  std::unique_ptr<byte_source> from_;
  std::uint64_t skip_;
  std::shared_ptr<const reader_interest> interest_;
};

class entry_reader : public jobs::content_reader {
public:
  entry_reader(file_descriptor archive, const archive_entry& entry,
               std::shared_ptr<reader_interest> interest)
    : archive_(std::move(archive)), interest_(std::move(interest)),
      missing_(entry.size), size_(static_cast<std::int64_t>(entry.size)),
      modified_at_(entry.mtime_ns / 1'000'000) {}

  std::int64_t size() const override { return size_; }
  jobs::time_ms modified_at() const override { return modified_at_; }

  jobs::status read_while(const std::function<bool()>& is_wanted,
                          std::size_t most, std::string& out) override {
    interest_->is_wanted = &is_wanted;
    auto done = read_some(most, out);
    interest_->is_wanted = nullptr;
    return done;
  }

protected:
  virtual jobs::status read_some(std::size_t most, std::string& out) = 0;

  /// Content bytes not read yet.
  std::uint64_t missing() const { return missing_; }
  void count(std::uint64_t read) { missing_ -= read; }

private:
  file_descriptor archive_; ///< outlives the sources of those derived
  std::shared_ptr<reader_interest> interest_;
  std::uint64_t missing_;
  std::int64_t size_;
  jobs::time_ms modified_at_;
};

/// Content that stands in the tar as it is.
class plain_reader final : public entry_reader {
public:
  plain_reader(file_descriptor archive, const archive_entry& entry,
               std::shared_ptr<reader_interest> interest,
               std::unique_ptr<byte_source> from)
    : entry_reader(std::move(archive), entry, std::move(interest)),
      from_(std::move(from)) {}

  jobs::status read_some(std::size_t most, std::string& out) override {
    auto want = std::min<std::uint64_t>(most, missing());
    while (want > 0) {
      if (piece_.empty()) {
        auto next = from_->next();
        if (!next)
          return std::move(next).error();
        if (next->empty())
          return damaged_content("it ends inside of the file");
        piece_ = *next;
      }
      const auto part =
          piece_.first(std::min<std::size_t>(piece_.size(), want));
      out += text_of(part);
      piece_ = piece_.subspan(part.size());
      want -= part.size();
      count(part.size());
    }
    return {};
  }

private:
  std::unique_ptr<byte_source> from_;
  byte_view piece_;
};

/// Content that stands in the tar without its holes.
class packed_reader final : public entry_reader {
public:
  packed_reader(file_descriptor archive, const archive_entry& entry,
                std::shared_ptr<reader_interest> interest,
                std::unique_ptr<byte_source> from)
    : entry_reader(std::move(archive), entry, std::move(interest)),
      total_(entry.size), from_(std::move(from)), tar_(*from_) {}

  jobs::status read_some(std::size_t most, std::string& out) override {
    if (auto started = start(); !started)
      return started;
    auto want = std::min<std::uint64_t>(most, missing());
    while (want > 0) {
      if (piece_.data.empty() && !is_ended_) {
        auto next = tar_.read();
        if (!next)
          return std::move(next).error();
        piece_ = *next;
        is_ended_ = piece_.data.empty();
      }
      const auto here = total_ - missing();
      const auto until = is_ended_ ? total_ : piece_.at;
      if (until < here)
        return damaged_content("the pieces of the file are not in order");
      if (until > here) {
        const auto hole = std::min(until - here, want);
        out.append(static_cast<std::size_t>(hole), '\0');
        want -= hole;
        count(hole);
        continue;
      }
      const auto part =
          piece_.data.first(std::min<std::size_t>(piece_.data.size(), want));
      out += text_of(part);
      piece_.data = piece_.data.subspan(part.size());
      piece_.at += part.size();
      want -= part.size();
      count(part.size());
    }
    return {};
  }

private:
  jobs::status start() {
    if (std::exchange(is_started_, true))
      return {};
    tar_entry found;
    auto there = tar_.next(found);
    if (!there)
      return std::move(there).error();
    if (!*there || found.size != total_)
      return damaged_content("the file is not where the manifest says");
    return {};
  }

  std::uint64_t total_;
  std::unique_ptr<byte_source> from_;
  tar_reader tar_;
  tar_piece piece_;
  bool is_ended_ = false;
  bool is_started_ = false;
};

} // namespace

jobs::result<std::unique_ptr<jobs::content_reader>>
open_entry(file_descriptor archive, const archive_entry& entry,
           std::vector<member_position> members) {
  struct stat seen {};
  if (::fstat(archive.get(), &seen) != 0)
    return jobs::system_fault(errno, "fstat", "the archive");
  const auto size = static_cast<std::uint64_t>(seen.st_size);
  const auto place = entry.packed_at.value_or(entry.offset);
  std::unique_ptr<byte_source> source;
  std::uint64_t start = 0;
  if (are_usable(members, size)) {
    auto found = std::make_unique<member_source>(archive.get(), size,
                                                 std::move(members), place);
    start = found->start();
    source = std::move(found);
  } else {
    auto found = archive_reader::open(archive.get(), {});
    if (!found)
      return std::move(found).error();
    source = std::move(*found);
  }
  auto interest = std::make_shared<reader_interest>();
  source = std::make_unique<later_source>(std::move(source), place - start,
                                          interest);
  std::unique_ptr<jobs::content_reader> out;
  if (entry.packed_at)
    out = std::make_unique<packed_reader>(
        std::move(archive), entry, std::move(interest), std::move(source));
  else
    out = std::make_unique<plain_reader>(
        std::move(archive), entry, std::move(interest), std::move(source));
  return out;
}

} // namespace alula::backup
