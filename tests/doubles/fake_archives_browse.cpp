// Archives that are browsed and downloaded, here or from a store.
#include "tests/doubles/fake_archives.hpp"

#include <algorithm>
#include <memory>
#include <sstream>
#include <sys/file.h>
#include <utility>

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

fault path_missing(std::string_view path) {
  return {.code = fault_code::path_not_found,
          .what = "there is no " + std::string{path} + " in the backup"};
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

fault fake_archives::not_found(const backup_id& backup) {
  return {.code = fault_code::backup_not_found,
          .what = "there is no backup " + backup.to_string()};
}

result<open_archive> fake_archives::open_manifest(const backup_id& backup) {
  std::unique_lock lock{mutex};
  if (auto planned = enter(lock, {}, "open_manifest", backup.view()); !planned)
    return std::move(planned).error();
  const auto at = published.find(backup);
  if (at == published.end() || !at->second.has_manifest)
    return fault{.code = fault_code::no_manifest, .what = "no manifest"};
  const auto text = manifest_of(backup, at->second);
  return open_archive{file_of_text(text),
                      static_cast<std::int64_t>(text.size()), 0, "manifest"};
}

result<archive_file> fake_archives::read_manifest(std::string_view beginning,
                                                  std::int64_t size) {
  std::unique_lock lock{mutex};
  if (auto planned = enter(lock, {}, "read_manifest"); !planned)
    return std::move(planned).error();
  std::istringstream in{std::string{beginning}};
  std::string word, backup, server;
  archive_file out;
  archive_facts facts;
  in >> word >> backup >> server >> out.size >> out.modified_at >> facts.sha1
      >> facts.sha256 >> facts.content_bytes >> facts.files;
  const auto whose = backup_id::parse(backup);
  if (!in || word != "manifest" || !whose
      || size != static_cast<std::int64_t>(beginning.size()))
    return fault{.code = fault_code::backup_damaged,
                 .what = "the manifest cannot be used"};
  out.backup = *whose;
  out.server = server_id::parse(server).value_or(server_id{});
  out.has_manifest = true;
  facts.size = out.size;
  out.facts = facts;
  return out;
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
