// The part of the reading desk that looks into archives, here and in stores.
#include "actors/reading_desk.hpp"
#include "actors/reading_desk_answers.hpp"
#include "jobs/disk_room.hpp"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <span>
#include <string>
#include <unistd.h>
#include <utility>

namespace alula::actors {

namespace {

/// Room on the backup disk as long as this lives: for what is being written
/// there. What is written counts by itself.
class kept_room {
public:
  explicit kept_room(jobs::archives& archives) : archives_(archives) {}
  ~kept_room() { archives_.release(mine_); }
  kept_room(const kept_room&) = delete;
  kept_room& operator=(const kept_room&) = delete;

  /// Fault no_room.
  jobs::status take(std::int64_t bytes) {
    auto taken = archives_.reserve(mine_, {.bytes = bytes});
    return taken ? jobs::status{}
                 : jobs::status{jobs::without_room(std::move(taken).error())};
  }

private:
  jobs::archives& archives_;
  const jobs::job_id mine_ = jobs::make_job_id(0);
};

} // namespace

void reading_desk::browse(
    jobs::backup_id backup, std::string path, std::string after,
    std::size_t limit,
    std::function<void(jobs::result<jobs::browse_page>)> done) {
  answer<jobs::browse_page>(
      std::move(done),
      [this, backup, path = std::move(path), after = std::move(after), limit] {
        return archives_.browse(backup, path, after, limit);
      });
}

void reading_desk::open_content(
    jobs::backup_id backup, std::string path,
    std::function<void(jobs::result<std::unique_ptr<jobs::content_reader>>)>
        done) {
  using content = std::unique_ptr<jobs::content_reader>;
  const answer_once<content> once{std::move(done)};
  const auto open = [this, once, backup, path = std::move(path)] {
    if (closing_)
      return once(stopping());
    const auto known = queries_.find_backup(backup);
    if (!known)
      return once(known.error());
    const bool is_far =
        far_ && *known && (*known)->any_store() && !(*known)->is_good_here();
    if (!is_far)
      return settle<content>(
          once, [&] { return archives_.open_content(backup, path); });
    const bool begun = fetching_.run([this, once, of = **known, path] {
      settle<content>(once, [&] {
        auto fetched = fetch_content(of, path);
        // One that is damaged here may still have this file.
        if (!fetched && of.is_local && of.lost_at == 0)
          return archives_.open_content(of.uuid, path);
        return fetched;
      });
    });
    if (!begun)
      refuse(once);
  };
  if (!threads_.run(open, once.whose()))
    refuse(once);
}

jobs::result<std::unique_ptr<jobs::content_reader>>
reading_desk::fetch_content(const jobs::backup_record& backup,
                            const std::string& path) {
  const auto piece = archives_.find_piece(backup.uuid, path);
  if (!piece)
    return piece.error();
  kept_room room{archives_};
  if (piece->length > 0)
    if (auto taken = room.take(piece->length); !taken)
      return std::move(taken).error();
  auto spool = archives_.make_spool();
  if (!spool)
    return std::move(spool).error();
  // As long as the archive, with nothing in it but the piece.
  if (::ftruncate(spool->get(), piece->archive_size) != 0)
    return jobs::system_fault(errno, "ftruncate", "a piece of an archive");
  auto at = piece->at;
  const auto keep = [&](std::span<const char> bytes) -> jobs::status {
    while (!bytes.empty()) {
      const auto put = ::pwrite(spool->get(), bytes.data(), bytes.size(), at);
      if (put < 0 && errno != EINTR)
        return jobs::system_fault(errno, "pwrite", "a piece of an archive");
      at += std::max<ssize_t>(put, 0);
      bytes =
          bytes.subspan(static_cast<std::size_t>(std::max<ssize_t>(put, 0)));
    }
    return closing_ ? jobs::status{stopping()} : jobs::status{};
  };
  // From the first store that gives it: others may be away.
  jobs::status got;
  for (const auto& place : backup.places) {
    if (place.name == jobs::panel_place || piece->length == 0)
      continue;
    at = piece->at;
    auto* store = far_->stores.find(place.name);
    got = jobs::fault{.code = jobs::fault_code::store_not_found,
                      .what = "the configuration names no store " + place.name};
    if (store) {
      auto read = store->get(place.key, piece->at, piece->length, place.etag,
                             keep, stop_.get_token());
      got = read ? jobs::status{} : jobs::status{std::move(read).error()};
    }
    if (got || closing_)
      break;
  }
  if (!got)
    return std::move(got).error();
  return archives_.open_piece(backup.uuid, path, std::move(*spool));
}

void reading_desk::open(
    jobs::backup_id backup,
    std::function<void(jobs::result<jobs::open_archive>)> done) {
  answer<jobs::open_archive>(std::move(done),
                             [this, backup] { return archives_.open(backup); });
}

} // namespace alula::actors
