/// Reads and writes of this thread, and of threads it starts meanwhile, in the
/// idle class (ioprio_set(2)), so that a game's own go first; as before when it
/// goes out of scope. Schedulers without classes do not mind.
#pragma once

namespace alula::backup {

class idle_io {
public:
  /// Does nothing unless `is_wanted`.
  explicit idle_io(bool is_wanted = true);
  ~idle_io();
  idle_io(const idle_io&) = delete;
  idle_io& operator=(const idle_io&) = delete;

private:
  int before_ = -1;
};

/// The opposite, inside of it: while somebody waits for this thread.
class prompt_io {
public:
  prompt_io();
  ~prompt_io();
  prompt_io(const prompt_io&) = delete;
  prompt_io& operator=(const prompt_io&) = delete;

private:
  int before_ = -1;
};

} // namespace alula::backup
