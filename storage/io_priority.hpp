/// The I/O priority of a thread.
#pragma once

namespace alula::storage {

/// Lowers the I/O priority of the calling thread to best effort 7 until it
/// goes out of scope. Not the idle class: an idle purge that waits inside a
/// file-system transaction makes everybody wait for it.
class low_io_priority {
public:
  low_io_priority();
  ~low_io_priority();
  low_io_priority(const low_io_priority&) = delete;
  low_io_priority& operator=(const low_io_priority&) = delete;

private:
  int before_ = -1;
};

} // namespace alula::storage
