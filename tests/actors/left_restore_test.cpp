// What becomes of a server's files when a restore of it is given up.
#include "tests/actors/backup_node.hpp"

using namespace alula;
using namespace alula::actors_test;
using jobs::job_state;

namespace {

const jobs::fault for_good{.code = jobs::fault_code::docker_refused,
                           .what = "no"};

struct left_world : backup_node {
  left_world() { put_backup(1, 1); }

  /// Parked between its two renames.
  jobs::job_id half_way() {
    volumes.fail_next("replace", for_good);
    const auto restore = submit(jobs::restore_backup, 1, restore_body(1));
    until(restore, job_state::parked);
    const std::scoped_lock lock{volumes.mutex};
    volumes.trash[restore.to_string()] = volumes.live.at(server_number(1));
    volumes.live.erase(server_number(1));
    return restore;
  }
  bool is_back() {
    const std::scoped_lock lock{volumes.mutex};
    const auto at = volumes.live.find(server_number(1));
    return at != volumes.live.end() && at->second.files == 3
           && volumes.trash.empty() && volumes.staging.empty();
  }
  std::int64_t reserved() {
    const std::scoped_lock lock{volumes.mutex, archives.mutex};
    return static_cast<std::int64_t>(volumes.reserved.size()
                                     + archives.reserved.size());
  }
};

} // namespace

TEST_CASE("a restore that is abandoned half-way gives the files back",
          "[actors]") {
  left_world w;
  w.boot();
  const auto restore = w.half_way();
  CHECK(w.reserved() > 0);
  REQUIRE(w.abandon(restore));
  w.eventually([&] { return w.is_back(); });
  w.eventually([&] { return w.reserved() == 0; });
  CHECK(w.now(restore).state == job_state::failed);
  CHECK(w.engine->find_server(server_number(1))->state
        == jobs::server_state::active);
}

TEST_CASE("a boot gives the files back when nobody else came to it",
          "[actors]") {
  left_world w;
  w.boot();
  const auto restore = w.half_way();
  w.crash();
  w.give_up_in_ledger(restore);
  w.boot();
  w.eventually([&] { return w.is_back(); });
}

TEST_CASE("a restore that a delete sends away half-way leaves nothing",
          "[actors]") {
  left_world w;
  w.boot();
  const auto restore = w.half_way();
  const auto deletion = w.submit(jobs::delete_server, 1);
  CHECK(w.end_of(deletion).state == job_state::succeeded);
  CHECK(w.now(restore).error->code == jobs::fault_code::abandoned);
  w.eventually([&] {
    const std::scoped_lock lock{w.volumes.mutex};
    return w.volumes.trash.empty() && w.volumes.staging.empty()
           && !w.volumes.live.contains(server_number(1));
  });
}
