/// One line per event: a fixed event name first, then key=value pairs, or the
/// same as members of a JSON object. Never a secret. The names are listed in
/// docs/operations.md and tests wait for them.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace alula::jobs {

enum class log_level { debug, info, warning, error };

struct log_field {
  std::string_view key;
  std::string value;
  bool is_number = false;
  log_field(std::string_view name, std::string text)
    : key(name), value(std::move(text)) {}
  log_field(std::string_view name, std::string_view text)
    : key(name), value(text) {}
  log_field(std::string_view name, const char* text) : key(name), value(text) {}
  log_field(std::string_view name, std::int64_t number)
    : key(name), value(std::to_string(number)), is_number(true) {}
  log_field(std::string_view name, int number)
    : key(name), value(std::to_string(number)), is_number(true) {}
  log_field(std::string_view name, std::size_t number)
    : key(name), value(std::to_string(number)), is_number(true) {}
};

enum class log_format { text, json };

using log_sink = std::function<void(log_level, std::string_view event,
                                    std::string_view fields)>;

/// Set once, before the first thread starts; without it lines are dropped. The
/// sink gets the fields as `key=value`, values quoted when they hold spaces, or
/// as `"key":"value","key":3`, valid JSON whatever the bytes are.
void set_log_sink(log_sink sink, log_format format = log_format::text);

/// Any thread; never throws.
void log(log_level level, std::string_view event,
         std::initializer_list<log_field> fields = {});

/// The fields that the scopes of the thread that makes it add to its lines, to
/// be taken along to another thread. A copy: it may outlive the scopes.
class log_context {
public:
  log_context();
  /// That of a thread that works for nobody in particular. Never throws.
  static const log_context& of_nobody() noexcept;

private:
  friend class log_scope;
  struct empty {};
  explicit log_context(empty) noexcept {}
  std::vector<std::pair<std::string, std::string>> fields_;
};

/// While it lives, every line of this thread has the field, also those of parts
/// that do not know for whom they work: the id of a request or of a job. A line
/// that says the same key itself keeps its own, and an empty value is not said.
/// Ends on the thread and in the order it began; `key` and `value` outlive it.
class log_scope {
public:
  log_scope(std::string_view key, std::string_view value);
  /// The fields of `whose` in place of all that the thread says by then;
  /// `whose` outlives it.
  explicit log_scope(const log_context& whose);
  ~log_scope();
  log_scope(const log_scope&) = delete;
  log_scope& operator=(const log_scope&) = delete;

private:
  friend class log_context;
  friend void log(log_level, std::string_view,
                  std::initializer_list<log_field>);
  /// From the innermost scope of this thread outwards.
  template<class Tell>
  static void for_each_field(const Tell& tell);

  std::string_view key_;
  std::string_view value_;
  const log_context* whose_ = nullptr;
  const log_scope* outer_;
};

/// `what`, to be called later or on another thread that works for the same as
/// this one: its lines have the fields that this thread's have now.
template<class Callable>
auto with_log_context(Callable what) {
  return [whose = log_context{},
          what = std::move(what)]<class... Args>(Args&&... args) {
    const log_scope as{whose};
    return what(std::forward<Args>(args)...);
  };
}

} // namespace alula::jobs
