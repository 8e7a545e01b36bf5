/// Another node that takes servers, in memory: a script of how the next pushes
/// end, and what it got.
#pragma once

#include "jobs/node_links.hpp"

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace alula::jobs {

class fake_node_links final : public node_links {
public:
  ~fake_node_links() override; ///< in fakes.cpp

  /// How the next pushes end; 200 when nothing is planned. A fault
  /// node_unavailable comes before the archive is asked for, others behind it.
  std::deque<fault> plan;
  /// Called once everything is sent, before the answer.
  std::function<void()> before_answer;
  /// The answer never comes: the push ends when it is asked to stop.
  bool answers = true;

  std::vector<node_address> asked;
  std::string taken;  ///< the archive of the last push
  std::string sha256; ///< and the checksum behind it

  status check(const std::string& url) const override {
    return url.find("169.254.") == std::string::npos
               ? status{}
               : status{fault{.code = fault_code::link_refused,
                              .what = "no node can be there"}};
  }

  status push(const node_address& to, const archive_maker& make,
              const std::function<void()>& awaits,
              std::stop_token stop) override {
    asked.push_back(to);
    std::optional<fault> end;
    if (!plan.empty()) {
      end = std::move(plan.front());
      plan.pop_front();
    }
    if (end && end->code == fault_code::node_unavailable)
      return *end;
    taken.clear();
    const auto made = make([&](std::string_view piece) -> status {
      taken += piece;
      return {};
    });
    if (!made)
      return made.error();
    if (end && end->code == fault_code::interrupted)
      return *end; // broken off in the middle
    sha256 = made->facts.sha256;
    awaits();
    if (before_answer)
      before_answer();
    if (end)
      return *end;
    if (answers && !stop.stop_requested())
      return {};
    std::mutex mutex;
    std::unique_lock lock{mutex};
    std::condition_variable_any asked_to_stop;
    asked_to_stop.wait(lock, stop, [] { return false; });
    return fault{.code = fault_code::interrupted, .what = "asked to stop"};
  }
};

} // namespace alula::jobs
