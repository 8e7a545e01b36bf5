#include "app/log_sink.hpp"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>

namespace alula::app {

namespace {

spdlog::level::level_enum level_of(jobs::log_level level) {
  switch (level) {
  case jobs::log_level::debug:
    return spdlog::level::debug;
  case jobs::log_level::info:
    return spdlog::level::info;
  case jobs::log_level::warning:
    return spdlog::level::warn;
  case jobs::log_level::error:
    return spdlog::level::err;
  }
  return spdlog::level::err;
}

std::shared_ptr<spdlog::logger>& current() {
  static std::shared_ptr<spdlog::logger> logger;
  return logger;
}

/// Standard error is what systemd says it connected to the journal.
bool is_read_by_journald() {
  const char* said = std::getenv("JOURNAL_STREAM");
  struct stat about {};
  return said && fstat(STDERR_FILENO, &about) == 0
         && std::string{said}
                == std::to_string(about.st_dev) + ":"
                       + std::to_string(about.st_ino);
}

/// `<4>` before a warning, as in syslog(3).
class priority_flag final : public spdlog::custom_flag_formatter {
public:
  void format(const spdlog::details::log_msg& line, const std::tm&,
              spdlog::memory_buf_t& out) override {
    const std::string_view text = line.level == spdlog::level::err    ? "<3>"
                                  : line.level == spdlog::level::warn ? "<4>"
                                  : line.level == spdlog::level::info ? "<6>"
                                                                      : "<7>";
    out.append(text.data(), text.data() + text.size());
  }
  std::unique_ptr<custom_flag_formatter> clone() const override {
    return std::make_unique<priority_flag>();
  }
};

std::unique_ptr<spdlog::formatter> formatter_of(jobs::log_format format) {
  auto out = std::make_unique<spdlog::pattern_formatter>(
      spdlog::pattern_time_type::utc);
  out->add_flag<priority_flag>('*');
  std::string pattern = is_read_by_journald() ? "%*" : "";
  pattern += format == jobs::log_format::json
                 ? R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})"
                 : "%Y-%m-%dT%H:%M:%S.%eZ %l %v";
  out->set_pattern(pattern);
  return out;
}

/// What the configuration says, which is not what is logged after
/// set_log_level().
std::atomic<bool> debug_configured{false};

void use_debug(bool debug) {
  current()->set_level(debug ? spdlog::level::debug : spdlog::level::info);
}

} // namespace

void log_debug_lines(bool debug) {
  if (debug_configured.exchange(debug) != debug)
    use_debug(debug);
}

void set_log_level(jobs::log_level level) {
  current()->set_level(level_of(level));
}

jobs::log_level log_level_now() {
  switch (current()->level()) {
  case spdlog::level::trace:
  case spdlog::level::debug:
    return jobs::log_level::debug;
  case spdlog::level::info:
    return jobs::log_level::info;
  case spdlog::level::warn:
    return jobs::log_level::warning;
  default:
    return jobs::log_level::error;
  }
}

void log_to_stderr(bool debug, jobs::log_format format) {
  auto& logger = current();
  logger = std::make_shared<spdlog::logger>(
      "alula", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  debug_configured = debug;
  use_debug(debug);
  logger->flush_on(spdlog::level::debug);
  logger->set_formatter(formatter_of(format));
  const bool as_json = format == jobs::log_format::json;
  jobs::set_log_sink(
      [logger = logger, as_json](jobs::log_level level, std::string_view event,
                                 std::string_view fields) {
        const auto between = fields.empty() ? "" : as_json ? "," : " ";
        if (as_json)
          logger->log(level_of(level), R"("event":"{}"{}{})", event, between,
                      fields);
        else
          logger->log(level_of(level), "{}{}{}", event, between, fields);
      },
      format);
}

} // namespace alula::app
