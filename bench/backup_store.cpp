/// A backup, one file out of it, a restore, or a purge, through the same code
/// alula uses; for bench/backup.
///
///   backup_store write   <backups> <volume>            <backup uuid>
///   backup_store verify  <backups>                     <backup uuid>
///   backup_store extract <backups> <empty directory>   <backup uuid>
///   backup_store restore <backups> <empty directory>   <backup uuid>
///   backup_store content <backups> <path in the backup> <backup uuid>
///   backup_store purge   <directory> <name in it>
///
/// A restore is both: verify, by the SHA-256 alone where the archive is ours,
/// then extract, as the job does. `verify` alone looks at all of it. Prints one
/// line of JSON: seconds, from when it has started on, bytes, files and sha1.
#include "backup/digest.hpp"
#include "backup/file_io.hpp"
#include "backup/local_archives.hpp"
#include "storage/file_system.hpp"
#include "storage/tree_removal.hpp"

#include <chrono>
#include <cstdio>
#include <fcntl.h>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace alula;

struct measured {
  std::int64_t bytes = 0;
  std::int64_t files = 0;
  std::string sha1; ///< of an archive, or of the content
};

constexpr std::size_t piece = std::size_t{1024} * 1024;

jobs::descriptor directory(const std::string& path) {
  return jobs::descriptor{
      ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
}

jobs::result<measured> write(jobs::archives& store, const std::string& volume,
                             const jobs::backup_id& backup) {
  jobs::archive_order order;
  order.backup = backup;
  order.job = jobs::make_job_id(0);
  auto made = store.write(directory(volume), order, {}, {});
  if (!made)
    return std::move(made).error();
  if (auto published = store.publish(backup, order.job); !published)
    return std::move(published).error();
  return measured{made->facts.size, made->facts.files, made->facts.sha1};
}

jobs::result<measured> content(jobs::archives& store, const std::string& path,
                               const jobs::backup_id& backup) {
  auto reader = store.open_content(backup, path);
  if (!reader)
    return std::move(reader).error();
  measured out{.bytes = 0, .files = 1, .sha1 = {}};
  backup::digest hash{backup::sums::sha1};
  for (std::string data;; data.clear()) {
    if (auto read = (*reader)->read(piece, data); !read)
      return std::move(read).error();
    if (data.empty()) {
      out.sha1 = hash.finish().sha1;
      return out;
    }
    hash.update(backup::view_of(data));
    out.bytes += static_cast<std::int64_t>(data.size());
  }
}

/// As local_volumes purges the trash, the sync of the directory included.
jobs::result<measured> purge(const std::string& directory,
                             const std::string& name) {
  auto parent = storage::open_root(directory, std::nullopt);
  if (!parent)
    return std::move(parent).error();
  auto gone = storage::remove_tree(*parent, name, {}, {});
  if (!gone)
    return std::move(gone).error();
  if (auto synced = storage::sync_directory(*parent); !synced)
    return std::move(synced).error();
  return measured{gone->bytes, gone->entries, {}};
}

/// By what is known of the archive.
jobs::result<measured> verify(jobs::archives& store,
                              const jobs::backup_id& backup,
                              jobs::check_depth depth) {
  const auto file = store.inspect(backup);
  if (!file)
    return file.error();
  jobs::archive_expectation expected;
  expected.whom = jobs::check_for::who_waits;
  expected.depth = depth;
  if (*file && (*file)->facts) {
    expected.sha1 = (*file)->facts->sha1;
    expected.sha256 = (*file)->facts->sha256;
  }
  auto seen = store.verify(backup, expected, {}, {});
  if (!seen)
    return std::move(seen).error();
  return measured{seen->facts.size, seen->facts.files, seen->facts.sha1};
}

jobs::result<measured> in_store(const std::string& what, jobs::archives& store,
                                const std::string& place,
                                const jobs::backup_id& backup) {
  if (what == "write")
    return write(store, place, backup);
  if (what == "content")
    return content(store, place, backup);
  if (what == "verify")
    return verify(store, backup, jobs::check_depth::whole);
  if (what == "restore")
    if (auto seen = verify(store, backup, jobs::check_depth::sum_of_ours);
        !seen)
      return seen;
  jobs::extraction_order order;
  order.backup = backup;
  auto back = store.extract(order, directory(place), {}, {});
  if (!back)
    return std::move(back).error();
  return measured{back->bytes, back->files, {}};
}

jobs::result<measured> run(const std::vector<std::string>& words) {
  if (words.front() == "purge")
    return purge(words[1], words[2]);
  const auto backup = jobs::backup_id::parse(words.back());
  if (!backup)
    return jobs::fault{.code = jobs::fault_code::validation,
                       .what = "the last word is no uuid"};
  backup::store_settings settings;
  settings.directory = words[1];
  settings.idle_io = false; // what is measured is not the others on the disk
  auto store = backup::local_archives::open(settings);
  if (!store)
    return std::move(store).error();
  return in_store(words.front(), **store, words[2], *backup);
}

} // namespace

int main(int count, char** words) {
  if (count < 4) {
    std::fputs("backup_store: see its first lines\n", stderr);
    return 2;
  }
  const auto begin = std::chrono::steady_clock::now();
  const auto done = run({words + 1, words + count});
  const std::chrono::duration<double> taken =
      std::chrono::steady_clock::now() - begin;
  if (!done) {
    std::fprintf(stderr, "backup_store: %s\n", done.error().what.c_str());
    return 1;
  }
  std::printf("{\"seconds\":%.6f,\"bytes\":%lld,\"files\":%lld,"
              "\"sha1\":\"%s\"}\n",
              taken.count(), static_cast<long long>(done->bytes),
              static_cast<long long>(done->files), done->sha1.c_str());
  return 0;
}
