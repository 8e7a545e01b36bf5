/// Where the contracts of jobs::archives are kept: what a test of an
/// implementation brings, and the verbs of the suites.
#pragma once

#include "jobs/archives.hpp"

#include <catch2/catch.hpp>

#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace alula::contracts {

/// A fresh, empty backup directory with the port on it, a volume and an empty
/// staging directory.
struct archives_world {
  using tree = std::map<std::string, std::string>; ///< path → content
  virtual ~archives_world() = default;
  virtual jobs::archives& port() = 0;
  virtual const jobs::descriptor& volume() = 0;
  virtual const jobs::descriptor& staging() = 0;
  /// Makes the volume hold exactly these files.
  virtual void fill(const tree& files) = 0;
  virtual tree staged() = 0;
  /// Puts an archive there as stock Wings leaves it: no manifest.
  virtual void put_foreign(const jobs::backup_id& backup,
                           const tree& files) = 0;
  /// Changes a byte in the middle of a published archive.
  virtual void damage(const jobs::backup_id& backup) = 0;
};

inline std::string all_of(jobs::content_reader& from) {
  std::string out;
  for (std::size_t before = 1; before != out.size();) {
    before = out.size();
    REQUIRE(from.read(1000, out));
  }
  return out;
}

inline std::vector<std::string> names_of(const jobs::browse_page& page) {
  std::vector<std::string> out;
  for (const auto& item : page.items)
    out.push_back(item.name);
  return out;
}

/// The verbs of the suites below.
struct archives_stage {
  using code = jobs::fault_code;
  std::unique_ptr<archives_world> world;
  jobs::archives& port = world->port();
  jobs::backup_id backup =
      *jobs::backup_id::parse("3f2b7c1e-90ab-4cde-8f01-23456789abcd");
  jobs::backup_id other =
      *jobs::backup_id::parse("4f2b7c1e-90ab-4cde-8f01-23456789abcd");
  jobs::server_id server =
      *jobs::server_id::parse("8d3fb5e2-5c47-4f0a-9b1e-0d3a2c1f5a7d");
  jobs::job_id job =
      *jobs::job_id::parse("0199c1de-0000-7000-8000-000000000001");
  jobs::job_id later =
      *jobs::job_id::parse("0199c1de-0000-7000-8000-000000000002");

  archives_world::tree files{{"level.dat", std::string(5'000, 'l')},
                             {"logs/latest.log", "started\n"},
                             {"world/region/r.0.0.mca", "chunk"},
                             {"world/session.lock", ""}};

  jobs::archive_order order(const jobs::job_id& of) const {
    jobs::archive_order out;
    out.backup = backup;
    out.server = server;
    out.job = of;
    out.created_at = 1'700'000'000'000;
    return out;
  }
  jobs::result<jobs::archive_made> write(std::stop_token stop = {},
                                         const jobs::archive_tell& tell = {}) {
    return port.write(world->volume(), order(job), stop, tell);
  }
  jobs::archive_made make() {
    world->fill(files);
    auto made = write();
    REQUIRE(made);
    REQUIRE(port.publish(backup, job));
    return *made;
  }
  std::optional<jobs::archive_file> inspect() {
    auto found = port.inspect(backup);
    REQUIRE(found);
    return *found;
  }
};

template<class Result>
void fails_with(const Result& got, jobs::fault_code code) {
  REQUIRE_FALSE(got);
  CHECK(got.error().code == code);
  CHECK_FALSE(got.error().what.empty());
}

} // namespace alula::contracts
