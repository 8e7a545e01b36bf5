/// Reads and writes of this thread, and of threads it starts meanwhile, behind
/// those of a game (ioprio_set(2)); as before when it goes out of scope.
/// Schedulers without classes do not mind.
#pragma once

namespace alula::backup {

/// In the idle class.
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

/// In the idle class, or else at the end of the best effort one, which always
/// gets its turn.
class polite_io {
public:
  explicit polite_io(bool is_idle);
  ~polite_io();
  polite_io(const polite_io&) = delete;
  polite_io& operator=(const polite_io&) = delete;

private:
  int before_ = -1;
};

/// The opposite, inside of them: while somebody waits for this thread.
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
