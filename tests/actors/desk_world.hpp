/// A reading desk over fakes, and an ear for its answers.
#pragma once

#include "actors/reading_desk.hpp"
#include "tests/actors/engine_world.hpp"
#include "tests/contracts/ledger_session.hpp"

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <pthread.h>
#include <set>
#include <string>
#include <utility>

namespace alula::actors_test {

inline std::string this_thread_name() {
  std::array<char, 16> name{};
  pthread_getname_np(pthread_self(), name.data(), name.size());
  return name.data();
}

struct desk_world {
  explicit desk_world(actors::desk_settings settings = {})
    : desk(settings, archives, queries, ledger) {
    log_book();
    if (!ledger.begin(listener))
      FAIL("begin");
    jobs::server_record record{.row = 1, .uuid = server_number(1)};
    store->servers[1].record = record;
    store->live_server[record.uuid] = 1;
  }
  ~desk_world() {
    archives.let_go("browse");
    ledger.release();
  }

  void put(int number, const jobs::server_id& server, bool recorded = true) {
    archives.put(backup(number), server, {{"a", "text"}});
    if (!recorded)
      return;
    const auto file = *archives.inspect(backup(number)).value();
    const std::scoped_lock lock{store->mutex};
    REQUIRE(store->amend({jobs::record_found_backup{file}}, clock.at));
  }
  jobs::result<jobs::backup_record> find(int number,
                                         const jobs::server_id& server = {}) {
    return answer_of<jobs::backup_record>(
        [&](auto done) { desk.find(server, backup(number), std::move(done)); });
  }
  jobs::status pin(int number, bool pinned = true) {
    return answer_of<void>(
        [&](auto done) { desk.pin(backup(number), pinned, std::move(done)); });
  }

  /// Asks every question there is; `done` hears the name of each answer.
  void ask_all(const std::function<void(std::string, bool ok)>& done) {
    const auto hear = [done](std::string name) {
      return [done, name](const auto& answer) { done(name, bool{answer}); };
    };
    desk.find(server_number(1), backup(1), hear("find"));
    desk.list({}, 0, 10, hear("list"));
    desk.usage(hear("usage"));
    desk.pin(backup(1), true, hear("pin"));
    desk.plan_rotation(server_number(1), {}, hear("plan"));
    desk.find_undoable({jobs::make_job_id(1)}, hear("undoable"));
    desk.burn_token("token", 1, hear("burn"));
    desk.browse(backup(1), "", "", 10, hear("browse"));
    desk.open_content(backup(1), "a", hear("content"));
    desk.open(backup(1), hear("open"));
  }
  static constexpr std::size_t questions = 10;

  held_clock clock;
  std::shared_ptr<doubles::fake_store> store =
      std::make_shared<doubles::fake_store>();
  contracts::commit_journal listener;
  doubles::fake_queries queries{store};
  jobs::fake_archives archives;
  doubles::fake_ledger ledger{store, clock};
  actors::reading_desk desk;
};

/// Counts answers, by name.
struct answers : journal {
  std::function<void(std::string, bool)> hear() {
    return [this](const std::string& name, bool ok) {
      {
        const std::scoped_lock lock{mutex};
        threads.insert(this_thread_name());
        if (!ok)
          ++refused;
      }
      write(name);
      write("answer");
    };
  }
  std::mutex mutex;
  std::set<std::string> threads;
  std::size_t refused = 0;
};

} // namespace alula::actors_test
