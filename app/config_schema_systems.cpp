// The keys about systems and their backups; all of them are ours.
#include "app/config_schema.hpp"

namespace alula::app {

namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::int64_t most_mib = std::int64_t{1} << 30; ///< a pebibyte

} // namespace

std::vector<known_key> system_keys() {
  return {
      {"systems.directory", path_rule{[](config& c) -> std::filesystem::path& {
         return c.systems.directory;
       }}},
      {"systems.upload_limit", integer_rule{1, most_mib,
                                            [](config& c) -> std::int64_t& {
                                              return c.systems.upload_limit;
                                            }}},
      {"systems.backups_per_system",
       integer_rule{1, 10'000,
                    [](config& c) -> std::int64_t& {
                      return c.systems.backups_per_system;
                    }}},
      {"systems.size_per_system",
       integer_rule{1, most_mib,
                    [](config& c) -> std::int64_t& {
                      return c.systems.size_per_system;
                    }}},
      {"systems.size_per_organization",
       integer_rule{0, most_mib,
                    [](config& c) -> std::int64_t& {
                      return c.systems.size_per_organization;
                    }}},
      {"systems.uploads_per_minute",
       integer_rule{0, 10'000,
                    [](config& c) -> std::int64_t& {
                      return c.systems.uploads_per_minute;
                    }}},
      {"systems.uploads_per_hour",
       integer_rule{0, 100'000,
                    [](config& c) -> std::int64_t& {
                      return c.systems.uploads_per_hour;
                    }}},
      {"systems.slowest_upload", integer_rule{1, 1'000'000,
                                              [](config& c) -> std::int64_t& {
                                                return c.systems.slowest_upload;
                                              }}},
      {"systems.requests_per_second",
       integer_rule{0, 100'000,
                    [](config& c) -> std::int64_t& {
                      return c.systems.requests_per_second;
                    }}},
      {"systems.link_lifetime", duration_rule{seconds{1}, minutes{15},
                                              [](config& c) -> milliseconds& {
                                                return c.systems.link_lifetime;
                                              }}},
      {"systems.public_url", url_rule{[](config& c) -> std::string& {
         return c.systems.public_url;
       }}},
      {"jobs.pools.upload", integer_rule{1, 64,
                                         [](config& c) -> std::int64_t& {
                                           return c.jobs.pools.upload;
                                         }}},
  };
}

} // namespace alula::app
