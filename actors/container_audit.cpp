#include "actors/container_audit.hpp"

#include "jobs/log.hpp"

#include <optional>
#include <string_view>
#include <utility>

namespace alula::actors {

namespace {

struct owner {
  jobs::server_id server;
  bool is_labelled = false; ///< by alula, and not only named alike
};

std::optional<owner> owner_of(const jobs::container_info& container) {
  const auto label = container.labels.find("alula.server");
  if (label != container.labels.end())
    if (const auto id = jobs::server_id::parse(label->second))
      return owner{*id, true};
  std::string_view name = container.name;
  constexpr std::string_view installer = "_installer";
  if (name.ends_with(installer))
    name.remove_suffix(installer.size());
  if (const auto id = jobs::server_id::parse(name))
    return owner{*id, false};
  return std::nullopt;
}

/// The newest delete of that uuid has let go of it.
jobs::result<bool> was_deleted_here(jobs::queries& queries,
                                    const jobs::server_id& server) {
  jobs::job_filter deletes;
  deletes.server = server;
  deletes.kind = "server.delete";
  const auto page = queries.list_jobs(deletes, 0, 1);
  if (!page)
    return page.error();
  return !page->items.empty() && page->items.front().is_answered();
}

} // namespace

jobs::result<audited_containers> audit_containers(jobs::containers& containers,
                                                  const jobs::engine& engine,
                                                  jobs::queries& queries,
                                                  std::stop_token stop) {
  const auto all = containers.list(stop);
  if (!all)
    return all.error();
  audited_containers found;
  for (const auto& container : *all) {
    const auto whose = owner_of(container);
    if (!whose || engine.find_server(whose->server))
      continue;
    const auto deleted = was_deleted_here(queries, whose->server);
    if (!deleted)
      return deleted.error();
    const bool removes = *deleted && (whose->is_labelled || !container.running);
    // Asked once more: a server may have been registered meanwhile.
    if (removes && !engine.find_server(whose->server))
      if (auto gone = containers.destroy(container.id, stop); !gone)
        return std::move(gone).error();
    (removes ? found.removed : found.left).push_back(container.id);
    jobs::log(jobs::log_level::warning,
              removes ? "container-left-removed" : "container-left",
              {{"container", container.id}, {"server", whose->server.view()}});
  }
  return found;
}

} // namespace alula::actors
