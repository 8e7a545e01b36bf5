/// Runs a command and says what it took; for bench/backup.
///
///   measured COMMAND [WORD...]
///
/// Behind what the command prints comes a line of JSON: seconds, cpu_seconds
/// and peak_kib. The peak is that of the largest of its processes. A script
/// cannot ask for it: a process keeps over exec the peak of the one that
/// started it, so that each would begin with an interpreter's. This one is
/// small.
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

double seconds_now() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec)
         + static_cast<double>(now.tv_nsec) / 1e9;
}

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec)
         + static_cast<double>(time.tv_usec) / 1e6;
}

} // namespace

int main(int count, char** words) {
  if (count < 2) {
    std::fputs("measured: see its first lines\n", stderr);
    return 2;
  }
  const auto begin = seconds_now();
  pid_t child = 0;
  if (const int failed = ::posix_spawnp(&child, words[1], nullptr, nullptr,
                                        words + 1, environ)) {
    std::fprintf(stderr, "measured: %s: %s\n", words[1], std::strerror(failed));
    return 127;
  }
  int status = 0;
  rusage used{};
  while (::wait4(child, &status, 0, &used) < 0)
    if (errno != EINTR) {
      std::perror("measured: wait4");
      return 1;
    }
  std::printf("\n{\"seconds\":%.6f,\"cpu_seconds\":%.6f,\"peak_kib\":%ld}\n",
              seconds_now() - begin,
              seconds_of(used.ru_utime) + seconds_of(used.ru_stime),
              used.ru_maxrss);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
