// Archives on their way from other machines.
#include "jobs/backup.hpp"
#include "jobs/engine.hpp"
#include "jobs/kinds/backup_requests.hpp"
#include "jobs/kinds/far_steps.hpp"
#include "jobs/log.hpp"
#include "jobs/rest.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <functional>
#include <optional>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace alula::jobs {

namespace {

using std::chrono::milliseconds;

status keep_room(step_context& ctx, std::int64_t size, std::int64_t there) {
  auto kept = ctx.node.archives.reserve(
      ctx.job.id, {.bytes = std::max<std::int64_t>(0, size - there)});
  if (!kept && kept.error().code == fault_code::insufficient_storage) {
    auto why = std::move(kept).error();
    why.code = fault_code::no_room; // waiting makes no disk larger
    return why;
  }
  return kept;
}

/// What others have taken meanwhile is met before the disk is full.
constexpr std::int64_t bytes_between_looks = std::int64_t{64} << 20;
/// Kept ahead of an archive whose size nobody says.
constexpr std::int64_t room_ahead = std::int64_t{256} << 20;

/// The unfinished archive of a job, written from `at` on.
class fetched_file {
public:
  fetched_file(step_context& ctx, descriptor file)
    : ctx_(ctx), file_(std::move(file)) {
    struct stat seen {};
    at_ = ::fstat(file_.get(), &seen) == 0 ? seen.st_size : 0;
  }

  std::int64_t at() const { return at_; }
  /// 0: as much as comes, and room for it is kept as it does.
  void expect(std::int64_t size) {
    size_ = size;
    grows_ = size == 0;
    kept_ = at_;
    looked_at_ = at_;
  }

  status start_over() {
    at_ = looked_at_ = 0;
    return ::ftruncate(file_.get(), 0) == 0
               ? status{}
               : status{system_fault(errno, "ftruncate", "a download")};
  }

  status take(std::span<const char> piece) {
    const auto end = at_ + static_cast<std::int64_t>(piece.size());
    if (size_ > 0 && end > size_)
      return fault{.code = fault_code::store_refused,
                   .what = "more comes than the " + std::to_string(size_)
                           + " bytes that were announced"};
    if (grows_ && end > kept_) {
      if (auto room = keep_room(ctx_, end + room_ahead, at_); !room)
        return room;
      kept_ = end + room_ahead;
    }
    if (size_ > 0 && at_ - looked_at_ >= bytes_between_looks) {
      looked_at_ = at_;
      if (auto room = keep_room(ctx_, size_, at_); !room)
        return room;
    }
    while (!piece.empty()) {
      const auto put = ::pwrite(file_.get(), piece.data(), piece.size(), at_);
      if (put < 0 && errno == EINTR)
        continue;
      if (put < 0)
        return system_fault(errno, "pwrite", "a download");
      at_ += put;
      piece = piece.subspan(static_cast<std::size_t>(put));
    }
    ctx_.report({.done = at_,
                 .total = std::max(size_, at_),
                 .unit = "bytes",
                 .message = "fetching the archive"});
    if (ctx_.stop.stop_requested())
      return fault{.code = fault_code::interrupted,
                   .what = "the download was asked to stop"};
    return {};
  }

private:
  step_context& ctx_;
  descriptor file_;
  std::int64_t at_ = 0;
  std::int64_t size_ = 0;
  bool grows_ = false;
  std::int64_t kept_ = 0; ///< up to here, when it grows
  std::int64_t looked_at_ = 0;
};

/// Makes what has come durable: how much that is.
result<std::int64_t> keep_fetched(step_context& ctx, const backup_id& backup,
                                  const status& got, const fetched_file& file) {
  if (!got)
    return got.error();
  if (auto durable = ctx.node.archives.keep_part(backup, ctx.job.id,
                                                 archive_half::archive);
      !durable)
    return std::move(durable).error();
  return file.at();
}

/// Tries again while the store does not answer; bytes that came begin the
/// count anew.
status until_whole(step_context& ctx, const std::function<std::int64_t()>& at,
                   const std::function<status()>& read) {
  const auto& rules = ctx.node.far->rules;
  auto wait = rules.first_wait;
  for (int tries = 1;; ++tries) {
    const auto before = at();
    auto got = read();
    if (got || got.error().code != fault_code::store_unavailable)
      return got;
    if (at() > before) {
      tries = 1;
      wait = rules.first_wait;
    }
    if (tries >= rules.tries)
      return got;
    log(log_level::info, "download-retried",
        {{"job", ctx.job.id.view()}, {"at", at()}, {"why", got.error().what}});
    ctx.report({.done = at(),
                .unit = "bytes",
                .message = "the store does not answer; trying again"});
    if (!rest(wait, ctx.stop))
      return fault{.code = fault_code::interrupted,
                   .what = "the download was asked to stop"};
    wait = std::min(rules.longest_wait, wait * 2);
  }
}

} // namespace

