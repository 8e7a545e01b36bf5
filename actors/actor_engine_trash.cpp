// The part of the engine that looks through the trash at a start, for what no
// live job answers for.
#include "actors/engine_state.hpp"
#include "jobs/catalog.hpp"
#include "jobs/log.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace alula::actors {

void actor_engine::state::look_after_trash(
    const std::vector<jobs::job_id>& left) {
  for (const auto& id : left)
    finish_for(id, {});
  const auto names = node.volumes.trash_entries();
  if (!names) {
    jobs::log(jobs::log_level::warning, "trash-unread",
              {{"why", names.error().what}});
    return;
  }
  finish_unrecorded(*names, left);
  settle_undeletes(*names);
}

/// A crash between a rename and its commit, and another one after the job was
/// given up, leave files in the trash that only their name speaks of: whoever
/// finishes what a job of that kind leaves is asked. Others may be all that is
/// left of a server, of which only an operator can tell what is to become.
void actor_engine::state::finish_unrecorded(
    const std::vector<std::string>& names,
    const std::vector<jobs::job_id>& recorded) {
  for (const auto& name : names) {
    const auto id = jobs::job_id::parse(name);
    if (!id || std::ranges::find(recorded, *id) != recorded.end())
      continue;
    const auto known = board.peek(*id);
    if (known && !known->record().is_done())
      continue;
    // What a restore has replaced is on record, and goes when it is due.
    const auto replaced = queries.find_replaced(*id);
    if (!replaced || *replaced)
      continue;
    finish_for(*id, ticket_answer{[name](const auto& taken) {
      if (!taken && taken.error().code != jobs::fault_code::shutting_down)
        jobs::log(
            jobs::log_level::warning, "trash-unrecorded",
            {{"job", name}, {"entry", name}, {"why", taken.error().what}});
    }});
  }
}

/// An undelete that was given up after it had moved the files lets go of them
/// in one commit, and undelete.settle takes them in another, which a crash or a
/// stop may have come before. Then they lie in the place of the volume, the
/// list says that they are kept, and no server has them.
void actor_engine::state::settle_undeletes(
    const std::vector<std::string>& names) {
  const auto kept = queries.list_trash();
  if (!kept) {
    jobs::log(jobs::log_level::warning, "trash-unread",
              {{"why", kept.error().what}});
    return;
  }
  for (const auto& entry : *kept) {
    if (entry.state != "held" || board.find_server(entry.server)
        || std::ranges::find(names, entry.name) != names.end())
      continue;
    const auto moved = node.volumes.exists(entry.server);
    if (!moved)
      jobs::log(jobs::log_level::warning, "trash-unread",
                {{"why", moved.error().what}});
    else if (*moved)
      put_back(entry);
  }
}

void actor_engine::state::put_back(const jobs::trash_entry& entry) {
  jobs::submission what;
  what.kind = jobs::settle_undelete.name;
  what.server = entry.server;
  what.subject = entry.deleted_by;
  what.body = R"({"deleted_by":")" + entry.deleted_by.to_string() + R"("})";
  take(std::move(what), tell_refusal(entry.deleted_by));
}

} // namespace alula::actors
