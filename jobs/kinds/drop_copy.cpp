// Removes the copy of a backup from one of its places, never the last one: no
// record knows what a bucket does by rules of its own, so another copy is
// looked for first. Where none is found, or a store does not say, the copy
// stays. Nothing is waited for, as waiting would keep the backup locked, and
// there is no way back from here: from a store that is away it is removed later
// (store.clean), and who downloads the local archive reads it to its end.
//
// The schedule submits one for every archive that is scratch and that a store
// of ours has, or the Panel has taken note of; an operator for any place but
// the Panel's, which only the Panel can reach.
#include "jobs/backup.hpp"
#include "jobs/catalog.hpp"
#include "jobs/engine.hpp"
#include "jobs/kinds/backup_requests.hpp"
#include "jobs/kinds/far_steps.hpp"
#include "jobs/kinds/fields.hpp"
#include "jobs/kinds/steps.hpp"
#include "jobs/ports.hpp"

namespace alula::jobs {

namespace {

using fields::json;

result<job_draft> read(const submission& request) {
  return read_about_place(request, "backup.drop_copy", backup_lock::exclusive,
                          "place");
}

/// Of what lies in the Panel's store the Panel's word has to do.
status check_another(step_context& ctx, const backup_record& b,
                     const std::string& place) {
  const auto stays = [](std::string why) {
    return fault{.code = fault_code::validation,
                 .what = std::move(why),
                 .where = "/place"};
  };
  if (!b.has_good_copy_besides(place))
    return stays("it is the only good copy of backup " + b.uuid.to_string()
                 + ": delete the backup instead");
  const auto* panels = b.find_place(panel_place);
  if (panels && b.told_at != 0 && panels->missed_at == 0)
    return {};
  if (place != local_place && b.is_good_here()) {
    const auto file = ctx.node.archives.inspect(b.uuid);
    if (!file)
      return file.error();
    if (*file && (*file)->size == b.facts.size)
      return {};
  }
  const auto there = is_in_a_store(ctx, b, place);
  if (there && *there)
    return {};
  if (!there && there.error().code == fault_code::interrupted)
    return there.error();
  return stays("the copy of backup " + b.uuid.to_string() + " in " + place
               + " stays, as no other one was found"
               + (there ? "" : ": " + there.error().what));
}

step_outcome remove(step_context& ctx) {
  const auto uuid = backup_of(ctx.job);
  const auto place = json::parse(ctx.job.input).at("place").get<std::string>();
  const auto known = ctx.node.records.find_backup(uuid);
  if (!known)
    return known.error();
  if (!*known || (*known)->state != backup_state::ready)
    return step_done{};
  const auto& b = **known;
  if (place != local_place && !b.find_place(place))
    return step_done{};
  if (auto may = check_another(ctx, b, place); !may)
    return std::move(may).error();
  if (place == local_place) {
    if (auto gone = ctx.node.archives.drop(uuid); !gone)
      return std::move(gone).error();
    return step_done{.changes = {set_local{uuid, false, false}}};
  }
  const auto store = find_store(ctx, place);
  if (!store)
    return store.error();
  const auto& key = b.find_place(place)->key;
  const auto gone = remove_remains(**store, {.key = key}, ctx.stop);
  if (!gone && gone.error().code != fault_code::store_unavailable)
    return gone.error();
  step_done done{.changes = {forget_place{uuid, place}}};
  if (!gone)
    done.changes.emplace_back(leave_remains{place, key, ""});
  return done;
}

} // namespace

const kind drop_copy{.name = "backup.drop_copy",
                     .lane = "copy",
                     .priority = 3,
                     .is_apart = true,
                     .answer_after = "remove",
                     .read = read,
                     .steps = {pivot("remove", remove, nullptr, "transfer")}};

} // namespace alula::jobs
