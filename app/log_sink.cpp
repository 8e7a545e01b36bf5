#include "app/log_sink.hpp"

#include "jobs/log.hpp"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <string_view>

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

} // namespace

void log_to_stderr(bool debug) {
  auto logger = std::make_shared<spdlog::logger>(
      "alula", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_level(debug ? spdlog::level::debug : spdlog::level::info);
  logger->flush_on(spdlog::level::debug);
  logger->set_formatter(std::make_unique<spdlog::pattern_formatter>(
      "%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc));
  jobs::set_log_sink([logger](jobs::log_level level, std::string_view event,
                              std::string_view fields) {
    if (fields.empty())
      logger->log(level_of(level), "{}", event);
    else
      logger->log(level_of(level), "{} {}", event, fields);
  });
}

} // namespace alula::app
