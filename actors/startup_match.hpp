/// Tells by a line of its console that a server is up
/// (process_configuration.startup, wings-protocol 3.4).
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace re2 {
class RE2;
}

namespace alula::actors {

class startup_match {
public:
  startup_match();
  /// `done`: parts of a line, or patterns after "regex:" (RE2, as Wings has
  /// them). One that is no pattern is logged and matches nothing.
  startup_match(const std::vector<std::string>& done, bool strip_ansi);
  ~startup_match();
  startup_match(startup_match&&) noexcept;
  startup_match& operator=(startup_match&&) noexcept;

  bool matches(std::string_view line) const;

private:
  std::vector<std::string> parts_;
  std::vector<std::unique_ptr<re2::RE2>> patterns_;
  bool strip_ansi_ = false;
};

/// Without the escape sequences that colour a terminal (ECMA-48, 5.4).
std::string without_ansi(std::string_view line);

} // namespace alula::actors
