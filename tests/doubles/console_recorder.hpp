/// Listeners that write down what they hear, and wait for it.
#pragma once

#include "jobs/container_streams.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace alula::doubles {

/// Waits end after this long, which no test that passes sees.
constexpr std::chrono::seconds longest_wait{60};

class console_recorder final : public jobs::container_listener {
public:
  /// Called for each line on the thread of the streams, outside the mutex.
  std::function<void(std::string_view)> on_line;

  void line(std::string_view text) override {
    note([&] { lines_.emplace_back(text); });
    if (on_line)
      on_line(text);
  }
  void sample(const jobs::resource_sample& what) override {
    note([&] {
      samples_.push_back(what);
      if (samples_.size() > 1'000)
        samples_.erase(samples_.begin());
    });
  }
  void ended() override {
    note([&] { ++ends_; });
  }

  /// Whether the line comes, or has come.
  bool heard(const std::string& line) const {
    return waits([&] {
      return std::find(lines_.begin(), lines_.end(), line) != lines_.end();
    });
  }
  bool heard_part(const std::string& part) const {
    return waits([&] {
      return std::any_of(lines_.begin(), lines_.end(), [&](const auto& line) {
        return line.find(part) != std::string::npos;
      });
    });
  }
  bool ends() const {
    return waits([&] { return ends_ > 0; });
  }
  std::optional<jobs::resource_sample>
  sampled(const std::function<bool(const jobs::resource_sample&)>& fits) const {
    std::optional<jobs::resource_sample> found;
    waits([&] {
      for (const auto& one : samples_)
        if (fits(one))
          found = one;
      return found.has_value();
    });
    return found;
  }

  std::vector<std::string> lines() const {
    const std::lock_guard guard{mutex_};
    return lines_;
  }
  bool has_ended() const {
    const std::lock_guard guard{mutex_};
    return ends_ > 0;
  }
  int ends_heard() const {
    const std::lock_guard guard{mutex_};
    return ends_;
  }

private:
  template<class F>
  void note(F&& what) {
    {
      const std::lock_guard guard{mutex_};
      what();
    }
    changed_.notify_all();
  }
  template<class F>
  bool waits(F&& until) const {
    std::unique_lock guard{mutex_};
    return changed_.wait_for(guard, longest_wait, until);
  }

  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::vector<std::string> lines_;
  std::vector<jobs::resource_sample> samples_;
  int ends_ = 0;
};

/// Events as text: "start NAME", "missed", "away SLUG".
class event_recorder final : public jobs::container_event_listener {
public:
  void changed(std::string_view name, std::string_view,
               std::string_view what) override {
    note(std::string{what} + ' ' + std::string{name});
  }
  void missed() override { note("missed"); }
  void away(const jobs::fault& why) override {
    note("away " + std::string{jobs::slug(why.code)});
  }

  bool hears(const std::string& event, std::ptrdiff_t times = 1) const {
    std::unique_lock guard{mutex_};
    return changed_.wait_for(guard, longest_wait, [&] {
      return std::count(events_.begin(), events_.end(), event) >= times;
    });
  }
  std::vector<std::string> events() const {
    const std::lock_guard guard{mutex_};
    return events_;
  }

private:
  void note(std::string event) {
    {
      const std::lock_guard guard{mutex_};
      events_.push_back(std::move(event));
    }
    changed_.notify_all();
  }

  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::vector<std::string> events_;
};

} // namespace alula::doubles
