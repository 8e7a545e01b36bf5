// Puts on record what lies in a store of ours: backups that the ledger does not
// know, as when it was lost with its disk, and copies that it does not know of
// backups that it does. Nothing in the store is changed.
//
// The names say whose an archive is, its manifest what it has; one that cannot
// be used counts as none (docs/manifest.md), and is named. The list is read
// page by page, and what a page has brought is committed with the place in the
// list, so that a crash costs one page and the memory is that of one.
//
// What is on its way out, or in, is left alone, here and by the ledger. The
// record is looked for before the object: a backup that is not on record any
// more has no object then, or one that is on record as left.
#include "jobs/backup.hpp"
#include "jobs/catalog.hpp"
#include "jobs/engine.hpp"
#include "jobs/kinds/far_steps.hpp"
#include "jobs/kinds/fields.hpp"
#include "jobs/kinds/steps.hpp"
#include "jobs/ports.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace alula::jobs {

namespace {

using fields::json;

constexpr std::size_t objects_at_once = 500;
constexpr std::int64_t manifest_beginning = 4'096;
constexpr std::size_t most_named = 20;
constexpr std::size_t most_remains = 10'000;

result<job_draft> read(const submission& request) {
  const auto body = fields::object(request.body);
  if (!body)
    return body.error();
  const auto store = fields::text(*body, "store", 64);
  if (!store)
    return store.error();
  if (store->empty() || *store == panel_place || *store == local_place)
    return fields::wrong("/store", "names a store of this node's");
  return job_draft{.input = json{{"store", *store}}.dump(),
                   .dedup_key = "store.scan:" + *store};
}

// -- the account --------------------------------------------------------------

/// What was looked at so far, and what came of it. Stands in the step's output.
struct account {
  std::string after; ///< the last key
  std::int64_t objects = 0;
  std::int64_t found = 0;  ///< backups that were not on record
  std::int64_t copies = 0; ///< of backups that were
  std::int64_t left_alone = 0;
  std::int64_t odd = 0;
  json named = json::array(); ///< the first of the odd ones, and why

  void name(const std::string& key, std::string why) {
    ++odd;
    if (named.size() < most_named)
      named.push_back({{"key", key}, {"why", std::move(why)}});
  }
};

account account_of(const step_context& ctx) {
  account out;
  const auto& text = ctx.job.find_step("look")->output;
  if (text.empty())
    return out;
  const auto from = json::parse(text);
  out.after = from.at("after").get<std::string>();
  out.objects = from.at("objects").get<std::int64_t>();
  out.found = from.at("found").get<std::int64_t>();
  out.copies = from.at("copies").get<std::int64_t>();
  out.left_alone = from.at("left_alone").get<std::int64_t>();
  out.odd = from.at("odd").get<std::int64_t>();
  out.named = from.at("named");
  return out;
}

json shown(const account& a) {
  return {{"objects", a.objects}, {"found", a.found},
          {"copies", a.copies},   {"left_alone", a.left_alone},
          {"odd", a.odd},         {"named", a.named}};
}

std::string kept(const account& a) {
  auto out = shown(a);
  out["after"] = a.after;
  return fields::as_text(out);
}

// -- one object ---------------------------------------------------------------

/// Whose an object is, by its key (object_key, manifest_key).
struct named_object {
  server_id server; ///< empty: nobody's so far
  backup_id backup;
  bool is_manifest = false;
};

std::optional<named_object> name_of(const std::string& key) {
  constexpr std::string_view end = ".tar.gz";
  const auto slash = key.find('/');
  const auto dot = key.find(end);
  if (slash == std::string::npos || dot == std::string::npos || dot < slash)
    return std::nullopt;
  const auto folder = key.substr(0, slash);
  const auto backup = backup_id::parse(key.substr(slash + 1, dot - slash - 1));
  if (!backup)
    return std::nullopt;
  named_object out{server_id::parse(folder).value_or(server_id{}), *backup};
  const auto archive = object_key(out.server, out.backup);
  out.is_manifest = key == manifest_key(archive);
  if (key != archive && !out.is_manifest)
    return std::nullopt;
  return out;
}

/// A page of the list, and what of it is known already.
struct page_in_hand {
  object_store& store;
  const object_page& page;
  const std::set<std::string>& leaving; ///< keys of what is to be removed

