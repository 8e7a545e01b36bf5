#include "jobs/log.hpp"

#include <memory>

namespace alula::jobs {

namespace {

log_sink& current_sink() {
  static log_sink sink;
  return sink;
}

void append_value(std::string& line, std::string_view value) {
  const bool plain =
      !value.empty()
      && value.find_first_of(" \"=\n\r\t\\") == std::string_view::npos;
  if (plain) {
    line += value;
    return;
  }
  line += '"';
  for (const char c : value) {
    if (c == '"' || c == '\\')
      line += '\\';
    if (c == '\n')
      line += "\\n";
    else if (static_cast<unsigned char>(c) < 0x20)
      line += ' ';
    else
      line += c;
  }
  line += '"';
}

} // namespace

void set_log_sink(log_sink sink) {
  current_sink() = std::move(sink);
}

void log(log_level level, std::string_view event,
         std::initializer_list<log_field> fields) {
  const auto& sink = current_sink();
  if (!sink)
    return;
  try {
    std::string line;
    for (const auto& field : fields) {
      if (!line.empty())
        line += ' ';
      line += field.key;
      line += '=';
      append_value(line, field.value);
    }
    sink(level, event, line);
  } catch (...) {
    // A line that cannot be written must not stop the work it tells of.
  }
}

} // namespace alula::jobs
