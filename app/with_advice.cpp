#include "app/with_advice.hpp"

#include <string>
#include <utility>

namespace alula::app {

jobs::fault with_advice(jobs::fault why, std::string_view advice) {
  if (!why.what.empty() && why.what.back() != '.')
    why.what += '.';
  why.what += ' ';
  why.what += advice;
  return why;
}

jobs::fault with_advice(jobs::fault why, std::string_view what_failed,
                        std::string_view advice) {
  why.what = std::string{what_failed} + ": " + why.what;
  return with_advice(std::move(why), advice);
}

} // namespace alula::app
