#include "http/undoable.hpp"

#include <algorithm>
#include <utility>

namespace alula::http {

namespace {

/// One of a server that is gone, or that leaves, is taken back by nobody.
bool has_its_server(const jobs::engine& engine,
                    const jobs::replaced_tree& tree) {
  const auto server = engine.find_server(tree.server);
  return server && server->row == tree.server_row && !server->transferring
         && server->state != jobs::server_state::deleting
         && server->state != jobs::server_state::deleted;
}

/// The desk has no place for a question, or alula stops: nothing was looked up.
bool is_busy(const jobs::fault& why) {
  return why.code == jobs::fault_code::rate_limited
         || why.code == jobs::fault_code::shutting_down;
}

jobs::job_view_ptr told(const jobs::engine& engine,
                        const jobs::job_view_ptr& job,
                        const std::vector<jobs::replaced_tree>& trees) {
  if (!job->record().may_be_undone())
    return job;
  const auto found = std::ranges::find(trees, job->record().id,
                                       &jobs::replaced_tree::replaced_by);
  const bool can = found != trees.end() && has_its_server(engine, *found);
  return std::make_shared<const jobs::job_view>(*job,
                                                can ? found->keep_until : 0);
}

} // namespace

void with_undo(const api_ptr& api, std::vector<jobs::job_view_ptr> jobs,
               std::function<void(std::vector<jobs::job_view_ptr>)> then) {
  std::vector<jobs::job_id> restores;
  for (const auto& job : jobs)
    if (job->record().may_be_undone())
      restores.push_back(job->record().id);
  if (restores.empty())
    return then(std::move(jobs));
  api->backups.find_undoable(
      std::move(restores),
      [api, jobs = std::move(jobs), then = std::move(then)](
          const jobs::result<std::vector<jobs::replaced_tree>>& trees) {
        if (!trees && is_busy(trees.error()))
          return then(jobs);
        auto out = jobs;
        for (auto& job : out)
          job = told(api->engine, job,
                     trees ? *trees : std::vector<jobs::replaced_tree>{});
        then(std::move(out));
      });
}

void with_undo(const api_ptr& api, const jobs::job_view_ptr& job,
               std::function<void(const jobs::job_view_ptr&)> then) {
  with_undo(
      api, std::vector{job},
      [then = std::move(then)](const std::vector<jobs::job_view_ptr>& told) {
        then(told.front());
      });
}

} // namespace alula::http
