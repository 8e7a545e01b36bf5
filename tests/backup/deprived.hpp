/// What a test takes from this process for a while: descriptors, the power of
/// root, calls of the kernel.
#pragma once

#include "backup/file_descriptor.hpp"

#include <catch2/catch.hpp>

#include <cerrno>
#include <cstddef>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>
#include <vector>

namespace alula::backup {

/// Those that are open stay open.
class few_descriptors {
public:
  explicit few_descriptors(rlim_t most) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    auto few = before_;
    few.rlim_cur = most;
    ::setrlimit(RLIMIT_NOFILE, &few);
  }
  ~few_descriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  few_descriptors(const few_descriptors&) = delete;
  few_descriptors& operator=(const few_descriptors&) = delete;

private:
  rlimit before_{};
};

/// The limit that leaves so many free: the lowest numbers are given first.
inline rlim_t limit_with_free(int count) {
  std::vector<file_descriptor> taken;
  for (int i = 0; i < count; ++i)
    taken.emplace_back(::open("/", O_PATH | O_CLOEXEC));
  return taken.empty() ? 0 : static_cast<rlim_t>(taken.back().get()) + 1;
}

/// Root is above permissions, so it is somebody else meanwhile.
class plain_user {
public:
  plain_user() {
    constexpr uid_t nobody = 65'534;
    if (me_ == 0)
      REQUIRE(::seteuid(nobody) == 0);
  }
  ~plain_user() {
    if (me_ == 0)
      (void)!::seteuid(me_);
  }
  plain_user(const plain_user&) = delete;
  plain_user& operator=(const plain_user&) = delete;

private:
  uid_t me_ = ::geteuid();
};

/// From now on the kernel answers one call of this thread with an error, until
/// the thread ends (seccomp(2)). False where it cannot.
inline bool fail_from_now_on(long call, int error) {
  sock_filter steps[] = {
      {.code = BPF_LD | BPF_W | BPF_ABS,
       .jt = 0,
       .jf = 0,
       .k = offsetof(seccomp_data, nr)},
      {.code = BPF_JMP | BPF_JEQ | BPF_K,
       .jt = 0,
       .jf = 1,
       .k = static_cast<__u32>(call)},
      {.code = BPF_RET | BPF_K,
       .jt = 0,
       .jf = 0,
       .k = SECCOMP_RET_ERRNO | static_cast<__u32>(error)},
      {.code = BPF_RET | BPF_K, .jt = 0, .jf = 0, .k = SECCOMP_RET_ALLOW},
  };
  const sock_fprog program{.len = sizeof steps / sizeof steps[0],
                           .filter = steps};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
         && ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

} // namespace alula::backup
