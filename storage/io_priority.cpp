#include "storage/io_priority.hpp"

#include <linux/ioprio.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace alula::storage {

low_io_priority::low_io_priority() {
  before_ = static_cast<int>(::syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, 0));
  if (before_ >= 0)
    ::syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0,
              IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 7));
}

low_io_priority::~low_io_priority() {
  if (before_ >= 0)
    ::syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, before_);
}

} // namespace alula::storage
