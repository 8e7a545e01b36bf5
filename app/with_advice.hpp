/// What an operator may do about a part that cannot be had at the start.
#pragma once

#include "jobs/result.hpp"

#include <string_view>

namespace alula::app {

/// The sentence of the fault, and after it the advice, a sentence of its own.
jobs::fault with_advice(jobs::fault why, std::string_view advice);

/// The same, with what failed, and a colon, before the fault's own sentence.
jobs::fault with_advice(jobs::fault why, std::string_view what_failed,
                        std::string_view advice);

} // namespace alula::app
