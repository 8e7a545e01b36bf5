/// How the reading desk answers: once, and from a thread of its own. For the
/// sources of the desk only.
#pragma once

#include "actors/reading_desk.hpp"
#include "actors/stopping.hpp"
#include "jobs/log.hpp"

#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace alula::actors {

inline jobs::fault busy() {
  return {.code = jobs::fault_code::rate_limited,
          .what = "too many questions about backups wait; ask again later"};
}

template<class T>
void reading_desk::reply(const answer_once<T>& once, jobs::result<T> value) {
  const auto held = std::make_shared<jobs::result<T>>(std::move(value));
  const auto give = [once, held] { once(std::move(*held)); };
  if (!threads_.run(give))
    answers_.run(give);
}

template<class T>
void reading_desk::refuse(const answer_once<T>& once) {
  bool is_over = false;
  {
    const std::scoped_lock lock{mutex_};
    is_over = stopped_;
  }
  answers_.run([once, is_over] { once(is_over ? stopping() : busy()); });
}

template<class T>
void reading_desk::answer(std::function<void(jobs::result<T>)> done,
                          std::function<jobs::result<T>()> question) {
  const answer_once<T> once{std::move(done)};
  const bool taken = threads_.run(
      [this, once, question = std::move(question)] { settle(once, question); });
  if (!taken)
    refuse(once);
}

template<class T>
void reading_desk::settle(const answer_once<T>& once,
                          const std::function<jobs::result<T>()>& question) {
  const jobs::log_scope as{once.whose()};
  try {
    once(closing_ ? jobs::result<T>{stopping()} : question());
  } catch (const std::exception& e) {
    once(jobs::fault{.what =
                         std::string{"reading a backup threw: "} + e.what()});
  }
}

} // namespace alula::actors
