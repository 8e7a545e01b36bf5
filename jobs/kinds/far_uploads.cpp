// Archives on their way to other machines.
#include "jobs/backup.hpp"
#include "jobs/engine.hpp"
#include "jobs/kinds/far_steps.hpp"
#include "jobs/kinds/upload_plans.hpp"
#include "jobs/log.hpp"

#include <algorithm>
#include <atomic>
#include <optional>
#include <string_view>
#include <sys/stat.h>
#include <utility>

namespace alula::jobs {

namespace {

/// So often links are asked for anew without a part getting through.
constexpr int most_plans = 3;

/// Parts that are on record may be of another archive, which was sent while it
/// was made before the job went by way of the disk.
status forget_others_parts(step_context& ctx, transfer_record& plan,
                           std::int64_t size) {
  if (plan.size == size)
    return {};
  plan.size = size;
  plan.parts.clear();
  return ctx.node.far->journal.keep(ctx.job.id, plan);
}

} // namespace

result<uploaded> upload_for_panel(step_context& ctx, const backup_id& backup,
                                  int fd, std::int64_t size) {
  const step_clock clock{ctx};
  bool anew = false;
  for (int plans = 0;;) {
    auto plan = plan_for(ctx, backup, size, anew, clock.now());
    if (!plan)
      return std::move(plan).error();
    if (auto own = forget_others_parts(ctx, *plan, size); !own)
      return std::move(own).error();
    std::atomic<bool> stale = false, moved = false;
    const auto by = sender_for(ctx, *plan, size, stale, moved);
    auto sent =
        send_parts(fd, size, plan->part_size, plan->parts, by, ctx.stop);
    if (sent)
      return uploaded{"", size};
    const bool expired = has_expired(*plan, ctx.node.far->rules, clock.now());
    plans = moved ? 1 : plans + 1;
    if ((!stale && !expired) || plans >= most_plans
        || sent.error().code == fault_code::interrupted)
      return std::move(sent).error();
    anew = true;
  }
}

// -- stores of ours -----------------------------------------------------------

namespace {

/// An upload whose id is on record. What a crash between the two left is
/// aborted first: nobody else writes this key.
status begin_upload(step_context& ctx, object_store& store,
                    transfer_record& plan) {
  const auto open = store.list_uploads(plan.key, ctx.stop);
  if (!open)
    return open.error();
  for (const auto& one : *open)
    if (one.key == plan.key)
      if (auto gone = store.abort_upload(one.key, one.id, ctx.stop); !gone)
        return gone;
  plan.upload.clear();
  plan.parts.clear();
  if (auto kept = ctx.node.far->journal.keep(ctx.job.id, plan); !kept)
    return kept;
  auto id = store.begin_upload(plan.key, ctx.stop);
  if (!id)
    return std::move(id).error();
  plan.upload = *std::move(id);
  return ctx.node.far->journal.keep(ctx.job.id, plan);
}

/// Of the parts on record those that the store has as well.
result<std::vector<object_part>> parts_in_both(step_context& ctx,
                                               object_store& store,
                                               const transfer_record& plan) {
  auto there = store.list_parts(plan.key, plan.upload, ctx.stop);
  if (!there)
    return there;
  std::erase_if(*there, [&](const object_part& part) {
    return std::ranges::find(plan.parts, part) == plan.parts.end();
  });
  return there;
}

result<uploaded> look_at_object(step_context& ctx, object_store& store,
                                const std::string& key, std::int64_t size) {
  const auto there = store.head(key, ctx.stop);
  if (!there)
    return there.error();
  if (!*there || (*there)->size != size)
    return fault{.code = fault_code::store_unavailable,
                 .what = "store " + store.name()
                         + " does not have what it took: "
                         + std::to_string(*there ? (*there)->size : 0) + " of "
                         + std::to_string(size) + " bytes"};
  return uploaded{(*there)->etag, size};
}

/// What an earlier try of an upload has left in the store.
struct upload_left {
  std::vector<object_part> parts = {};
  std::optional<uploaded> whole = {}; ///< it was put together before a crash
};

/// Forgets the id of an upload that is gone and has left nothing.
result<upload_left> look_back(step_context& ctx, object_store& store,
                              transfer_record& plan) {
  if (plan.upload.empty())
    return upload_left{};
  auto parts = parts_in_both(ctx, store, plan);
  if (parts)
    return upload_left{.parts = *std::move(parts)};
  if (parts.error().code != fault_code::store_object_missing)
    return std::move(parts).error();
  if (const auto done = look_at_object(ctx, store, plan.key, plan.size))
    return upload_left{.whole = *done};
  plan.upload.clear();
  return upload_left{};
}

result<transfer_record> transfer_of(step_context& ctx, object_store& store,
                                    const std::string& key, std::int64_t size) {
  const auto known = ctx.node.records.find_transfer(ctx.job.id);
  if (!known)
    return known.error();
  if (*known && (*known)->place == store.name() && (*known)->key == key
      && (*known)->size == size)
    return **known;
  transfer_record plan;
  plan.place = store.name();
  plan.key = key;
  plan.size = size;
  plan.part_size = part_size_for(size, store.part_size());
  return plan;
}

} // namespace

status put_manifest(step_context& ctx, object_store& store,
                    const std::string& key, int manifest) {
  struct stat seen {};
  if (manifest < 0 || ::fstat(manifest, &seen) != 0)
    return {};
  const file_part all{manifest, 0, seen.st_size};
  auto put = store.put(manifest_key(key), all, ctx.stop);
  return put ? status{} : status{std::move(put).error()};
}

result<uploaded> upload_to_store(step_context& ctx, object_store& store,
                                 const std::string& key, int fd,
                                 std::int64_t size, int manifest) {
  auto plan = transfer_of(ctx, store, key, size);
  if (!plan)
    return std::move(plan).error();
  auto before = look_back(ctx, store, *plan);
  if (!before)
    return std::move(before).error();
  if (before->whole) {
    if (auto beside = put_manifest(ctx, store, key, manifest); !beside)
      return std::move(beside).error();
    return *before->whole;
  }
  if (plan->upload.empty())
    if (auto begun = begin_upload(ctx, store, *plan); !begun)
      return std::move(begun).error();
  const auto by = sender_to(ctx, store, *plan, size);
  auto sent =
      send_parts(fd, size, plan->part_size, before->parts, by, ctx.stop);
  if (!sent)
    return std::move(sent).error();
  if (auto beside = put_manifest(ctx, store, key, manifest); !beside)
    return std::move(beside).error();
  if (auto whole =
          store.finish_upload(key, plan->upload, *std::move(sent), ctx.stop);
      !whole)
    return std::move(whole).error();
  return look_at_object(ctx, store, key, size);
}

// -- while they are made ------------------------------------------------------

namespace {

/// Parts of that size in memory at once; 0: they are too large.
int buffers_for(const upload_rules& rules, std::int64_t part_size) {
  const auto fit = rules.stream_memory / std::max<std::int64_t>(part_size, 1);
  return fit < 2 ? 0
                 : static_cast<int>(std::min<std::int64_t>(
                     fit, std::int64_t{rules.parallel} + 1));
}

class panel_stream final : public archive_stream {
public:
  panel_stream(step_context& ctx, transfer_record plan, int buffers,
               std::int64_t expected)
    : clock_(ctx), rules_(ctx.node.far->rules), plan_(std::move(plan)),
      parts_(plan_.part_size, buffers, static_cast<int>(plan_.links.size()),
             sender_for(ctx, plan_, expected, stale_, moved_, &through_),
             ctx.stop) {}

