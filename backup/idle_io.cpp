#include "backup/idle_io.hpp"

#include <linux/ioprio.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace alula::backup {

namespace {

constexpr int this_thread = 0;

int current() {
  return static_cast<int>(
      ::syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, this_thread));
}

void set(int priority) {
  ::syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, this_thread, priority);
}

} // namespace

idle_io::idle_io(bool is_wanted) {
  if (!is_wanted)
    return;
  before_ = current();
  set(IOPRIO_PRIO_VALUE(IOPRIO_CLASS_IDLE, 0));
}

idle_io::~idle_io() {
  if (before_ >= 0)
    set(before_);
}

polite_io::polite_io(bool is_idle) {
  before_ = current();
  if (before_ >= 0)
    set(is_idle ? IOPRIO_PRIO_VALUE(IOPRIO_CLASS_IDLE, 0)
                : IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 7));
}

polite_io::~polite_io() {
  if (before_ >= 0)
    set(before_);
}

prompt_io::prompt_io() {
  before_ = current();
  if (before_ >= 0)
    set(IOPRIO_PRIO_VALUE(IOPRIO_CLASS_NONE, 0));
}

prompt_io::~prompt_io() {
  if (before_ >= 0)
    set(before_);
}

} // namespace alula::backup
