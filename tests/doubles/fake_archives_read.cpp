// Archives that are verified, measured, unpacked and indexed.
#include "tests/doubles/fake_archives.hpp"

#include <algorithm>
#include <utility>

namespace alula::jobs {

namespace {

fault damaged(const backup_id& backup) {
  return {.code = fault_code::backup_damaged,
          .what = "the backup " + backup.to_string() + " is damaged"};
}

bool has_other_sum(const archive_facts& found,
                   const archive_expectation& expected) {
  return expected.sha256.empty()
             ? !expected.sha1.empty() && expected.sha1 != found.sha1
             : expected.sha256 != found.sha256;
}

bool is_chosen(const std::vector<std::string>& paths, const std::string& path) {
  return paths.empty()
         || std::ranges::any_of(paths, [&](const std::string& one) {
              return path == one || path.starts_with(one + '/');
            });
}

} // namespace

result<archive_facts>
fake_archives::hash(const std::function<status(const archive_sink&)>& from) {
  std::string raw;
  auto whole = from([&raw](std::string_view piece) -> status {
    raw += piece;
    return {};
  });
  if (!whole)
    return std::move(whole).error();
  const auto seed = std::hash<std::string>{}(raw);
  return archive_facts{.size = static_cast<std::int64_t>(raw.size()),
                       .sha1 = digits(seed, 40),
                       .sha256 = digits(seed, 64)};
}

result<archive_verified>
fake_archives::verify(const backup_id& backup,
                      const archive_expectation& wanted, std::stop_token stop,
                      const archive_tell& tell) {
  std::unique_lock lock{mutex};
  expected.push_back(wanted);
  if (auto planned = enter(lock, stop, "verify", backup.view()); !planned)
    return std::move(planned).error();
  if (!wanted.fetched_by.empty())
    return verify_fetched(backup, wanted);
  const auto at = published.find(backup);
  if (at == published.end())
    return not_found(backup);
  const bool is_enough = is_sum_enough(backup, at->second.facts, wanted);
  const auto size = at->second.facts.size;
  auto files = at->second.files;
  auto told = is_enough
                  ? tell_each(lock, {{"", ""}}, stop,
                              [&](const archive_progress_made&) {
                                if (tell)
                                  tell({.bytes = size, .archive_size = size});
                              })
                  : tell_each(lock, files, stop, tell);
  if (!told)
    return std::move(told).error();
  const auto again = published.find(backup);
  if (again == published.end())
    return not_found(backup);
  const auto& found = again->second.facts;
  if (again->second.is_damaged
      || (wanted.size != 0 && wanted.size != found.size)
      || has_other_sum(found, wanted))
    return damaged(backup);
  return archive_verified{found, is_enough ? 0 : found.files, !is_enough};
}

bool fake_archives::is_sum_enough(const backup_id& backup,
                                  const archive_facts& found,
                                  const archive_expectation& wanted) const {
  if (wanted.depth != check_depth::sum_of_ours || wanted.sha256.empty()
      || wanted.sha256 != found.sha256)
    return false;
  if (const auto part = fetched_manifests.find({backup, wanted.fetched_by});
      part != fetched_manifests.end())
    return is_manifest_of_ours(text_in(part->second));
  const auto known = find_indexed(backup);
  return known && (*known)->is_ours;
}

result<archive_verified>
fake_archives::verify_fetched(const backup_id& backup,
                              const archive_expectation& wanted) {
  const auto part = fetched.find({backup, wanted.fetched_by});
  if (part == fetched.end())
    return not_found(backup);
  const auto raw = text_in(part->second);
  const auto again = make(backup, {}, {}, tree_in(raw));
  if (text_in(again.file) != raw
      || (wanted.size != 0 && wanted.size != again.facts.size)
      || has_other_sum(again.facts, wanted))
    return damaged(backup);
  const bool is_enough = is_sum_enough(backup, again.facts, wanted);
  return archive_verified{again.facts, is_enough ? 0 : again.facts.files,
                          !is_enough};
}

result<extraction_made> fake_archives::extract(const extraction_order& order,
                                               const descriptor&,
                                               std::stop_token stop,
                                               const archive_tell& tell) {
  std::unique_lock lock{mutex};
  if (auto planned = enter(lock, stop, "extract", order.backup.view());
      !planned)
    return std::move(planned).error();
  tree files;
  if (!order.fetched_by.empty()) {
    const auto part = fetched.find({order.backup, order.fetched_by});
    if (part == fetched.end())
      return not_found(order.backup);
    files = tree_in(text_in(part->second));
  } else {
    const auto at = published.find(order.backup);
    if (at == published.end())
      return not_found(order.backup);
    if (at->second.is_damaged)
      return damaged(order.backup);
    files = at->second.files;
  }
  tree chosen;
  for (const auto& [path, content] : files)
    if (is_chosen(order.paths, path))
      chosen.emplace(path, content);
  const auto size = size_of(chosen);
  if (order.limits.bytes > 0 && size.bytes > order.limits.bytes)
    return fault{.code = fault_code::archive_refused,
                 .what = "the contents are over the limit"};
  last_denied = order.denied;
  const auto telling = [&](const archive_progress_made& so_far) {
    if (before_tell)
      before_tell();
    if (tell)
      tell(so_far);
  };
  if (auto told = tell_each(lock, chosen, stop, telling); !told)
    return std::move(told).error();
  extracted = std::move(chosen);
  return extraction_made{size.files, size.bytes, {}, 0};
}

result<tree_size> fake_archives::content_size(const backup_id& backup,
                                              std::stop_token stop,
                                              const archive_tell&) {
  std::unique_lock lock{mutex};
  if (auto planned = enter(lock, stop, "content_size", backup.view()); !planned)
    return std::move(planned).error();
  const auto at = published.find(backup);
  if (at == published.end())
    return not_found(backup);
  if (at->second.is_damaged && !at->second.has_manifest)
    return damaged(backup);
  return size_of(at->second.files);
}

result<tree_size>
fake_archives::chosen_size(const backup_id& backup,
                           const std::vector<std::string>& paths,
                           std::stop_token stop) {
  std::unique_lock lock{mutex};
  if (auto planned = enter(lock, stop, "chosen_size", backup.view()); !planned)
    return std::move(planned).error();
  const auto found = find_indexed(backup);
  if (!found)
    return found.error();
  tree chosen;
  for (const auto& [path, content] : (*found)->files)
    if (is_chosen(paths, path))
      chosen.emplace(path, content);
  return size_of(chosen);
}

status fake_archives::index(const backup_id& backup, const server_id& server,
                            const job_id&, std::stop_token stop,
                            const archive_tell& tell) {
  std::unique_lock lock{mutex};
  if (auto planned = enter(lock, stop, "index", backup.view()); !planned)
    return planned;
  const auto at = published.find(backup);
  if (at == published.end())
    return not_found(backup);
  if (at->second.is_damaged)
    return damaged(backup);
  const auto files = at->second.files;
  if (auto told = tell_each(lock, files, stop, tell); !told)
    return told;
  const auto again = published.find(backup);
  if (again == published.end())
    return not_found(backup);
  again->second.has_manifest = true;
  again->second.is_ours = false; // its checksums are as old as this manifest
  again->second.server = server;
  return {};
}

} // namespace alula::jobs
