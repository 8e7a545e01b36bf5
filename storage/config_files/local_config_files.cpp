#include "storage/config_files/local_config_files.hpp"

#include "jobs/log.hpp"
#include "storage/config_files/config_place.hpp"
#include "storage/config_files/formats.hpp"

#include <utility>

namespace alula::storage {

using jobs::config_file;
using jobs::config_outcome;
using jobs::fault;
using jobs::fault_code;
using jobs::log;
using jobs::log_level;
using jobs::result;
using jobs::server_id;

namespace {

constexpr mode_t directory_mode = 0755;
constexpr std::size_t max_notes = 20;

void tell(const server_id& server, const config_outcome& outcome) {
  using effect = config_outcome::effect;
  if (outcome.is == effect::rewritten || outcome.is == effect::created)
    log(log_level::info, "config-file-rewritten",
        {{"server", server.view()}, {"file", outcome.path}});
  const bool is_left = outcome.is == effect::failed;
  for (const auto& note : outcome.notes)
    if (is_left)
      log(log_level::warning, "config-file-left",
          {{"server", server.view()}, {"file", outcome.path}, {"why", note}});
    else
      log(log_level::warning, "config-file-note",
          {{"server", server.view()}, {"file", outcome.path}, {"note", note}});
}

config_outcome left(config_outcome outcome, fault why) {
  outcome.is = config_outcome::effect::failed;
  outcome.notes.insert(outcome.notes.begin(), std::move(why.what));
  return outcome;
}

} // namespace

local_config_files::local_config_files(jobs::volumes& volumes,
                                       config_file_settings settings)
  : volumes_(volumes), settings_(std::move(settings)) {}

result<std::vector<config_outcome>>
local_config_files::rewrite(const server_id& server,
                            const std::vector<config_file>& files,
                            std::stop_token stop) {
  const auto volume = volumes_.open(server);
  if (!volume)
    return volume.error();
  std::vector<config_outcome> outcomes;
  for (const auto& wanted : files) {
    if (stop.stop_requested())
      return fault{fault_code::interrupted,
                   "The rewriting of configuration files was asked to stop."};
    outcomes.push_back(rewrite_one(volume->get(), wanted));
    tell(server, outcomes.back());
  }
  return outcomes;
}

config_outcome
local_config_files::rewrite_one(int volume, const config_file& wanted) const {
  config_outcome outcome;
  outcome.path = wanted.path;
  auto replacements = wanted.replacements;
  for (auto& one : replacements)
    if (one.with.is == jobs::config_value::type::text)
      one.with.text =
          resolve_lookups(one.with.text, settings_.values, outcome.notes);
  const auto place = config_place::find(
      volume, wanted.path, {settings_.uid, settings_.gid, directory_mode});
  if (!place)
    return left(std::move(outcome), place.error());
  const auto text = place->read();
  if (!text)
    return left(std::move(outcome), text.error());
  auto edited = edit_config(wanted.parser, *text, replacements);
  if (!edited)
    return left(std::move(outcome), std::move(edited).error());
  for (auto& note : edited->notes)
    outcome.notes.push_back(std::move(note));
  if (outcome.notes.size() > max_notes)
    outcome.notes.resize(max_notes);
  if (place->exists() && edited->text == *text)
    return outcome;
  if (auto put = place->replace(edited->text); !put)
    return left(std::move(outcome), std::move(put).error());
  outcome.is = place->exists() ? config_outcome::effect::rewritten
                               : config_outcome::effect::created;
  return outcome;
}

} // namespace alula::storage
