/// Rows of the tables of steps that need no more than a name, what they do and
/// where. For the sources of kinds only.
#pragma once

#include "jobs/kind.hpp"

#include <chrono>
#include <string_view>

namespace alula::jobs {

inline step compensatable(std::string_view name, step_function run,
                          step_function undo = nullptr,
                          std::string_view pool = step{}.pool) {
  return {.name = name,
          .cls = step_class::compensatable,
          .run = run,
          .undo = undo,
          .pool = pool};
}

inline step pivot(std::string_view name, step_function run,
                  step_function undo = nullptr,
                  std::string_view pool = step{}.pool) {
  return {.name = name,
          .cls = step_class::pivot,
          .run = run,
          .undo = undo,
          .pool = pool};
}

inline step retriable(std::string_view name, step_function run,
                      std::string_view pool = step{}.pool) {
  return {.name = name, .cls = step_class::retriable, .run = run, .pool = pool};
}

inline step with_stall_limit(step of, std::chrono::milliseconds limit) {
  of.stall_limit = limit;
  return of;
}

} // namespace alula::jobs
