#include "actors/chores.hpp"

#include <algorithm>
#include <optional>
#include <utility>

// Verifications that nobody has asked for: which backup is the next, and when.
namespace alula::actors {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds shortest_tick = std::chrono::minutes{1};
/// New backups count from the next tick on.
constexpr milliseconds longest_tick = std::chrono::hours{24};
/// A ledger that could not be read at a tick.
constexpr milliseconds tick_unknown = std::chrono::hours{1};

} // namespace

struct chores::verifications {
  std::size_t readable = 0; ///< how many backups can be read
  /// The one that was not read for longest, and since when; nothing: none.
  std::optional<jobs::backup_record> oldest;
  jobs::time_ms oldest_look = 0;
  std::map<jobs::backup_id, jobs::time_ms> still_tried;
};

jobs::result<chores::verifications> chores::look_for_verifications() const {
  verifications seen;
  for (std::int64_t before = 0;;) {
    auto page = queries_.list_backups({.state = jobs::backup_state::ready},
                                      before, page_size);
    if (!page)
      return std::move(page).error();
    for (auto& b : page->items) {
      auto look = jobs::last_read_at(b);
      if (const auto tried = tried_.find(b.uuid);
          tried != tried_.end() && tried->second > look) {
        look = tried->second;
        seen.still_tried.insert(*tried);
      }
      if (!jobs::is_readable(b))
        continue;
      ++seen.readable;
      if (seen.oldest && look >= seen.oldest_look)
        continue;
      seen.oldest_look = look;
      seen.oldest = std::move(b);
    }
    before = page->next_before;
    if (before == 0)
      return seen;
  }
}

milliseconds chores::tick_for(std::size_t readable) const {
  const auto count =
      static_cast<std::int64_t>(std::max<std::size_t>(1, readable));
  return std::clamp(settings_.verify_within / count, shortest_tick,
                    longest_tick);
}

milliseconds chores::verify_tick() const {
  if (settings_.verify_within.count() <= 0)
    return settings_.verify_every;
  const auto seen = look_for_verifications();
  return seen ? tick_for(seen->readable) : tick_unknown;
}

/// Of a tick. One that still waits for the verification before it takes this
/// one's place.
void chores::verify_one() {
  if (!put_off_.contains("verify"))
    verify_oldest();
}

void chores::verify_oldest() {
  const auto comes_back = [this] {
    again("verify", read_again_after, [this] { verify_oldest(); });
  };
  // One at a time, whoever has asked for it. One that waits for a store or is
  // parked reads nothing, and keeps none waiting.
  using enum jobs::job_state;
  const auto others = queries_.list_jobs(
      {.kind = "backup.verify", .states = {queued, running, cancelling}}, 0, 1);
  if (!others || !others->items.empty())
    return comes_back();
  auto seen = look_for_verifications();
  if (!seen)
    return comes_back();
  // One that is refused or cannot be read does not keep the others waiting.
  tried_ = std::move(seen->still_tried);
  if (!seen->oldest)
    return;
  const auto now = clock_.now();
  if (settings_.verify_within.count() > 0) {
    // With few backups a tick is a day, and not every tick has its backup: each
    // is begun in time for all of them to come one a tick, were they as old.
    const auto all = tick_for(seen->readable) / 10 * 11
                     * static_cast<std::int64_t>(seen->readable);
    if (seen->oldest_look > now - (settings_.verify_within - all).count())
      return;
  }
  const auto& next = *seen->oldest;
  tried_[next.uuid] = now;
  submit("backup.verify", next.server_lives ? next.server : jobs::server_id{},
         R"({"backup":")" + next.uuid.to_string() + R"("})");
}

} // namespace alula::actors
