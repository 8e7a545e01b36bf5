#include "app/signals.hpp"

#include <catch2/catch.hpp>

#include <csignal>
#include <fcntl.h>
#include <functional>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using namespace alula::app;

/// Runs `body` in a child that says when it is ready for signals, sends them,
/// and returns how the child ended.
int end_of_child(const std::function<int(const std::function<void()>&)>& body,
                 std::initializer_list<int> signals) {
  int ready[2];
  REQUIRE(pipe2(ready, O_CLOEXEC) == 0);
  const pid_t child = fork();
  if (child == 0) {
    alarm(30);
    _exit(body([&] { (void)!write(ready[1], "!", 1); }));
  }
  char told = 0;
  REQUIRE(read(ready[0], &told, 1) == 1);
  for (const int signal : signals)
    kill(child, signal);
  int status = 0;
  waitpid(child, &status, 0);
  close(ready[0]);
  close(ready[1]);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

} // namespace

TEST_CASE("SIGTERM, SIGINT and SIGHUP are waited for", "[app]") {
  const auto wait = [](const std::function<void()>& ready) {
    hold_signals();
    ready();
    return wait_for_signal() == asked::stop ? 10 : 20;
  };
  CHECK(end_of_child(wait, {SIGTERM}) == 10);
  CHECK(end_of_child(wait, {SIGINT}) == 10);
  CHECK(end_of_child(wait, {SIGHUP}) == 20);
}

TEST_CASE("who waits for signals can be woken", "[app]") {
  const auto wait = [](const std::function<void()>& ready) {
    hold_signals();
    wake_waiter();
    const bool woken = wait_for_signal() == asked::look;
    ready();
    return woken && wait_for_signal() == asked::stop ? 10 : 20;
  };
  CHECK(end_of_child(wait, {SIGTERM}) == 10);
}

TEST_CASE("a broken pipe is no end", "[app]") {
  CHECK(end_of_child(
            [](const std::function<void()>& ready) {
              hold_signals();
              ready();
              raise(SIGPIPE);
              return wait_for_signal() == asked::stop ? 10 : 20;
            },
            {SIGTERM})
        == 10);
}

TEST_CASE("the next signal after the first ends the process at once", "[app]") {
  const auto busy = [](const std::function<void()>& ready) -> int {
    hold_signals();
    raise(SIGTERM);
    (void)wait_for_signal();
    leave_on_next_signal();
    ready();
    for (;;)
      pause();
  };
  CHECK(end_of_child(busy, {SIGTERM}) == 1);
  CHECK(end_of_child(busy, {SIGINT}) == 1);
  CHECK(end_of_child(busy, {SIGHUP, SIGINT}) == 1);
}

TEST_CASE("the descriptor limit is lifted as far as it goes", "[app]") {
  const auto lift = [](const std::function<void()>& ready) {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = 64;
    setrlimit(RLIMIT_NOFILE, &limit);
    const auto lifted = raise_descriptor_limit();
    getrlimit(RLIMIT_NOFILE, &limit);
    ready();
    return lifted == limit.rlim_max && limit.rlim_cur == limit.rlim_max ? 0 : 1;
  };
  CHECK(end_of_child(lift, {}) == 0);
}
