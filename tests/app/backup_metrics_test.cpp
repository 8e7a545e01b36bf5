#include "app/backup_metrics.hpp"

#include <catch2/catch.hpp>

#include <memory>
#include <optional>
#include <prometheus/metric_family.h>
#include <string>
#include <vector>

using namespace alula;

namespace {

constexpr jobs::time_ms noon = 1'700'000'000'000;
constexpr const char* of_each = "alula_last_good_backup_age_seconds";

/// One registry, its figures, and the servers of a node.
struct node_with_backups {
  prometheus::Registry registry;
  app::backup_metrics figures{registry};
  std::vector<jobs::server_ptr> servers;
  jobs::backup_usage usage;

  /// `newest`: ms before noon; nothing: it has no good backup.
  void has(const std::string& uuid, std::optional<jobs::time_ms> newest = {}) {
    jobs::server_record server;
    server.uuid = jobs::server_id::parse(uuid).value();
    if (newest)
      usage.servers.push_back(
          {.server = server.uuid, .backups = 1, .newest_at = noon - *newest});
    servers.push_back(std::make_shared<const jobs::server_record>(server));
  }

  void show() { figures.show(usage, servers, noon); }

  /// All values of a gauge.
  std::vector<double> shown(const std::string& name) const {
    std::vector<double> out;
    for (const auto& family : registry.Collect())
      if (family.name == name)
        for (const auto& one : family.metric)
          out.push_back(one.gauge.value);
    return out;
  }
};

std::string uuid_of(int number) {
  const auto digits = std::to_string(number);
  return "00000000-0000-4000-8000-" + std::string(12 - digits.size(), '0')
         + digits;
}

} // namespace

TEST_CASE("a server without a good backup is counted and has no age", "[app]") {
  node_with_backups node;
  node.has(uuid_of(1), 60'000);
  node.has(uuid_of(2));
  node.show();
  CHECK(node.shown("alula_servers") == std::vector<double>{2});
  CHECK(node.shown("alula_servers_without_backup") == std::vector<double>{1});
  CHECK(node.shown(of_each) == std::vector<double>{60});
}

TEST_CASE("the oldest of the last good backups is told by itself", "[app]") {
  node_with_backups node;
  node.has(uuid_of(1), 60'000);
  node.has(uuid_of(2), 3'600'000);
  node.show();
  CHECK(node.shown("alula_last_good_backup_age_seconds_max")
        == std::vector<double>{3'600});
}

TEST_CASE("what lies on the node's own disk is told besides all there is",
          "[app]") {
  node_with_backups node;
  node.usage.bytes = 300;
  node.usage.local_bytes = 100;
  node.show();
  CHECK(node.shown("alula_backups_bytes") == std::vector<double>{300});
  CHECK(node.shown("alula_backups_local_bytes") == std::vector<double>{100});
}

TEST_CASE("how long a backup was not verified is told, and none of none",
          "[app]") {
  constexpr const char* unread = "alula_backup_unverified_seconds_max";
  node_with_backups node;
  node.show();
  CHECK(node.shown(unread) == std::vector<double>{0});
  node.usage.oldest_read_at = noon - 60'000;
  node.show();
  CHECK(node.shown(unread) == std::vector<double>{60});
}

TEST_CASE("a server that is gone takes its series with it", "[app]") {
  node_with_backups node;
  node.has(uuid_of(1), 60'000);
  node.show();
  node.servers.clear();
  node.show();
  CHECK(node.shown(of_each).empty());
}

TEST_CASE("of very many servers only the worst age is told", "[app]") {
  node_with_backups node;
  for (int i = 0; i < 201; ++i)
    node.has(uuid_of(i), 1'000 * i);
  node.show();
  CHECK(node.shown(of_each).empty());
  CHECK(node.shown("alula_last_good_backup_age_seconds_max")
        == std::vector<double>{200});
}

TEST_CASE("a backup that was made tells its bytes, a failed one none",
          "[app]") {
  prometheus::Registry registry;
  app::backup_metrics figures{registry};
  const auto written = [&] {
    for (const auto& family : registry.Collect())
      if (family.name == "alula_backup_archive_bytes_total")
        return family.metric.at(0).counter.value;
    return -1.0;
  };
  jobs::job_record job;
  job.kind = "backup.create";
  job.result = R"({"size": 10, "content_bytes": 40})";
  job.started_at = noon;
  job.finished_at = noon + 2'000;
  job.state = jobs::job_state::failed;
  figures.ended(job);
  CHECK(written() == 0);
  job.state = jobs::job_state::succeeded;
  figures.ended(job);
  CHECK(written() == 10);
}
