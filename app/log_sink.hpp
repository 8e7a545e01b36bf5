/// Where jobs::log lines go: one line each on standard error,
/// `2026-01-31T12:00:00.000Z info event key=value`, or
/// `{"time":"2026-01-31T12:00:00.000Z","level":"info","event":"…","key":"value"}`.
/// What journald reads has its priority in front (sd-daemon(3)), which journald
/// takes off.
#pragma once

#include "jobs/log.hpp"

namespace alula::app {

/// Call before the first thread starts. Debug lines only with `debug`.
void log_to_stderr(bool debug, jobs::log_format format);

/// From now on, when that is not what was said the last time: a level that was
/// asked for stays. Any thread, after log_to_stderr().
void log_debug_lines(bool debug);

/// The same in full: lines below this level are left out.
void set_log_level(jobs::log_level level);
jobs::log_level log_level_now();

} // namespace alula::app
