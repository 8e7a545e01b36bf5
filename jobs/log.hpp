/// One line per event: a fixed event name first, then key=value pairs. Never a
/// secret. The names are listed in docs/operations.md and tests wait for them.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>

namespace alula::jobs {

enum class log_level { debug, info, warning, error };

struct log_field {
  std::string_view key;
  std::string value;
  log_field(std::string_view key, std::string value)
    : key(key), value(std::move(value)) {}
  log_field(std::string_view key, std::string_view value)
    : key(key), value(value) {}
  log_field(std::string_view key, const char* value)
    : key(key), value(value) {}
  log_field(std::string_view key, std::int64_t value)
    : key(key), value(std::to_string(value)) {}
  log_field(std::string_view key, int value)
    : key(key), value(std::to_string(value)) {}
  log_field(std::string_view key, std::size_t value)
    : key(key), value(std::to_string(value)) {}
};

using log_sink = std::function<void(log_level, std::string_view event,
                                    std::string_view fields)>;

/// Set once, before the first thread starts; without it lines are dropped.
void set_log_sink(log_sink sink);

/// `fields` become `key=value`, values quoted when they hold spaces. Any
/// thread; never throws.
void log(log_level level, std::string_view event,
         std::initializer_list<log_field> fields = {});

} // namespace alula::jobs
