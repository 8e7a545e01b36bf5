/// The part of the fake ledger that knows of the life of servers.
#pragma once

#include "jobs/changes.hpp"
#include "jobs/job.hpp"
#include "jobs/server.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace alula::doubles {

template<class Store>
class fake_life_changes {
public:
  using check = jobs::result<void>;
  using now_ms = jobs::time_ms;
  using state = jobs::install_state;

  check apply(const jobs::job_record& job, const jobs::want_power& c,
              now_ms now) {
    const auto row = c.server.empty() ? job.server_row
                     : s().live_server.contains(c.server)
                         ? s().live_server.at(c.server)
                         : 0;
    if (c.unless_start_waits && start_waits(row))
      return {};
    const auto set = [&](auto& r) {
      if (!c.unless_installed || r.installed_at == 0)
        r.wanted_up = c.up;
    };
    return c.server.empty() ? of_row(job.server_row, now, set)
                            : of_uuid(c.server, now, set);
  }
  check apply(const jobs::job_record& job, const jobs::set_transferring& c,
              now_ms now) {
    const auto set = [&](auto& r) { r.transferring = c.transferring; };
    return c.server.empty() ? of_row(job.server_row, now, set)
                            : of_uuid(c.server, now, set);
  }
  check apply(const jobs::job_record&, const jobs::note_crash& c, now_ms now) {
    return of_uuid(c.server, now, [&](auto& r) {
      r.crashed_at = c.at;
      r.crash_exit_code = c.exit_code;
      r.crash_out_of_memory = c.out_of_memory;
    });
  }
  check apply(const jobs::job_record& job, const jobs::want_install&,
              now_ms now) {
    return of_row(job.server_row, now, [](auto& r) {
      if (r.install == state::none)
        r.install = state::wanted;
    });
  }
  check apply(const jobs::job_record& job, const jobs::begin_install&,
              now_ms now) {
    return of_row(job.server_row, now,
                  [](auto& r) { r.install = state::running; });
  }
  check apply(jobs::job_record& job, const jobs::end_install& c, now_ms now) {
    if (!c.successful && another_installs(job))
      return {};
    bool has_ended = false;
    auto changed = of_row(job.server_row, now, [&](auto& r) {
      if (r.install != state::running)
        return;
      has_ended = true;
      r.install = c.successful ? state::done : state::failed;
      if (c.successful)
        r.installed_at = now;
    });
    if (changed && has_ended && c.told)
      return s().apply(job, *c.told, now);
    return changed;
  }

  check apply(const jobs::job_record&, const jobs::set_rotation& c,
              now_ms now) {
    if (!s().live_server.contains(c.server))
      return jobs::fault{.code = jobs::fault_code::server_not_found,
                         .what = "no such server"};
    return of_uuid(c.server, now, [&](auto& r) { r.rotation = c.policy; });
  }

private:
  bool another_installs(const jobs::job_record& ended) {
    return std::ranges::any_of(s().jobs, [&](const auto& each) {
      const auto& job = each.second;
      return job.server_row == ended.server_row && job.row != ended.row
             && !job.is_done() && !job.past_pivot
             && (job.kind == "server.install"
                 || job.kind == "server.reinstall");
    });
  }
  bool start_waits(std::int64_t server_row) {
    return std::ranges::any_of(s().jobs, [&](const auto& each) {
      const auto& job = each.second;
      if (job.server_row != server_row || job.is_done()
          || job.kind != "server.power")
        return false;
      const auto input = nlohmann::json::parse(job.input);
      const auto action = input.value("action", "");
      return (action == "start" || action == "restart")
             && input.value("cause", "").empty();
    });
  }
  template<class Change>
  check of_uuid(const jobs::server_id& uuid, now_ms now, Change change) {
    const auto live = s().live_server.find(uuid);
    return live == s().live_server.end() ? check{}
                                         : of_row(live->second, now, change);
  }
  template<class Change>
  check of_row(std::int64_t number, now_ms now, Change change) {
    const auto at = s().servers.find(number);
    if (at == s().servers.end()
        || at->second.record.state == jobs::server_state::deleted)
      return {};
    auto row = at->second;
    change(row.record);
    s().store(row, now);
    return {};
  }
  Store& s() { return static_cast<Store&>(*this); }
};

} // namespace alula::doubles
