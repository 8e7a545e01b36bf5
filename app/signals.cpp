#include "app/signals.hpp"

#include <csignal>
#include <sys/resource.h>
#include <unistd.h>

namespace alula::app {

namespace {

/// A real-time signal, so that nobody else of this process uses it.
int own_signal() {
  return SIGRTMIN;
}

sigset_t held_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGHUP);
  sigaddset(&set, own_signal());
  return set;
}

extern "C" void leave_at_once(int) {
  _exit(1);
}

void handle(int number, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  sigaction(number, &action, nullptr);
}

} // namespace

void hold_signals() {
  const sigset_t set = held_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  handle(SIGPIPE, SIG_IGN);
}

asked wait_for_signal() {
  const sigset_t set = held_signals();
  for (;;) {
    const int number = sigwaitinfo(&set, nullptr);
    if (number == SIGHUP)
      return asked::reload;
    if (number == own_signal())
      return asked::look;
    if (number > 0)
      return asked::stop;
  }
}

void wake_waiter() {
  kill(getpid(), own_signal());
}

void leave_on_next_signal() {
  handle(SIGHUP, SIG_IGN);
  handle(own_signal(), SIG_IGN);
  handle(SIGTERM, leave_at_once);
  handle(SIGINT, leave_at_once);
  const sigset_t set = held_signals();
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

std::size_t raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
    return 1'024;
  rlimit wanted = limit;
  wanted.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &wanted) == 0)
    limit = wanted;
  return static_cast<std::size_t>(limit.rlim_cur);
}

} // namespace alula::app
