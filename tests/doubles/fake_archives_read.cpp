// Archives that are verified, unpacked, browsed and downloaded.
#include "tests/doubles/fake_archives.hpp"

#include <algorithm>
#include <memory>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

namespace alula::jobs {

namespace {

class text_reader final : public content_reader {
public:
  text_reader(std::string text, time_ms at)
    : text_(std::move(text)), modified_at_(at) {}
  std::int64_t size() const override {
    return static_cast<std::int64_t>(text_.size());
  }
  time_ms modified_at() const override { return modified_at_; }
  status read_while(const std::function<bool()>&, std::size_t most,
                    std::string& out) override {
    const auto part = text_.substr(at_, most);
    at_ += part.size();
    out += part;
    return {};
  }

private:
  std::string text_;
  time_ms modified_at_;
  std::size_t at_ = 0;
};

fault not_found(const backup_id& backup) {
  return {.code = fault_code::backup_not_found,
          .what = "there is no backup " + backup.to_string()};
}

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

fault path_missing(std::string_view path) {
  return {.code = fault_code::path_not_found,
          .what = "there is no " + std::string{path} + " in the backup"};
}

bool is_chosen(const std::vector<std::string>& paths, const std::string& path) {
  return paths.empty()
         || std::ranges::any_of(paths, [&](const std::string& one) {
              return path == one || path.starts_with(one + '/');
            });
}

result<browse_page> page_of(const fake_archives::stored& from,
                            const std::string& path, std::string_view after,
                            std::size_t limit) {
  const auto prefix = path.empty() ? path : path + '/';
  std::map<std::string, browse_item> children;
  for (const auto& [name, content] : from.files) {
    if (!name.starts_with(prefix))
      continue;
    const auto rest = name.substr(prefix.size());
    const auto slash = rest.find('/');
    browse_item item;
    item.name = rest.substr(0, slash);
    item.modified_at = from.modified_at;
    if (slash != std::string::npos) {
      item.is = browse_item::type::directory;
      item.mode = 0755;
    } else {
      item.size = static_cast<std::int64_t>(content.size());
      item.mode = 0644;
    }
    children.try_emplace(item.name, item);
  }
  if (children.empty() && !path.empty())
    return path_missing(path);
  browse_page page;
  for (auto at = children.upper_bound(std::string{after}); at != children.end();
       ++at) {
    if (page.items.size() == limit) {
      page.next = page.items.back().name;
      break;
    }
    page.items.push_back(at->second);
  }
  return page;
}

} // namespace

result<open_archive> fake_archives::open_manifest(const backup_id& backup) {
  std::unique_lock lock{mutex};
  if (auto planned = enter(lock, {}, "open_manifest", backup.view()); !planned)
    return std::move(planned).error();
  const auto at = published.find(backup);
  if (at == published.end() || !at->second.has_manifest)
    return fault{.code = fault_code::no_manifest, .what = "no manifest"};
  descriptor file{::memfd_create("manifest", MFD_CLOEXEC)};
  const auto text = manifest_of(at->second);
  (void)!::write(file.get(), text.data(), text.size());
  return open_archive{std::move(file), static_cast<std::int64_t>(text.size()),
                      0, "manifest"};
}

result<archive_piece> fake_archives::find_piece(const backup_id& backup,
                                                std::string_view path) {
  std::unique_lock lock{mutex};
  if (auto planned = enter(lock, {}, "find_piece", backup.view(), path);
      !planned)
    return std::move(planned).error();
  const auto found = find_indexed(backup);
  if (!found)
    return found.error();
  // As make() puts them one behind the other; with what the next one begins
  // with, which is where this one ends.
  auto at = std::string_view{"archive of "}.size() + backup.view().size();
  for (const auto& [name, content] : (*found)->files) {
    const auto length = name.size() + content.size() + 2;
    if (name == path) {
      const auto size = (*found)->facts.size;
      const auto begin = static_cast<std::int64_t>(at);
      return archive_piece{
          begin, std::min(static_cast<std::int64_t>(length) + 1, size - begin),
          size};
    }
    at += length;
  }
  return path_missing(path);
}

result<std::unique_ptr<content_reader>>
fake_archives::open_piece(const backup_id& backup, std::string_view path,
                          descriptor piece) {
  std::unique_lock lock{mutex};
  if (auto planned = enter(lock, {}, "open_piece", backup.view(), path);
      !planned)
    return std::move(planned).error();
  const auto files = tree_in(text_in(piece));
  const auto at = files.find(std::string{path});
  if (at == files.end())
    return path_missing(path);
  return std::unique_ptr<content_reader>{
      std::make_unique<text_reader>(at->second, now)};
}

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
    return text_in(part->second) == manifest_of_ours;
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

result<browse_page> fake_archives::browse(const backup_id& backup,
                                          std::string_view path,
                                          std::string_view after,
                                          std::size_t limit) {
  std::unique_lock lock{mutex};
  if (auto planned = enter(lock, {}, "browse", backup.view(), path); !planned)
    return std::move(planned).error();
  const auto found = find_indexed(backup);
  if (!found)
    return found.error();
  return page_of(**found, std::string{path}, after, limit);
}

result<std::unique_ptr<content_reader>>
fake_archives::open_content(const backup_id& backup, std::string_view path) {
  std::unique_lock lock{mutex};
  if (auto planned = enter(lock, {}, "open_content", backup.view(), path);
      !planned)
    return std::move(planned).error();
  const auto found = find_indexed(backup);
  if (!found)
    return found.error();
  const auto at = (*found)->files.find(std::string{path});
  if (at == (*found)->files.end())
    return path_missing(path);
  return std::unique_ptr<content_reader>{
      std::make_unique<text_reader>(at->second, (*found)->modified_at)};
}

result<open_archive> fake_archives::open(const backup_id& backup) {
  std::unique_lock lock{mutex};
  if (auto planned = enter(lock, {}, "open", backup.view()); !planned)
    return std::move(planned).error();
  const auto at = published.find(backup);
  if (at == published.end())
    return not_found(backup);
  auto mine = reopen(at->second.file);
  ::flock(mine.get(), LOCK_SH | LOCK_NB);
  return open_archive{std::move(mine), at->second.facts.size,
                      at->second.modified_at, backup.to_string() + ".tar.gz"};
}

result<const fake_archives::stored*>
fake_archives::find_indexed(const backup_id& backup) const {
  const auto gone = dropped.find(backup);
  if (gone != dropped.end() && !published.contains(backup))
    return &gone->second;
  const auto at = published.find(backup);
  if (at == published.end())
    return not_found(backup);
  if (!at->second.has_manifest)
    return fault{.code = fault_code::no_manifest,
                 .what = "the archive has not been indexed"};
  return &at->second;
}

} // namespace alula::jobs
