/// What every fake of a port lets a test do: read its calls, and plan what the
/// next ones run into.
#pragma once

#include "jobs/result.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace alula::jobs {

/// Any thread may call any method; the public members are for the test, before
/// and after, or under `mutex`.
class call_script {
public:
  mutable std::mutex mutex;
  /// "<method> <what it was called about>", in the order of the calls.
  std::vector<std::string> journal;
  /// By the method's name; each call of it uses up one.
  std::map<std::string, std::deque<fault>, std::less<>> faults;
  /// Every call fails with docker_unavailable while it is set.
  bool is_down = false;

  void fail_next(const std::string& method, fault why, int times = 1) {
    const std::lock_guard guard{mutex};
    for (int i = 0; i < times; ++i)
      faults[method].push_back(why);
  }

  void set_down(bool down) {
    const std::lock_guard guard{mutex};
    is_down = down;
  }

  std::vector<std::string> calls() const {
    const std::lock_guard guard{mutex};
    return journal;
  }

  /// How often `method` was called.
  std::size_t count(std::string_view method) const {
    const std::lock_guard guard{mutex};
    return static_cast<std::size_t>(
        std::ranges::count_if(journal, [&](const std::string& line) {
          return line.substr(0, line.find(' ')) == method;
        }));
  }

protected:
  ~call_script() = default;

  // For the fake, under `mutex`.

  /// Writes the call down; the fault is what was planned for it.
  template<class... Words>
  status note(const std::string& method, const Words&... words) {
    write_down(method, words...);
    return planned_for(method);
  }

  template<class... Words>
  void write_down(std::string line, const Words&... words) {
    (add_word(line, words), ...);
    journal.push_back(std::move(line));
  }

  status planned_for(const std::string& method) {
    if (is_down)
      return fault{.code = fault_code::docker_unavailable,
                   .what = "no dockerd at fake.sock"};
    auto& waiting = faults[method];
    if (waiting.empty())
      return {};
    auto why = std::move(waiting.front());
    waiting.pop_front();
    return why;
  }

private:
  static void add_word(std::string& line, std::string_view word) {
    if (!word.empty())
      line.append(1, ' ').append(word);
  }
  static void add_word(std::string& line, std::int64_t number) {
    add_word(line, std::to_string(number));
  }
};

} // namespace alula::jobs
