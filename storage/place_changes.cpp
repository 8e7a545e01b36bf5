#include "storage/place_changes.hpp"

#include "storage/backup_changes.hpp"
#include "storage/outcome.hpp"
#include "storage/place_sql.hpp"

#include <nlohmann/json.hpp>

#include <utility>

namespace alula::storage {

jobs::status place_changes::change(const jobs::record_place& what) {
  return outcome_of(on_.run(place_sql("record_place"), what.uuid.view(),
                            what.place, what.key, what.etag, what.size, now_));
}

jobs::status place_changes::change(const jobs::record_found_copy& what) {
  {
    auto taken = on_.ask(place_sql("key_is_taken"), what.place, what.key);
    if (taken.next())
      return {};
    if (auto ended = taken.outcome(); !ended)
      return ended;
  }
  const auto& file = what.file;
  const auto facts = file.facts.value_or(jobs::archive_facts{});
  const auto sha1 = known_digits(facts.sha1, 40);
  const auto sha256 = known_digits(facts.sha256, 64);
  const auto made = on_.run(place_sql("insert_found_copy"), file.backup.view(),
                            or_null{file.server.view()}, file.size, sha1,
                            sha256, known_count(facts.content_bytes),
                            known_count(facts.files), file.modified_at);
  if (!made)
    return made.error();
  const bool is_new = *made > 0;
  const auto placed =
      on_.run(place_sql("record_found_copy"), file.backup.view(), what.place,
              what.key, what.etag, file.size, sha1, sha256, now_, is_new);
  if (!placed || *placed == 0)
    return outcome_of(placed);
  return outcome_of(
      on_.run(place_sql("lost_lies_elsewhere"), file.backup.view()));
}

jobs::status place_changes::change(const jobs::forget_place& what) {
  return outcome_of(
      on_.run(place_sql("forget_place"), what.uuid.view(), what.place));
}

jobs::status place_changes::change(const jobs::note_panel_word& what) {
  using enum jobs::note_panel_word::word;
  const auto& statement = what.said == has ? place_sql("panel_has_backup")
                          : what.said == has_not
                              ? place_sql("panel_misses_backup")
                              : place_sql("panel_was_asked");
  return outcome_of(on_.run(statement, what.uuid.view(), now_));
}

jobs::status place_changes::change(const jobs::set_local& what) {
  if (!what.is_local) {
    auto elsewhere = on_.ask(place_sql("has_place"), what.uuid.view());
    if (!elsewhere.next()) {
      auto ended = elsewhere.outcome();
      return ended ? jobs::status{jobs::fault{
                 .code = jobs::fault_code::backup_in_use,
                 .what = "the only archive of backup " + what.uuid.to_string()
                         + " stays",
                 .where = "ledger"}}
                   : ended;
    }
  }
  return outcome_of(on_.run(place_sql("set_local"), what.uuid.view(),
                            what.is_local, what.is_scratch));
}

jobs::status place_changes::change(const jobs::keep_transfer& what) {
  const auto job = what.job.empty() ? job_.id.view() : what.job.view();
  const auto& t = what.what;
  auto kept =
      on_.run(place_sql("keep_transfer"), job, t.place, t.key, t.upload,
              nlohmann::json(t.links).dump(
                  -1, ' ', false, nlohmann::json::error_handler_t::replace),
              t.part_size, t.size, t.etag, t.expires_at);
  if (!kept)
    return std::move(kept).error();
  if (auto gone = on_.run(place_sql("drop_transfer_parts"), job); !gone)
    return std::move(gone).error();
  if (!t.key.empty())
    if (auto taken = on_.run(place_sql("take_over_remains"), t.place, t.key);
        !taken)
      return std::move(taken).error();
  for (const auto& part : t.parts)
    if (auto one = change(jobs::keep_transfer_part{t.upload, part, what.job});
        !one)
      return one;
  return {};
}

jobs::status place_changes::change(const jobs::keep_transfer_part& what) {
  const auto job = what.job.empty() ? job_.id.view() : what.job.view();
  return outcome_of(on_.run(place_sql("keep_transfer_part"), job, what.upload,
                            what.part.number, what.part.size, what.part.etag));
}

jobs::status place_changes::change(const jobs::leave_remains& what) {
  return outcome_of(on_.run(place_sql("leave_remains"), what.store, what.key,
                            what.upload, now_));
}

jobs::status place_changes::change(const jobs::forget_remains& what) {
  return outcome_of(on_.run(place_sql("forget_remains"), what.row));
}

jobs::status place_changes::let_go() {
  const bool given_up =
      job_.error && job_.error->code == jobs::fault_code::abandoned;
  if (given_up)
    if (auto left = on_.run(place_sql("leave_transfer"), job_.id.view(), now_);
        !left)
      return std::move(left).error();
  return outcome_of(on_.run(place_sql("drop_transfer"), job_.id.view()));
}

} // namespace alula::storage
