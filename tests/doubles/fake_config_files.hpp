/// Configuration files in memory: what they were told to say, a journal, and
/// faults that the next calls run into.
#pragma once

#include "jobs/config_files.hpp"

#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace alula::jobs {

/// Knows no formats: a file is the map of its matches to their values. Any
/// thread may call; the public members are for the test, before and after, or
/// under `mutex`.
class fake_config_files final : public config_files {
public:
  using file = std::map<std::string, std::string, std::less<>>;

  std::mutex mutex;
  /// The servers that have a volume; everybody when empty.
  std::set<server_id> volumes;
  std::map<server_id, std::map<std::string, file, std::less<>>> held;
  /// Paths that cannot be understood.
  std::set<std::string, std::less<>> broken;
  /// "8d3fb5e2-… server.properties", one per file.
  std::vector<std::string> journal;
  std::deque<fault> faults;

  void fail_next(fault why, int times = 1) {
    const std::lock_guard guard{mutex};
    for (int i = 0; i < times; ++i)
      faults.push_back(why);
  }

  result<std::vector<config_outcome>>
  rewrite(const server_id& server, const std::vector<config_file>& files,
          std::stop_token stop) override {
    const std::lock_guard guard{mutex};
    if (!faults.empty()) {
      auto planned = std::move(faults.front());
      faults.pop_front();
      return planned;
    }
    if (!volumes.empty() && !volumes.contains(server))
      return fault{fault_code::volume_obstructed, "There is no volume."};
    std::vector<config_outcome> outcomes;
    for (const auto& one : files) {
      if (stop.stop_requested())
        return fault{fault_code::interrupted, "Asked to stop."};
      journal.push_back(server.to_string() + " " + one.path);
      outcomes.push_back(write(held[server], one));
    }
    return outcomes;
  }

private:
  using effect = config_outcome::effect;

  static bool is_known(std::string_view parser) {
    for (const std::string_view known :
         {"file", "yaml", "yml", "properties", "ini", "json", "xml"})
      if (parser == known)
        return true;
    return false;
  }

  config_outcome write(std::map<std::string, file, std::less<>>& all,
                       const config_file& wanted) {
    config_outcome outcome{.path = wanted.path};
    if (!is_known(wanted.parser) || broken.contains(wanted.path)
        || wanted.path.find("..") != std::string::npos) {
      outcome.is = effect::failed;
      outcome.notes.emplace_back("It cannot be rewritten.");
      return outcome;
    }
    const auto [at, is_new] = all.try_emplace(wanted.path);
    auto next = at->second;
    for (const auto& one : wanted.replacements) {
      const auto found = next.find(one.match);
      if (one.if_value.empty()
          || (found != next.end() && found->second == one.if_value))
        next.insert_or_assign(one.match, one.with.text);
    }
    if (is_new)
      outcome.is = effect::created;
    else if (next != at->second)
      outcome.is = effect::rewritten;
    at->second = std::move(next);
    return outcome;
  }
};

} // namespace alula::jobs