  status write(std::string_view piece) override {
    size_ += static_cast<std::int64_t>(piece.size());
    return parts_.write(piece);
  }
  result<uploaded> finish() override {
    auto sent = parts_.finish();
    if (!sent)
      return std::move(sent).error();
    return uploaded{"", size_};
  }
  std::int64_t sent() const override { return through_; }
  bool is_too_slow() const override {
    return stale_ || has_expired(plan_, rules_, clock_.now());
  }

private:
  const step_clock clock_;
  const upload_rules rules_;
  const transfer_record plan_;
  std::atomic<bool> stale_ = false;
  std::atomic<bool> moved_ = false;
  std::int64_t size_ = 0;
  byte_count through_ = 0;
  part_stream parts_;
};

class store_stream final : public archive_stream {
public:
  store_stream(step_context& ctx, object_store& store, transfer_record plan,
               int buffers, std::int64_t expected)
    : ctx_(ctx), store_(store), plan_(std::move(plan)),
      parts_(plan_.part_size, buffers, 10'000,
             sender_to(ctx, store, plan_, expected, &through_), ctx.stop) {}

  status write(std::string_view piece) override {
    size_ += static_cast<std::int64_t>(piece.size());
    return parts_.write(piece);
  }
  result<uploaded> finish() override {
    auto sent = parts_.finish();
    if (!sent)
      return std::move(sent).error();
    if (auto whole = store_.finish_upload(plan_.key, plan_.upload,
                                          *std::move(sent), ctx_.stop);
        !whole)
      return std::move(whole).error();
    return look_at_object(ctx_, store_, plan_.key, size_);
  }
  std::int64_t sent() const override { return through_; }
  bool is_too_slow() const override { return false; }

private:
  step_context& ctx_;
  object_store& store_;
  const transfer_record plan_;
  std::int64_t size_ = 0;
  byte_count through_ = 0;
  part_stream parts_;
};

void log_no_stream(const char* what, std::string_view name,
                   std::int64_t part_size) {
  log(log_level::warning, "stream-unavailable",
      {{what, name},
       {"part_size", part_size},
       {"effect", "the archive goes by way of the disk"}});
}

} // namespace

result<std::unique_ptr<archive_stream>>
stream_for_panel(step_context& ctx, const backup_id& backup, std::int64_t bound,
                 std::int64_t expected) {
  const step_clock clock{ctx};
  auto plan = plan_for(ctx, backup, bound, false, clock.now());
  if (!plan)
    return std::move(plan).error();
  const int buffers = buffers_for(ctx.node.far->rules, plan->part_size);
  if (buffers == 0) {
    log_no_stream("backup", backup.view(), plan->part_size);
    return std::unique_ptr<archive_stream>{};
  }
  // What an earlier try has sent is of another archive.
  if (!plan->parts.empty()) {
    plan->parts.clear();
    if (auto kept = ctx.node.far->journal.keep(ctx.job.id, *plan); !kept)
      return std::move(kept).error();
  }
  return std::unique_ptr<archive_stream>{
      std::make_unique<panel_stream>(ctx, *std::move(plan), buffers, expected)};
}

result<std::unique_ptr<archive_stream>>
stream_to_store(step_context& ctx, object_store& store, const std::string& key,
                std::int64_t bound, std::int64_t expected) {
  const auto& rules = ctx.node.far->rules;
  transfer_record plan;
  plan.place = store.name();
  plan.key = key;
  plan.part_size =
      part_size_for(bound, std::min(store.part_size(),
                                    rules.stream_memory
                                        / (std::int64_t{rules.parallel} + 1)));
  const int buffers = buffers_for(rules, plan.part_size);
  if (buffers == 0) {
    log_no_stream("key", key, plan.part_size);
    return std::unique_ptr<archive_stream>{};
  }
  if (auto begun = begin_upload(ctx, store, plan); !begun)
    return std::move(begun).error();
  return std::unique_ptr<archive_stream>{std::make_unique<store_stream>(
      ctx, store, std::move(plan), buffers, expected)};
}

} // namespace alula::jobs