  /// 0 when there is none.
  result<std::int64_t> size_of(const std::string& key,
                               const std::stop_token& stop) const {
    const auto at =
        std::ranges::lower_bound(page.objects, key, {}, &object_info::key);
    if (at != page.objects.end() && at->key == key)
      return at->size;
    if (at != page.objects.end() || !page.has_more)
      return std::int64_t{0};
    const auto there = store.head(key, stop); // on the next page
    if (!there)
      return there.error();
    return *there ? (*there)->size : 0;
  }
};

/// Nothing when there is none. Fault backup_damaged: it is none.
result<std::optional<archive_file>> manifest_beside(step_context& ctx,
                                                    const page_in_hand& in,
                                                    const object_info& archive,
                                                    const named_object& named) {
  using found = std::optional<archive_file>;
  const auto key = manifest_key(archive.key);
  const auto size = in.size_of(key, ctx.stop);
  if (!size)
    return size.error();
  if (*size == 0)
    return found{};
  std::string beginning;
  const auto got = in.store.get(
      key, 0, std::min(*size, manifest_beginning), "",
      [&](std::span<const char> piece) -> status {
        beginning.append(piece.data(), piece.size());
        return {};
      },
      ctx.stop);
  if (!got && got.error().code == fault_code::store_object_missing)
    return found{};
  if (!got)
    return got.error();
  auto file = ctx.node.archives.read_manifest(beginning, *size);
  if (!file)
    return std::move(file).error();
  const bool is_anothers = !named.server.empty() && !file->server.empty()
                           && file->server != named.server;
  if (file->backup != named.backup || file->size != archive.size || is_anothers)
    return fault{.code = fault_code::backup_damaged,
                 .what = "its manifest is of another archive"};
  return found{*std::move(file)};
}

/// Whether the archive that was listed is there at all.
result<bool> is_still_there(const step_context& ctx, object_store& store,
                            const object_info& archive) {
  const auto there = store.head(archive.key, ctx.stop);
  if (!there)
    return there.error();
  return *there && (*there)->size == archive.size;
}

bool is_same(const archive_facts& known, const archive_facts& found) {
  if (known.size != found.size)
    return false;
  return known.sha256.empty() ? !known.sha1.empty() && known.sha1 == found.sha1
                              : known.sha256 == found.sha256;
}

status look_at_archive(step_context& ctx, const page_in_hand& in,
                       const object_info& archive, const named_object& named,
                       account& so_far, std::vector<change>& changes) {
  const auto known = ctx.node.records.find_backup(named.backup);
  if (!known)
    return known.error();
  const auto* b = *known ? &**known : nullptr;
  if (b && b->find_place(in.store.name()))
    return {};
  if ((b && b->state != backup_state::ready)
      || in.leaving.contains(archive.key)) {
    ++so_far.left_alone;
    return {};
  }
  auto manifest = manifest_beside(ctx, in, archive, named);
  if (!manifest && manifest.error().code != fault_code::backup_damaged)
    return std::move(manifest).error();
  const bool has_one = manifest && *manifest;
  if (!has_one) {
    const auto there = is_still_there(ctx, in.store, archive);
    if (!there)
      return there.error();
    if (!*there)
      return {};
  }
  if (!manifest)
    so_far.name(archive.key, manifest.error().what);
  else if (b && !has_one)
    so_far.name(archive.key, "nothing says that it is the backup on record");
  else if (b && !is_same(b->facts, *(*manifest)->facts))
    so_far.name(archive.key, "it is another archive than the one on record");
  if (b && (!has_one || !is_same(b->facts, *(*manifest)->facts)))
    return {};
  archive_file file = has_one ? **std::move(manifest) : archive_file{};
  file.backup = named.backup;
  file.size = archive.size;
  if (!named.server.empty())
    file.server = named.server;
  if (!has_one)
    file.modified_at = archive.modified_at;
  file.has_manifest = false; // here
  ++(b ? so_far.copies : so_far.found);
  changes.emplace_back(record_found_copy{std::move(file), in.store.name(),
                                         archive.key, archive.etag});
  return {};
}

// -- the list -----------------------------------------------------------------

result<std::set<std::string>> keys_of_remains(const step_context& ctx,
                                              const std::string& store) {
  const auto all = ctx.node.records.list_remains(most_remains);
  if (!all)
    return all.error();
  std::set<std::string> out;
  for (const auto& one : *all)
    if (one.store == store)
      out.insert(one.key);
  return out;
}

/// Until it is through, or the store or a stop ends it: its fault, then.
status look_through(step_context& ctx, const page_in_hand& in, account& so_far,
                    std::vector<change>& changes) {
  for (const auto& object : in.page.objects) {
    if (ctx.stop.stop_requested())
      return fault{.code = fault_code::interrupted,
                   .what = "the scan was asked to stop"};
    if (object.key <= so_far.after)
      return fault{.code = fault_code::store_refused,
                   .what = "store " + in.store.name()
                           + " does not list its objects in order"};
    const auto named = name_of(object.key);
    if (!named)
      so_far.name(object.key, "it is no backup of a server");
    else if (!named->is_manifest)
      if (auto looked =
              look_at_archive(ctx, in, object, *named, so_far, changes);
          !looked)
        return looked;
    so_far.after = object.key;
    ++so_far.objects;
    ctx.report({.done = so_far.objects,
                .unit = "objects",
                .message = "looking through store " + in.store.name()});
  }
  return {};
}

step_outcome look(step_context& ctx) {
  const auto name = json::parse(ctx.job.input).at("store").get<std::string>();
  const auto store = find_store(ctx, name);
  if (!store)
    return store.error();
  auto so_far = account_of(ctx);
  const auto leaving = keys_of_remains(ctx, name);
  if (!leaving)
    return leaving.error();
  const auto page = (*store)->list("", so_far.after, objects_at_once, ctx.stop);
  if (!page)
    return wait_for_store(ctx, page.error());
  const auto before = so_far.objects;
  std::vector<change> changes;
  auto looked = look_through(ctx, {**store, *page, *leaving}, so_far, changes);
  const bool came_further = so_far.objects > before;
  if (!looked && !came_further)
    return wait_for_store(ctx, std::move(looked).error());
  // What is through counts, also when the rest has to be looked at again.
  if (!looked || (page->has_more && came_further))
    return step_goes_on{kept(so_far), std::move(changes)};
  auto told = shown(so_far);
  told["store"] = name;
  return step_done{.changes = std::move(changes),
                   .job_result = fields::as_text(told)};
}

} // namespace

const kind scan_store{
    .name = "store.scan",
    .priority = 3,
    .max_attempts = 5,
    .read = read,
    .steps = {compensatable("look", look, nullptr, "transfer")}};

} // namespace alula::jobs
