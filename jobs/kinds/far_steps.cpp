#include "jobs/kinds/far_steps.hpp"

#include "jobs/backup.hpp"
#include "jobs/engine.hpp"
#include "jobs/log.hpp"

#include <chrono>
#include <optional>
#include <utility>

namespace alula::jobs {

namespace {

constexpr time_ms a_day = 86'400'000;

} // namespace

std::string object_key(const server_id& server, const backup_id& backup) {
  return (server.empty() ? "unclaimed" : server.to_string()) + '/'
         + backup.to_string() + ".tar.gz";
}

std::string manifest_key(const std::string& archive_key) {
  return archive_key + ".manifest";
}

result<object_store*> find_store(const step_context& ctx,
                                 const std::string& name) {
  if (!ctx.node.far)
    return fault{.code = fault_code::not_implemented,
                 .what = "this node reaches no stores"};
  auto* store = ctx.node.far->stores.find(name);
  if (!store)
    return fault{.code = fault_code::store_not_found,
                 .what = "the configuration names no store " + name};
  return store;
}

result<bool> is_in_a_store(const step_context& ctx, const backup_record& backup,
                           std::string_view besides) {
  std::optional<fault> unknown;
  for (const auto& place : backup.places) {
    if (place.name == panel_place || place.name == besides
        || place.name == backup.damaged_place())
      continue;
    const auto store = find_store(ctx, place.name);
    const auto there = store
                           ? (*store)->head(place.key, ctx.stop)
                           : result<std::optional<object_info>>{store.error()};
    if (there && *there && (*there)->size == backup.facts.size)
      return true;
    if (!there)
      unknown = there.error();
  }
  if (unknown)
    return *std::move(unknown);
  return false;
}

step_outcome wait_for_store(const step_context& ctx, fault why) {
  using namespace std::chrono_literals;
  if (why.code != fault_code::store_unavailable
      || ctx.now - ctx.job.created_at > a_day)
    return why;
  return step_waits{"StoreUnavailable", why.what, 30s};
}

step_outcome take_back_upload(step_context& ctx) {
  const auto known = ctx.node.records.find_transfer(ctx.job.id);
  if (!known)
    return known.error();
  if (!*known || (*known)->key.empty())
    return step_done{}; // the Panel's: its report of the failure ends it
  const auto& transfer = **known;
  const auto left = [&] {
    step_done done;
    // The upload's id may have been lost with a crash: by its key, then.
    done.changes.emplace_back(
        leave_remains{transfer.place, transfer.key, transfer.upload});
    if (!transfer.upload.empty())
      done.changes.emplace_back(
          leave_remains{transfer.place, transfer.key, ""});
    return done;
  };
  const auto store = find_store(ctx, transfer.place);
  if (!store)
    return left();
  const auto gone = remove_remains(
      **store, {.key = transfer.key, .upload = transfer.upload}, {});
  if (gone)
    return step_done{};
  log(log_level::warning, "store-remains",
      {{"store", transfer.place}, {"why", gone.error().what}});
  return left();
}

status remove_remains(object_store& store, const remote_remains& what,
                      std::stop_token stop) {
  if (!what.upload.empty()) {
    if (auto gone = store.abort_upload(what.key, what.upload, stop); !gone)
      return gone;
  }
  const auto open = store.list_uploads(what.key, stop);
  if (!open)
    return open.error();
  for (const auto& one : *open)
    if (one.key == what.key)
      if (auto gone = store.abort_upload(one.key, one.id, stop); !gone)
        return gone;
  if (auto gone = store.remove(manifest_key(what.key), stop); !gone)
    return gone;
  return store.remove(what.key, stop);
}

} // namespace alula::jobs