result<std::int64_t> fetch_link(step_context& ctx, const backup_id& backup) {
  auto known = ctx.node.records.find_transfer(ctx.job.id);
  if (!known)
    return std::move(known).error();
  if (!ctx.node.far || !*known || (*known)->links.empty())
    return fault{.code = fault_code::internal,
                 .what = "the link of a restore is not on record"};
  auto transfer = **std::move(known);
  auto part =
      ctx.node.archives.open_part(backup, ctx.job.id, archive_half::archive);
  if (!part)
    return std::move(part).error();
  fetched_file file{ctx, std::move(*part)};
  // Without an ETag nobody knows whether the rest is of the same object.
  if (transfer.etag.empty() && file.at() > 0)
    if (auto empty = file.start_over(); !empty)
      return std::move(empty).error();
  const auto begin = [&](const link_content& content) -> status {
    if (content.at == 0 && file.at() > 0)
      if (auto empty = file.start_over(); !empty)
        return empty;
    file.expect(content.size);
    if (auto room = keep_room(ctx, content.size, file.at()); !room)
      return room;
    if (transfer.etag == content.etag && transfer.size == content.size)
      return {};
    transfer.etag = content.etag;
    transfer.size = content.size;
    return ctx.node.far->journal.keep(ctx.job.id, transfer);
  };
  const auto into = [&](std::span<const char> piece) {
    return file.take(piece);
  };
  const auto got = until_whole(
      ctx, [&] { return file.at(); },
      [&]() -> status {
        if (transfer.size > 0 && file.at() == transfer.size)
          return {}; // whole before a crash
        if (transfer.etag.empty() && file.at() > 0)
          if (auto empty = file.start_over(); !empty)
            return empty;
        auto read = ctx.node.far->links.get(transfer.links.front(),
                                            {file.at(), transfer.etag}, begin,
                                            into, ctx.stop);
        if (read && transfer.size > 0 && file.at() != transfer.size)
          return fault{.code = fault_code::store_unavailable,
                       .what = "the download ended after "
                               + std::to_string(file.at()) + " of "
                               + std::to_string(transfer.size) + " bytes"};
        return read;
      });
  return keep_fetched(ctx, backup, got, file);
}

namespace {

/// Best effort: without it a restore is slower and knows no empty directories.
status fetch_manifest(step_context& ctx, const backup_id& backup,
                      object_store& store, const std::string& key) {
  const auto here = ctx.node.archives.open_manifest(backup);
  if (here || here.error().code != fault_code::no_manifest)
    return here ? status{} : status{here.error()};
  // Looked for first: an empty part would stand for a manifest.
  const auto there = store.head(manifest_key(key), ctx.stop);
  if (!there)
    return there.error();
  if (!*there)
    return {};
  auto part =
      ctx.node.archives.open_part(backup, ctx.job.id, archive_half::manifest);
  if (!part)
    return std::move(part).error();
  fetched_file file{ctx, std::move(*part)};
  if (auto empty = file.start_over(); !empty)
    return empty;
  auto got = store.get(
      manifest_key(key), 0, 0, "",
      [&](std::span<const char> piece) { return file.take(piece); }, ctx.stop);
  if (!got)
    return std::move(got).error();
  return ctx.node.archives.keep_part(backup, ctx.job.id,
                                     archive_half::manifest);
}

} // namespace

result<std::int64_t> fetch_object(step_context& ctx, const backup_id& backup,
                                  object_store& store,
                                  const backup_place& place) {
  auto part =
      ctx.node.archives.open_part(backup, ctx.job.id, archive_half::archive);
  if (!part)
    return std::move(part).error();
  fetched_file file{ctx, std::move(*part)};
  file.expect(place.size);
  if (auto room = keep_room(ctx, place.size, file.at()); !room)
    return std::move(room).error();
  const auto got = until_whole(
      ctx, [&] { return file.at(); },
      [&]() -> status {
        if (file.at() > place.size)
          if (auto empty = file.start_over(); !empty)
            return empty;
        if (file.at() == place.size)
          return fetch_manifest(ctx, backup, store, place.key);
        auto read = store.get(
            place.key, file.at(), 0, place.etag,
            [&](std::span<const char> piece) { return file.take(piece); },
            ctx.stop);
        if (!read)
          return std::move(read).error();
        if (file.at() != place.size)
          return fault{.code = fault_code::store_unavailable,
                       .what = "the download ended after "
                               + std::to_string(file.at()) + " of "
                               + std::to_string(place.size) + " bytes"};
        return fetch_manifest(ctx, backup, store, place.key);
      });
  return keep_fetched(ctx, backup, got, file);
}

