#include "jobs/measures.hpp"

#include <mutex>
#include <shared_mutex>
#include <utility>

namespace alula::jobs {

namespace {

std::shared_mutex& sink_mutex() {
  static std::shared_mutex mutex;
  return mutex;
}

measure_sink& sink_of_all() {
  static measure_sink sink;
  return sink;
}

} // namespace

void set_measure_sink(measure_sink sink) {
  const std::unique_lock lock{sink_mutex()};
  sink_of_all() = std::move(sink);
}

void observe(measure what, double value, std::string_view label) {
  const std::shared_lock lock{sink_mutex()};
  if (const auto& sink = sink_of_all())
    sink(what, value, label);
}

} // namespace alula::jobs
