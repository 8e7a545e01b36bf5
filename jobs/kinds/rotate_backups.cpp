// Removes the backups of a server that no rule of its policy keeps.
//
// First the newest one is read from end to end, unless that was done within a
// week: nothing is removed while it is not known to be good. The record is not
// believed alone: every backup that would stay is looked for on the disk, and
// one that is not there keeps no other from staying. What was finished after
// the newest was checked stays as well and counts for no rule. What goes is
// chosen and marked in one commit, then the files follow, then the rows. While
// somebody downloads one of them the job waits, apart: its server can be
// deleted meanwhile.
#include "jobs/backup.hpp"
#include "jobs/catalog.hpp"
#include "jobs/engine.hpp"
#include "jobs/kinds/backup_requests.hpp"
#include "jobs/kinds/fields.hpp"
#include "jobs/kinds/reading_backups.hpp"
#include "jobs/kinds/removing_backups.hpp"
#include "jobs/kinds/steps.hpp"
#include "jobs/ports.hpp"
#include "jobs/rotation.hpp"

#include <algorithm>

namespace alula::jobs {

namespace {

using fields::json;

constexpr std::size_t page_size = 1'000;
/// So long a verification is believed.
constexpr time_ms verified_for = 7 * time_ms{86'400'000};

result<job_draft> read(const submission& request) {
  const auto body = fields::object(request.body);
  if (!body)
    return body.error();
  const auto asked = body->value("policy", json::object());
  if (!asked.is_object())
    return fields::wrong("/policy", "must be an object");
  auto policy = parse_rotation_policy(asked.dump());
  if (!policy) {
    auto why = std::move(policy).error();
    for (auto& field : why.fields)
      field.pointer.insert(0, "/policy");
    return why;
  }
  if (!request.target)
    return no_such_server(request);
  job_draft draft;
  draft.input = json{{"policy", json::parse(to_json(*policy))}}.dump();
  draft.dedup_key = "backup.rotate:" + std::to_string(request.target->row);
  return draft;
}

result<std::vector<backup_record>> backups_of_server(step_context& ctx) {
  std::vector<backup_record> all;
  for (std::int64_t before = 0;;) {
    auto page = ctx.node.records.list_backups({.server = ctx.job.server},
                                              before, page_size);
    if (!page)
      return std::move(page).error();
    all.insert(all.end(), page->items.begin(), page->items.end());
    before = page->next_before;
    if (before == 0)
      return all;
  }
}

/// What the disk says of a backup that is on record as ready: nothing, or the
/// change that takes what is wrong on record.
result<std::optional<change>> look_for(step_context& ctx, backup_record& b) {
  if (!b.is_local && is_the_panels(b)) // only the Panel can look there
    return std::optional<change>{};
  if (!b.is_local && b.any_store()) {
    const auto there = is_in_a_store(ctx, b);
    if (!there)
      return there.error();
    if (*there)
      return std::optional<change>{};
    b.damage = damage_in_store(b.any_store()->name,
                               "the archive is not there any more");
    return std::optional<change>{record_verification{b.uuid, b.damage}};
  }
  const auto file = ctx.node.archives.inspect(b.uuid);
  if (!file)
    return file.error();
  // As a scan has it; the other places are looked at now.
  if (!*file && !b.places.empty()) {
    b.is_local = false;
    return std::optional<change>{set_local{b.uuid, false, false}};
  }
  if (!*file) {
    b.lost_at = ctx.now;
    return std::optional<change>{record_lost_backup{b.uuid}};
  }
  if ((*file)->size == b.facts.size)
    return std::optional<change>{};
  b.damage = "the archive has " + std::to_string((*file)->size)
             + " bytes and should have " + std::to_string(b.facts.size);
  return std::optional<change>{record_verification{b.uuid, b.damage}};
}

bool is_present(const backup_record& b) {
  return b.state == backup_state::ready && b.lost_at == 0;
}

bool is_older(const backup_record& a, const backup_record& b) {
  return std::pair{a.completed_at, a.row} < std::pair{b.completed_at, b.row};
}

step_outcome verify_newest(step_context& ctx) {
  auto all = backups_of_server(ctx);
  if (!all)
    return std::move(all).error();
  // What lies elsewhere only was verified when it was made, and is looked for
  // before it counts.
  std::erase_if(
      *all, [](const auto& b) { return !is_present(b) || is_the_panels(b); });
  const auto newest = std::ranges::max_element(*all, is_older);
  if (newest == all->end())
    return step_done{.output = R"({"damage":"there is no backup"})"};
  const auto checked = [&](const std::string& damage) {
    return json{{"damage", damage}, {"backup", newest->uuid.view()}}.dump();
  };
  if (newest->verified_at > ctx.now - verified_for || !newest->is_local)
    return step_done{.output = checked(newest->damage)};
  auto found = check_backup(ctx, newest->uuid, check_for::nobody);
  if (!found)
    return std::move(found).error();
  return step_done{.output = checked(found->damage + found->missing),
                   .changes = found->on_record(newest->uuid)};
}

/// Archives that nobody has read, and that are others than they were when they
/// were seen: on record as they are now, and nothing for this rotation to
/// choose from, whatever was said of them before.
status set_aside_grown(step_context& ctx, std::vector<backup_record>& all,
                       step_done& done) {
  std::vector<backup_record> others;
  for (auto& b : all) {
    auto newer = newer_than(ctx, b);
    if (!newer)
      return std::move(newer).error();
    if (*newer)
      done.changes.emplace_back(record_found_backup{**std::move(newer)});
    else
      others.push_back(std::move(b));
  }
  all = std::move(others);
  return {};
}

/// What a policy says of the backups once those that it keeps were seen on the
/// disk; `done` gets the changes for those that were not.
result<std::vector<rotation_choice>>
choose_from_disk(step_context& ctx, std::vector<backup_record>& all,
                 const rotation_policy& policy, step_done& done) {
  for (;;) {
    auto choices = choose_for_rotation(all, policy);
    const auto changes = done.changes.size();
    for (auto& b : all) {
      const auto choice =
          std::ranges::find(choices, b.uuid, &rotation_choice::backup);
      if (!is_present(b) || !b.damage.empty() || !choice->keep)
        continue;
      auto wrong = look_for(ctx, b);
      if (!wrong)
        return std::move(wrong).error();
      if (*wrong)
        done.changes.push_back(std::move(**wrong));
    }
    if (done.changes.size() == changes)
      return choices;
  }
}

step_outcome nothing_removed(step_done done, const std::string& why) {
  done.output = R"({"remove":[]})";
  done.job_result = fields::as_text(
      json{{"removed", json::array()}, {"nothing_removed_because", why}});
  return done;
}

step_outcome choose(step_context& ctx) {
  const auto checked = fields::told_by(ctx.job, "verify_newest");
  const auto damage = checked.at("damage").get<std::string>();
  if (!damage.empty())
    return nothing_removed({}, damage);
  const auto policy =
      parse_rotation_policy(json::parse(ctx.job.input).at("policy").dump());
  if (!policy)
    return policy.error();
  auto all = backups_of_server(ctx);
  if (!all)
    return std::move(all).error();
  step_done done;
  if (auto aside = set_aside_grown(ctx, *all, done); !aside)
    return std::move(aside).error();
  const auto verified = fields::known_id<backup_id>(
      ctx.job.find_step("verify_newest")->output, "backup");
  const auto newest = std::ranges::find(*all, verified, &backup_record::uuid);
  if (newest == all->end())
    return nothing_removed(std::move(done), "the newest backup is gone");
  // Nobody has read what was finished meanwhile; the next rotation will.
  std::erase_if(*all,
                [last = *newest](const auto& b) { return is_older(last, b); });
  const auto choices = choose_from_disk(ctx, *all, *policy, done);
  // A pivot that has begun cannot be cancelled: a delete of the server would
  // wait for the store with it. The next rotation asks again.
  if (!choices && choices.error().code == fault_code::store_unavailable)
    return nothing_removed(std::move(done), choices.error().what);
  if (!choices)
    return choices.error();
  const auto still = std::ranges::find(*all, verified, &backup_record::uuid);
  if (!is_present(*still) || !still->damage.empty())
    return nothing_removed(std::move(done),
                           "the archive of the newest backup is not what it "
                           "was when it was verified");
  auto remove = json::array();
  for (const auto& choice : *choices) {
    if (choice.keep)
      continue;
    remove.push_back({{"backup", choice.backup.view()}, {"why", choice.why}});
    done.changes.emplace_back(
        begin_backup_delete{.uuid = choice.backup, .unless_pinned = true});
  }
  done.output = json{{"remove", remove}}.dump();
  // Of what was chosen the next step says what is gone.
  if (remove.empty())
    done.job_result = json{{"removed", remove}}.dump();
  return done;
}

backup_id chosen_in(const json& choice) {
  return backup_id::parse(choice.at("backup").get<std::string>()).value();
}

/// In the words of the job's result, with what earlier runs have removed.
json removed_so_far(const step_context& ctx, const json& chosen,
                    const removals& made) {
  const auto& before = ctx.job.find_step("remove")->output;
  auto told =
      before.empty() ? json{{"removed", json::array()}} : json::parse(before);
  for (const auto& each : chosen)
    if (std::ranges::count(made.gone, chosen_in(each)) > 0)
      told.at("removed").push_back(each);
  return told;
}

step_outcome remove(step_context& ctx) {
  const auto chosen = fields::told_by(ctx.job, "choose").at("remove");
  if (chosen.empty())
    return step_done{};
  std::vector<backup_id> uuids;
  for (const auto& each : chosen)
    uuids.push_back(chosen_in(each));
  auto made = remove_marked(ctx, uuids);
  if (!made)
    return std::move(made).error();
  auto told = removed_so_far(ctx, chosen, *made).dump();
  return outcome_of(ctx, "remove", *std::move(made), std::move(told));
}

} // namespace

const kind rotate_backups{
    .name = "backup.rotate",
    .lane = "rotate",
    .priority = 3,
    .max_attempts = 5,
    .read = read,
    .steps = {
        compensatable("verify_newest", verify_newest, nullptr, "verify"),
        pivot("choose", choose),
        {.name = "remove",
         .cls = step_class::retriable,
         .run = remove,
         .is_apart = true},
    }};

} // namespace alula::jobs
