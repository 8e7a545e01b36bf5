/// What who asks for something new is told once a stop has begun.
#pragma once

#include "jobs/result.hpp"

namespace alula::actors {

inline jobs::fault stopping() {
  return {.code = jobs::fault_code::shutting_down,
          .what = "alula is stopping; ask again when it is back"};
}

} // namespace alula::actors
