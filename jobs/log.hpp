/// One line per event: a fixed event name first, then key=value pairs. Never a
/// secret. The names are listed in docs/operations.md and tests wait for them.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace alula::jobs {

enum class log_level { debug, info, warning, error };

struct log_field {
  std::string_view key;
  std::string value;
  log_field(std::string_view name, std::string text)
    : key(name), value(std::move(text)) {}
  log_field(std::string_view name, std::string_view text)
    : key(name), value(text) {}
  log_field(std::string_view name, const char* text) : key(name), value(text) {}
  log_field(std::string_view name, std::int64_t number)
    : key(name), value(std::to_string(number)) {}
  log_field(std::string_view name, int number)
    : key(name), value(std::to_string(number)) {}
  log_field(std::string_view name, std::size_t number)
    : key(name), value(std::to_string(number)) {}
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
