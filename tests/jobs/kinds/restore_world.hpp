/// A server that runs, and a backup of it.
#pragma once

#include "tests/jobs/kinds/backup_world.hpp"

#include <algorithm>
#include <string>
#include <string_view>

namespace alula::jobs {

struct restore_world : backup_world {
  restore_world() {
    put_backup(1);
    docker.put("c0ffee", id.to_string());
  }

  static std::string body_of(int number, bool truncate = true) {
    return nlohmann::json{{"adapter", "wings"},
                          {"backup", backup(number).view()},
                          {"truncate_directory", truncate}}
        .dump();
  }

  /// The archive of a backup lies in a store of ours from now on, and nowhere
  /// else; the node has to know its far places.
  backup_record far_only(int number) {
    const auto uuid = std::string{backup(number).view()};
    const nlohmann::json copy{{"backup", uuid}, {"to", "offsite"}};
    CHECK(run_to_end(copy_backup, copy.dump()).state == job_state::succeeded);
    const nlohmann::json drop{{"backup", uuid}, {"place", "local"}};
    CHECK(run_to_end(drop_copy, drop.dump()).state == job_state::succeeded);
    return record(number).value();
  }

  /// A step has reported it.
  bool was_heard(std::string_view message) const {
    return std::ranges::find(reports, message, &progress::message)
           != reports.end();
  }
  bool runs() { return docker.by_id.at("c0ffee").info.running; }
  /// The server is as it was before anybody asked.
  void check_untouched() {
    CHECK(disk.live.at(id).files == 3);
    CHECK(disk.staging.empty());
    CHECK(disk.trash.empty());
    CHECK(disk.reserved.empty());
    CHECK(store->replaced.empty());
    CHECK(state_of_server() == server_state::active);
    CHECK(runs());
    CHECK(record(1)->state == backup_state::ready);
  }
};

} // namespace alula::jobs
