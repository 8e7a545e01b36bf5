#include "jobs/log.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace alula::jobs {

namespace {

struct destination {
  log_sink sink;
  log_format format = log_format::text;
};

destination& current() {
  static destination where;
  return where;
}

thread_local const log_scope* innermost = nullptr;

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

std::string quoted(std::string_view text) {
  return nlohmann::json(std::string{text})
      .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

void append(std::string& line, log_format format, std::string_view key,
            std::string_view value, bool is_number) {
  if (format == log_format::text) {
    line += line.empty() ? "" : " ";
    line += key;
    line += '=';
    append_value(line, value);
    return;
  }
  line += line.empty() ? "" : ",";
  line += quoted(key) + ':';
  line += is_number ? std::string{value} : quoted(value);
}

} // namespace

void set_log_sink(log_sink sink, log_format format) {
  current() = {std::move(sink), format};
}

template<class Tell>
void log_scope::for_each_field(const Tell& tell) {
  const auto tell_once = [&](const log_scope* of, std::string_view key,
                             std::string_view value) {
    for (const auto* inner = innermost; inner != of; inner = inner->outer_)
      if (inner->key_ == key && !inner->value_.empty())
        return;
    if (!value.empty())
      tell(key, value);
  };
  for (const auto* scope = innermost; scope; scope = scope->outer_) {
    if (!scope->whose_) {
      tell_once(scope, scope->key_, scope->value_);
      continue;
    }
    for (const auto& [key, value] : scope->whose_->fields_)
      tell_once(scope, key, value);
    return;
  }
}

log_context::log_context() {
  log_scope::for_each_field(
      [this](std::string_view key, std::string_view value) {
        fields_.emplace_back(key, value);
      });
}

const log_context& log_context::of_nobody() noexcept {
  static const log_context nobody{empty{}};
  return nobody;
}

log_scope::log_scope(std::string_view key, std::string_view value)
  : key_(key), value_(value), outer_(innermost) {
  innermost = this;
}

log_scope::log_scope(const log_context& whose)
  : whose_(&whose), outer_(innermost) {
  innermost = this;
}

log_scope::~log_scope() {
  innermost = outer_;
}

void log(log_level level, std::string_view event,
         std::initializer_list<log_field> fields) {
  const auto& where = current();
  const auto format = where.format;
  if (!where.sink)
    return;
  try {
    std::string line;
    for (const auto& field : fields)
      append(line, format, field.key, field.value, field.is_number);
    log_scope::for_each_field(
        [&](std::string_view key, std::string_view value) {
          if (std::ranges::find(fields, key, &log_field::key) == fields.end())
            append(line, format, key, value, false);
        });
    where.sink(level, event, line);
  } catch (...) {
    // A line that cannot be written must not stop the work it tells of.
  }
}

} // namespace alula::jobs
