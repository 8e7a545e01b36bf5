/// A desk in memory: backups are what a test puts in, callbacks come before the
/// call returns.
#pragma once

#include "jobs/backup_desk.hpp"

#include <algorithm>
#include <cstdint>
#include <fcntl.h>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace alula::doubles {

/// A file of memory as an archive would be.
inline jobs::descriptor make_memory_file(const std::string& bytes) {
  jobs::descriptor file{::memfd_create("archive", MFD_CLOEXEC)};
  std::size_t at = 0;
  while (at < bytes.size()) {
    const auto n = ::write(file.get(), bytes.data() + at, bytes.size() - at);
    if (n <= 0)
      break;
    at += static_cast<std::size_t>(n);
  }
  return file;
}

class fake_backup_desk final : public jobs::backup_desk {
public:
  ~fake_backup_desk() override; ///< in fakes.cpp, as is all that is virtual
  // -- the world, set up by the test ------------------------------------------

  std::vector<jobs::backup_record> backups; ///< the oldest first
  std::map<jobs::backup_id, std::string> archives;
  std::map<std::string, std::string> contents; ///< path → bytes
  jobs::browse_page directory;
  jobs::backup_usage used;
  std::vector<jobs::replaced_tree> replaced;
  std::optional<jobs::fault> refuse_undoable;
  std::optional<jobs::fault> refuse_find, refuse_list, refuse_open, refuse_burn,
      refuse_pin, refuse_browse, refuse_rotation;
  std::set<std::string> burnt;
  bool is_busy = false; ///< run() takes nothing
  std::function<void()> before_run;
  std::int64_t content_lies = 0; ///< bytes a reader promises too many

  // -- the journal ------------------------------------------------------------

  struct asked_list {
    jobs::backup_filter filter;
    std::int64_t before;
    std::size_t limit;
  };
  std::vector<asked_list> lists;
  std::vector<std::pair<jobs::backup_id, bool>> pins;
  std::vector<std::pair<jobs::server_id, std::optional<jobs::rotation_policy>>>
      rotations;
  std::vector<std::string> browsed; ///< "path|after|limit"
  std::vector<jobs::time_ms> burnt_until;
  /// As the ledger does, it lets go of them later.
  std::vector<std::function<void(jobs::result<bool>)>> told_of_burning;
  int runs = 0;
  std::shared_ptr<int> readers = std::make_shared<int>(0); ///< open now
  std::size_t largest_read = 0;

  jobs::backup_record& put(jobs::backup_record backup) {
    backup.row = static_cast<std::int64_t>(backups.size()) + 1;
    return backups.emplace_back(std::move(backup));
  }

  // -- jobs::backup_desk ------------------------------------------------------

  void
  find(jobs::server_id server, jobs::backup_id backup,
       std::function<void(jobs::result<jobs::backup_record>)> done) override {
    if (refuse_find)
      return done(*refuse_find);
    for (const auto& b : backups)
      if (b.uuid == backup
          && (server.empty() || b.server.empty() || b.server == server))
        return done(b);
    done(jobs::fault{.code = jobs::fault_code::backup_not_found,
                     .what = "there is no backup " + backup.to_string()});
  }

  void
  list(jobs::backup_filter filter, std::int64_t before, std::size_t limit,
       std::function<void(jobs::result<jobs::backup_page>)> done) override {
    lists.push_back({filter, before, limit});
    if (refuse_list)
      return done(*refuse_list);
    jobs::backup_page page;
    for (auto b = backups.rbegin(); b != backups.rend(); ++b) {
      const bool fits = (before == 0 || b->row < before)
                        && (filter.server.empty() || filter.server == b->server)
                        && (!filter.orphaned || !b->server_lives)
                        && (!filter.state || *filter.state == b->state);
      if (!fits)
        continue;
      if (page.items.size() == limit) {
        page.next_before = page.items.back().row;
        break;
      }
      page.items.push_back(*b);
    }
    done(std::move(page));
  }

  void
  usage(std::function<void(jobs::result<jobs::backup_usage>)> done) override {
    done(used);
  }

