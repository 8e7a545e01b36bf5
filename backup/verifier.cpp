#include "backup/verifier.hpp"

#include "backup/archive_file.hpp"
#include "backup/entry_checks.hpp"
#include "backup/report_pace.hpp"
#include "jobs/rate_limit.hpp"

#include <algorithm>
#include <cerrno>
#include <string>
#include <sys/stat.h>
#include <utility>

namespace alula::backup {

namespace {

jobs::fault stop_of_verification() {
  return {.code = jobs::fault_code::interrupted,
          .what = "the verification was asked to stop"};
}

class verification {
public:
  verification(const archive_reader& archive, tar_reader& tar,
               entry_checks& checks, const verification_settings& settings,
               const std::stop_token& stop)
    : archive_(archive), tar_(tar), checks_(checks), settings_(settings),
      stop_(stop), limit_(settings.read_limit) {}

  jobs::status run() {
    tar_entry entry;
    for (;;) {
      auto more = tar_.next(entry);
      if (!more)
        return std::move(more).error();
      if (!*more)
        break;
      if (auto paced = keep_pace(); !paced)
        return paced;
      if (auto taken = take(entry); !taken)
        return taken;
    }
    tell();
    return {};
  }

private:
  jobs::status take(tar_entry& entry) {
    auto checked = checks_.check(entry);
    if (!checked)
      return std::move(checked).error();
    if (auto fits = checks_.check_position(tar_.position()); !fits)
      return fits;
    if (checks_.entries() % files_between_reports == 0)
      tell();
    if (checked->is_wanted && settings_.visit) {
      entry.path = std::move(checked->path);
      if (auto visited = settings_.visit(entry); !visited)
        return visited;
    }
    return read_content();
  }

  jobs::status read_content() {
    for (;;) {
      auto piece = tar_.read();
      if (!piece)
        return std::move(piece).error();
      if (piece->data.empty())
        return {};
      if (auto paced = keep_pace(); !paced)
        return paced;
      read_ += piece->data.size();
      since_told_ += piece->data.size();
      if (since_told_ < bytes_between_reports)
        continue;
      tell();
      if (stop_.stop_requested())
        return stop_of_verification();
    }
  }

  /// Waits here: what is read ahead meanwhile is little.
  jobs::status keep_pace() {
    const auto now = archive_.archive_position();
    const auto more = now - std::exchange(paid_for_, now);
    const bool goes_on =
        more > 0 ? limit_.pass(more, stop_) : !stop_.stop_requested();
    return goes_on ? jobs::status{} : stop_of_verification();
  }

  void tell() {
    since_told_ = 0;
    if (settings_.tell)
      settings_.tell({static_cast<std::int64_t>(checks_.files()),
                      static_cast<std::int64_t>(read_)});
  }

  const archive_reader& archive_;
  tar_reader& tar_;
  entry_checks& checks_;
  const verification_settings& settings_;
  const std::stop_token& stop_;
  jobs::rate_limit limit_;
  std::uint64_t paid_for_ = 0; ///< bytes of the archive
  std::uint64_t read_ = 0;
  std::uint64_t since_told_ = 0;
};

/// Hashing is most of what it costs to verify bytes that do not compress, so
/// what would prove nothing new is not taken.
sums sums_for(const jobs::archive_expectation& expected, sums wanted) {
  if (!expected.sha256.empty() && !expected.sha1.empty())
    return sums::sha256;
  const bool is_any_known = !expected.sha256.empty() || !expected.sha1.empty();
  if (expected.fetched_by.empty()) // what is not known is to go on record
    return is_any_known ? sums::both : wanted;
  if (!is_any_known)
    return sums::none;
  return expected.sha256.empty() ? sums::sha1 : sums::sha256;
}

/// `expected` 0: any.
jobs::status compare_sizes(std::int64_t found, std::int64_t expected) {
  if (expected <= 0 || found == expected)
    return {};
  return damaged_archive("it has " + std::to_string(found) + " bytes, not "
                         + std::to_string(expected));
}

jobs::status compare_sha256(const std::string& found,
                            const std::string& expected) {
  if (found == expected)
    return {};
  return damaged_archive("its SHA-256 is " + found + ", not " + expected);
}

/// The SHA-256 counts when it is known. What was not taken is then as expected:
/// both were taken of the same bytes.
jobs::status compare(jobs::archive_facts& found,
                     const jobs::archive_expectation& expected) {
  if (!expected.sha256.empty()) {
    if (auto same = compare_sha256(found.sha256, expected.sha256); !same)
      return same;
    if (found.sha1.empty())
      found.sha1 = expected.sha1;
  } else if (!expected.sha1.empty() && found.sha1 != expected.sha1) {
    return damaged_archive("its SHA-1 is " + found.sha1 + ", not "
                           + expected.sha1);
  }
  return {};
}

} // namespace

jobs::result<jobs::archive_verified>
verify_archive(int archive, const verification_settings& settings,
               const std::stop_token& stop) {
  const auto& expected = settings.expected;
  auto reading = settings.reader;
  reading.wanted = sums_for(expected, reading.wanted);
  reading.note_members = settings.members != nullptr;
  auto reader = archive_reader::open(archive, reading);
  if (!reader)
    return std::move(reader).error();
  jobs::archive_verified out;
  out.facts.size = static_cast<std::int64_t>((*reader)->size());
  if (auto same = compare_sizes(out.facts.size, expected.size); !same)
    return std::move(same).error();
  tar_reader tar{**reader};
  entry_checks checks{settings.limits, {}, (*reader)->size()};
  if (auto read = verification{**reader, tar, checks, settings, stop}.run();
      !read)
    return std::move(read).error();
  if (reading.wanted != sums::none) {
    auto taken = (*reader)->finish_sums();
    if (!taken)
      return std::move(taken).error();
    out.facts.sha1 = std::move(taken->sha1);
    out.facts.sha256 = std::move(taken->sha256);
  }
  if (auto same = compare(out.facts, expected); !same)
    return std::move(same).error();
  if (settings.members)
    settings.members((*reader)->found_members());
  out.entries = static_cast<std::int64_t>(checks.entries());
  out.facts.files = static_cast<std::int64_t>(checks.files());
  out.facts.content_bytes = static_cast<std::int64_t>(checks.bytes());
  return out;
}

jobs::status verify_sum(int archive, const sum_settings& settings,
                        const std::stop_token& stop) {
  constexpr std::uint64_t at_once = bytes_between_reports;
  struct stat seen {};
  if (::fstat(archive, &seen) != 0)
    return jobs::system_fault(errno, "fstat", "the archive");
  if (auto same = compare_sizes(seen.st_size, settings.size); !same)
    return same;
  const auto size = static_cast<std::uint64_t>(seen.st_size);
  archive_file file{archive, size, sums::sha256, settings.drop_behind};
  jobs::rate_limit limit{settings.read_limit};
  raw_buffer buffer;
  for (std::uint64_t at = 0; at < size;) {
    const auto piece = std::min(at_once, size - at);
    if (stop.stop_requested() || !limit.pass(piece, stop))
      return stop_of_verification();
    if (auto got = file.read(at, buffer.room(static_cast<std::size_t>(piece)));
        !got)
      return got;
    at += piece;
    if (settings.tell)
      settings.tell({.bytes = static_cast<std::int64_t>(at),
                     .archive_size = seen.st_size});
  }
  auto taken = file.finish_sums();
  if (!taken)
    return std::move(taken).error();
  return compare_sha256(taken->sha256, settings.sha256);
}

} // namespace alula::backup
