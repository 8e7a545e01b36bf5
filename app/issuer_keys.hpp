/// The issuer whose JSON Web Tokens are let in, and the thread that keeps its
/// keys fresh.
#pragma once

#include "app/config.hpp"
#include "http/issuer.hpp"
#include "jobs/clock.hpp"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace alula::app {

/// How often the keys are looked for.
struct issuer_pace {
  std::chrono::milliseconds refresh{std::chrono::minutes{10}};
  /// After a set that could not be read; also how often, by the clock, tokens
  /// of unknown keys have it read again.
  std::chrono::milliseconds again{std::chrono::seconds{30}};
  /// Whether a file is another one.
  std::chrono::milliseconds look{std::chrono::seconds{5}};
};

/// Nothing happens without `api.jwt.issuer`.
class issuer_keys {
public:
  issuer_keys(const config& settings, const jobs::clock& clock,
              issuer_pace pace = {});
  ~issuer_keys();

  /// Once. Reads the key set and goes on doing so every ten minutes, and when a
  /// file has changed; a set that cannot be read leaves the keys of before and
  /// a line in the log, and is tried again in half a minute. Fault: the
  /// settings make no sense, or the keys would come without TLS from another
  /// machine.
  jobs::status start();
  void stop();

  /// Who brings this token. From any thread, after start(); null: nobody. One
  /// of a key that is not in the set is nobody's, and has the set read again,
  /// at most once in half a minute whoever brings them. Never blocks.
  jobs::principal_ptr find(std::string_view token);

private:
  /// What a file has to have for its content to be the same.
  struct file_mark {
    std::uint64_t inode = 0;
    std::int64_t size = -1, changed_at = 0;
    friend bool operator==(const file_mark&, const file_mark&) = default;
  };

  void ask_for_newer();
  void run(const std::stop_token& stop);
  void rest(const std::stop_token& stop, std::chrono::milliseconds pause);
  file_mark mark_of_file() const;
  bool refresh(const std::stop_token& stop);
  jobs::result<std::string> read(const std::stop_token& stop) const;

  const http::issuer_settings settings_;
  const std::string file_, url_;
  const jobs::clock& clock_;
  const issuer_pace pace_;
  mutable std::mutex mutex_; ///< over the issuer's pointer
  std::shared_ptr<http::issuer> issuer_;
  file_mark read_; ///< of the file when it was last read; the thread's
  std::mutex
      sleeping_; ///< over the next two; never held while anything is read
  bool is_asked_ = false;
  jobs::time_ms asked_at_ = 0; ///< 0: never
  std::condition_variable_any woken_;
  std::jthread thread_; ///< last: it uses all of the above
};

} // namespace alula::app