  void pin(jobs::backup_id backup, bool pinned,
           std::function<void(jobs::status)> done) override {
    pins.emplace_back(backup, pinned);
    refuse_pin ? done(*refuse_pin) : done({});
  }

  void set_rotation(jobs::server_id server,
                    std::optional<jobs::rotation_policy> policy,
                    std::function<void(jobs::status)> done) override {
    rotations.emplace_back(server, policy);
    refuse_rotation ? done(*refuse_rotation) : done({});
  }

  void plan_rotation(
      jobs::server_id server, jobs::rotation_policy policy,
      std::function<void(jobs::result<std::vector<jobs::rotation_choice>>)>
          done) override {
    std::vector<jobs::backup_record> mine;
    for (const auto& b : backups)
      if (b.server == server)
        mine.push_back(b);
    done(jobs::choose_for_rotation(std::move(mine), policy));
  }

  void find_undoable(
      std::vector<jobs::job_id> restores,
      std::function<void(jobs::result<std::vector<jobs::replaced_tree>>)> done)
      override {
    if (refuse_undoable)
      return done(*refuse_undoable);
    std::vector<jobs::replaced_tree> out;
    for (const auto& tree : replaced)
      if (tree.can_be_taken_back()
          && std::ranges::count(restores, tree.replaced_by) > 0)
        out.push_back(tree);
    done(std::move(out));
  }

  void burn_token(std::string id, jobs::time_ms expires_at,
                  std::function<void(jobs::result<bool>)> done) override {
    if (refuse_burn)
      return done(*refuse_burn);
    burnt_until.push_back(expires_at);
    done(burnt.insert(std::move(id)).second);
    told_of_burning.push_back(std::move(done));
  }

  void
  browse(jobs::backup_id, std::string path, std::string after,
         std::size_t limit,
         std::function<void(jobs::result<jobs::browse_page>)> done) override {
    browsed.push_back(path + '|' + after + '|' + std::to_string(limit));
    refuse_browse ? done(*refuse_browse) : done(directory);
  }

  void open_content(
      jobs::backup_id, std::string path,
      std::function<void(jobs::result<std::unique_ptr<jobs::content_reader>>)>
          done) override {
    const auto found = contents.find(path);
    if (found == contents.end())
      return done(jobs::fault{.code = jobs::fault_code::path_not_found,
                              .what = "the backup has no " + path});
    std::unique_ptr<jobs::content_reader> made =
        std::make_unique<reader>(*this, found->second);
    done(std::move(made));
  }

  void
  open(jobs::backup_id backup,
       std::function<void(jobs::result<jobs::open_archive>)> done) override {
    const auto found = archives.find(backup);
    if (refuse_open)
      return done(*refuse_open);
    if (found == archives.end())
      return done(jobs::fault{.code = jobs::fault_code::backup_not_found,
                              .what = "no archive"});
    done(jobs::open_archive{make_memory_file(found->second),
                            static_cast<std::int64_t>(found->second.size()),
                            1'799'999'000'000, backup.to_string() + ".tar.gz"});
  }

  bool run(std::function<void()> what) override {
    if (is_busy)
      return false;
    ++runs;
    if (before_run)
      before_run();
    what();
    return true;
  }

private:
  class reader final : public jobs::content_reader {
  public:
    reader(fake_backup_desk& desk, std::string bytes)
      : desk_(desk), open_(desk.readers), bytes_(std::move(bytes)) {
      ++*open_;
    }
    ~reader() override { --*open_; }
    std::int64_t size() const override {
      return static_cast<std::int64_t>(bytes_.size()) + desk_.content_lies;
    }
    jobs::time_ms modified_at() const override { return 1'799'998'000'000; }
    jobs::status read_while(const std::function<bool()>&, std::size_t most,
                            std::string& out) override {
      desk_.largest_read = std::max(desk_.largest_read, most);
      const auto piece = bytes_.substr(at_, most);
      at_ += piece.size();
      out += piece;
      return {};
    }

  private:
    fake_backup_desk& desk_;
    std::shared_ptr<int> open_;
    std::string bytes_;
    std::size_t at_ = 0;
  };
};

} // namespace alula::doubles
