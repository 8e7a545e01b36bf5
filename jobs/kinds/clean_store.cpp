// Removes from a store of ours what a job has left there: parts of an upload
// that was never put together, which cost money and are in no list of objects,
// or an object that nobody needs (user-pains A38).
//
// Submitted for everything that is on record as left, at every start and while
// the node runs, until the store has answered. The lock keeps a new upload of
// the same backup out, whose key is the same; so a store that is away is not
// waited for, or nobody could restore or delete the backup meanwhile.
#include "jobs/backup.hpp"
#include "jobs/catalog.hpp"
#include "jobs/engine.hpp"
#include "jobs/kinds/far_steps.hpp"
#include "jobs/kinds/fields.hpp"
#include "jobs/kinds/steps.hpp"
#include "jobs/ports.hpp"

#include <algorithm>

namespace alula::jobs {

namespace {

using fields::json;

constexpr std::size_t most_remains = 10'000;

result<job_draft> read(const submission& request) {
  const auto body = fields::object(request.body);
  if (!body)
    return body.error();
  const auto row = body->find("row");
  if (row == body->end() || !row->is_number_integer())
    return fields::wrong("/row", "must be a number");
  const auto backup = fields::text(*body, "backup", 64);
  if (!backup)
    return backup.error();
  job_draft draft;
  draft.input = json{{"row", *row}, {"backup", *backup}}.dump();
  draft.dedup_key = "store.clean:" + std::to_string(row->get<std::int64_t>());
  if (!backup->empty())
    draft.locks.push_back({"backup:" + *backup, true});
  return draft;
}

/// It stays on record: the next job of this kind asks again.
step_outcome leave_it(const fault& why) {
  return step_done{.job_result = fields::as_text(
                       json{{"left", true}, {"because", why.what}})};
}

step_outcome clean(step_context& ctx) {
  const auto row = json::parse(ctx.job.input).at("row").get<std::int64_t>();
  const auto all = ctx.node.records.list_remains(most_remains);
  if (!all)
    return all.error();
  const auto mine = std::ranges::find(*all, row, &remote_remains::row);
  if (mine == all->end())
    return step_done{};
  const auto store = find_store(ctx, mine->store);
  if (!store && store.error().code == fault_code::store_not_found)
    return leave_it(store.error());
  if (!store)
    return store.error();
  const auto gone = remove_remains(**store, *mine, ctx.stop);
  if (!gone && gone.error().code == fault_code::store_unavailable)
    return leave_it(gone.error());
  if (!gone)
    return gone.error();
  return step_done{.changes = {forget_remains{row}}};
}

} // namespace

const kind clean_store{.name = "store.clean",
                       .priority = 3,
                       .max_attempts = 3,
                       .read = read,
                       .steps = {pivot("clean", clean, nullptr, "transfer")}};

} // namespace alula::jobs
