/// Where jobs::log lines go: one line each on standard error,
/// `2026-01-31T12:00:00.000Z info event key=value`.
#pragma once

namespace alula::app {

/// Call before the first thread starts. Debug lines only with `debug`.
void log_to_stderr(bool debug);

} // namespace alula::app
