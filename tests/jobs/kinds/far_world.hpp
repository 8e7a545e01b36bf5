/// A world with other machines: the Panel's store and stores of ours.
#pragma once

#include "tests/jobs/kinds/backup_world.hpp"

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace alula::jobs {

struct far_world : backup_world {
  explicit far_world(std::int64_t part_size = 8, std::string more = {}) {
    node.far = &far.places;
    panel.configured = true;
    store->tells_panel = true;
    far.plan_by(panel, part_size, id, std::move(more));
  }

  // -- what is asked for ------------------------------------------------------

  static std::string about(int number) {
    return nlohmann::json{{"backup", backup(number).view()}}.dump();
  }
  static std::string for_panel(int number) {
    return nlohmann::json{{"adapter", "s3"}, {"uuid", backup(number).view()}}
        .dump();
  }
  static std::string for_store(int number, bool keep_local = false) {
    return nlohmann::json{{"adapter", "store"},
                          {"store", "offsite"},
                          {"keep_local", keep_local},
                          {"uuid", backup(number).view()}}
        .dump();
  }
  static std::string copy_to(int number, const std::string& to) {
    return nlohmann::json{{"backup", backup(number).view()}, {"to", to}}.dump();
  }
  static std::string dropped_from(int number, const std::string& place) {
    return nlohmann::json{{"backup", backup(number).view()}, {"place", place}}
        .dump();
  }
  std::string key(int number) const {
    return id.to_string() + "/" + backup(number).to_string() + ".tar.gz";
  }

  /// A ready backup that lies in the store too, or `alone` there.
  void put_copy(int number, time_ms completed_at = 1, bool alone = false) {
    put_backup(number, completed_at);
    REQUIRE(run_to_end(copy_backup, copy_to(number, "offsite")).state
            == job_state::succeeded);
    if (alone)
      REQUIRE(run_to_end(drop_copy, dropped_from(number, "local")).state
              == job_state::succeeded);
  }
  /// Of which the Panel's store has the only copy.
  void leave_to_panel(int number) {
    REQUIRE(backups.drop(backup(number)));
    auto row = store->backups.at(backup(number));
    row.record.is_local = false;
    row.record.places = {{std::string{panel_place}, "", "", 1, 1}};
    store->backups[backup(number)] = row;
  }

  // -- what happens to stores -------------------------------------------------

  static fault stopped() {
    return {.code = fault_code::interrupted, .what = "asked to stop"};
  }
  /// It does not answer from now on, or does again.
  static void is_away(fake_object_store& there, bool away = true) {
    there.before = {};
    if (away)
      there.before = [](const std::string&) {
        return status{fake_object_store::away()};
      };
  }
  /// Its first answer to such a call is not heard: the process was stopped.
  static void loses_answer(fake_object_store& there, std::string call) {
    there.after = [call = std::move(call), is_first = std::make_shared<bool>(
                                               true)](const std::string& made) {
      return made.starts_with(call) && std::exchange(*is_first, false)
                 ? status{stopped()}
                 : status{};
    };
  }
  /// The first run of a step is stopped when it sends this part to the Panel's
  /// store. `before` is called in every run of it, which `runs` counts.
  void stop_first_run(std::string step, int part,
                      std::function<void()> before = {}) {
    stop_first_run(far.bucket, std::move(step), part, std::move(before));
  }
  /// As that, when it sends the part to this store.
  void stop_first_run(fake_object_store& there, std::string step, int part,
                      std::function<void()> before = {}) {
    before_step = [this, &there, step = std::move(step),
                   end = " " + std::to_string(part),
                   before = std::move(before)](const std::string& name) {
      if (name != step)
        return;
      ++runs;
      if (before)
        before();
      there.before = [this, end](const std::string& call) {
        return runs == 1 && call.starts_with("put_part ") && call.ends_with(end)
                   ? status{stopped()}
                   : status{};
      };
    };
  }
  int runs = 0;
  /// A link into the first upload of the Panel's that is refused at this part.
  void refuses_first_links_at(int part, link_answer answer) {
    far.links.answer =
        [number = "partNumber=" + std::to_string(part),
         answer = std::move(answer)](
            const std::string& url) -> std::optional<link_answer> {
      if (url.find("uploadId=upload-1") == std::string::npos
          || url.find(number) == std::string::npos)
        return std::nullopt;
      return answer;
    };
  }
  /// The next part is answered so, the others by the store.
  void answers_once(link_answer answer) {
    far.links.answer = [answer = std::move(answer),
                        was_said = std::make_shared<std::atomic<bool>>(false)](
                           const std::string&) -> std::optional<link_answer> {
      if (was_said->exchange(true))
        return std::nullopt;
      return answer;
    };
  }

  // -- what has become of it --------------------------------------------------

  /// How often a part of a backup was begun to be sent to the store of ours.
  std::size_t times_sent(int number, int part) {
    const auto call = "put_part " + key(number) + " " + std::to_string(part);
    const std::scoped_lock lock{far.offsite.mutex};
    return static_cast<std::size_t>(
        std::ranges::count(far.offsite.journal, call));
  }
  std::string archive_of(int number) {
    return fake_archives::text_in(backups.published.at(backup(number)).file);
  }
  nlohmann::json last_report() const {
    REQUIRE_FALSE(store->reports.empty());
    return nlohmann::json::parse(store->reports.rbegin()->second.body);
  }
  /// As a Panel completes an upload from a report.
  std::string completed_by(const nlohmann::json& report) {
    REQUIRE(far.bucket.uploads.size() == 1);
    const auto& [upload, what] = *far.bucket.uploads.begin();
    std::vector<object_part> parts;
    for (const auto& part : report.at("parts")) {
      auto etag = part.at("etag").get<std::string>();
      std::erase(etag, '"');
      parts.push_back({part.at("part_number").get<int>(), 0, etag});
    }
    REQUIRE(far.bucket.finish_upload(what.key, std::string{upload}, parts, {}));
    return far.bucket.objects.begin()->second.bytes;
  }
  /// What the Panel's 2xx does.
  void take_report() {
    REQUIRE(
        store->amend({record_delivery{.report = store->reports.rbegin()->first,
                                      .is = record_delivery::outcome::delivered,
                                      .http_status = 204}},
                     now));
  }
};

} // namespace alula::jobs
