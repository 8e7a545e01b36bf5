#include "app/life_parts.hpp"

#include "app/life_settings.hpp"
#include "app/places.hpp"

namespace alula::app {

namespace {

storage::config_file_settings files_of(const config& c) {
  const auto who = file_owner(c);
  return {.uid = who.uid, .gid = who.gid, .values = {}};
}

} // namespace

life_parts::life_parts(const config& c, remote::docker& docker,
                       jobs::volumes& volumes, jobs::audience& audience,
                       const jobs::clock& clock)
  : settings(life_settings_of(c)),
    factory(docker.link(), factory_settings_of(c)), streams(docker.link()),
    files(volumes, files_of(c)),
    installs(c.system.tmp_directory, c.system.log_directory / "install"),
    board(process_settings_of(c), docker, streams, volumes, audience, clock),
    ports{board, factory, streams, files, installs, settings} {}

} // namespace alula::app
