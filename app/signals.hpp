/// What the operating system asks of the process.
#pragma once

#include <cstddef>

namespace alula::app {

enum class asked {
  stop,   ///< SIGTERM or SIGINT
  reload, ///< SIGHUP
  look    ///< wake_waiter() was called
};

/// Holds these signals for wait_for_signal() and ignores SIGPIPE. Call
/// before the first thread starts: threads inherit it.
void hold_signals();

/// Blocks until one of them comes.
asked wait_for_signal();

/// Makes wait_for_signal() return `look`. Any thread; may come first.
void wake_waiter();

/// From now on a further SIGTERM or SIGINT ends the process at once with code
/// 1, whatever it is doing; SIGHUP is ignored.
void leave_on_next_signal();

/// Lifts RLIMIT_NOFILE to the hard limit; returns what is in force.
std::size_t raise_descriptor_limit();

} // namespace alula::app