result<archive_facts> hash_object(step_context& ctx, object_store& store,
                                  const backup_place& place) {
  std::int64_t at = 0;
  const auto read_to = [&](const archive_sink& into) -> status {
    if (at == place.size)
      return {};
    auto read = store.get(
        place.key, at, 0, place.etag,
        [&](std::span<const char> piece) -> status {
          if (ctx.stop.stop_requested())
            return fault{.code = fault_code::interrupted,
                         .what = "the check was asked to stop"};
          at += static_cast<std::int64_t>(piece.size());
          ctx.report({.done = at,
                      .total = std::max(place.size, at),
                      .unit = "bytes",
                      .message = "reading it in store " + store.name()});
          return into({piece.data(), piece.size()});
        },
        ctx.stop);
    if (!read)
      return std::move(read).error();
    if (at < place.size)
      return fault{.code = fault_code::store_unavailable,
                   .what = "the download ended after " + std::to_string(at)
                           + " of " + std::to_string(place.size) + " bytes"};
    return {};
  };
  return ctx.node.archives.hash([&](const archive_sink& into) {
    return until_whole(
        ctx, [&] { return at; }, [&] { return read_to(into); });
  });
}

namespace {

/// Whether what was fetched is the archive; if it is not, nothing of it stays.
/// Who waits reads it once more when it is unpacked: then its bytes will do,
/// as long as it is ours.
status check_or_empty(step_context& ctx, const backup_record& backup,
                      check_for whom) {
  const auto& facts = backup.facts;
  const auto good = ctx.node.archives.verify(
      backup.uuid,
      {.size = facts.size,
       .sha1 = facts.sha1,
       .sha256 = facts.sha256,
       .fetched_by = ctx.job.id,
       .whom = whom,
       .depth = whom == check_for::who_waits ? check_depth::sum_of_ours
                                             : check_depth::whole},
      ctx.stop, [](const archive_progress_made&) {});
  if (good || good.error().code != fault_code::backup_damaged)
    return good ? status{} : status{good.error()};
  auto part = ctx.node.archives.open_part(backup.uuid, ctx.job.id,
                                          archive_half::archive);
  if (!part)
    return std::move(part).error();
  if (auto gone = fetched_file{ctx, std::move(*part)}.start_over(); !gone)
    return gone;
  return good.error();
}

bool is_of_that_store(fault_code code) {
  return code == fault_code::store_unavailable
         || code == fault_code::store_refused
         || code == fault_code::store_object_missing
         || code == fault_code::store_not_found
         || code == fault_code::backup_damaged;
}

} // namespace

result<std::int64_t> fetch_from_stores(step_context& ctx,
                                       const backup_record& backup,
                                       check_for whom) {
  std::optional<fault> why;
  const auto of_ours = std::ranges::count_if(
      backup.places, [](const auto& p) { return p.name != panel_place; });
  for (const auto& place : backup.places) {
    if (place.name == panel_place)
      continue;
    const auto store = find_store(ctx, place.name);
    auto got = store ? fetch_object(ctx, backup.uuid, **store, place)
                     : result<std::int64_t>{store.error()};
    // The only one is checked by who asks, and no other could replace it.
    if (got && of_ours > 1)
      if (auto good = check_or_empty(ctx, backup, whom); !good)
        got = std::move(good).error();
    if (got || !is_of_that_store(got.error().code))
      return got;
    log(log_level::warning, "store-passed-over",
        {{"backup", backup.uuid.view()},
         {"store", place.name},
         {"why", got.error().what}});
    // One that may answer later is waited for rather than given up.
    if (!why || why->code != fault_code::store_unavailable)
      why = std::move(got).error();
  }
  return why.value_or(
      fault{.code = fault_code::backup_lost,
            .what = "no store of ours has backup " + backup.uuid.to_string()});
}

step_outcome discard_fetched(step_context& ctx) {
  ctx.node.archives.release(ctx.job.id);
  if (auto gone = ctx.node.archives.discard(backup_of(ctx.job), ctx.job.id);
      !gone)
    return std::move(gone).error();
  return step_done{};
}

} // namespace alula::jobs
