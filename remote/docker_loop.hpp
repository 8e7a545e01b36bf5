/// Answers of dockerd that go on for as long as a container lives, all on one
/// thread. libcurl cannot do it: an attach turns into a connection in both
/// directions.
#pragma once

#include "remote/http_client.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace alula::remote {

class stream_loop {
public:
  /// How a stream ended.
  struct ending {
    enum class reason {
      finished,    ///< dockerd said all and closed
      refused,     ///< see `answer`
      unreachable, ///< see `os_error`
      timed_out,   ///< no head of an answer within the limit
      broken,      ///< cut, or no HTTP
    };
    reason why = reason::broken;
    int os_error = 0;
    http_answer answer = {};
  };

  /// Hears of one stream, on the loop's thread; must not block. May call the
  /// loop.
  class sink {
  public:
    virtual ~sink() = default;
    /// The answer is a success; its body follows.
    virtual void opened() {}
    /// False: no more, until resume().
    virtual bool take(std::string_view bytes) = 0;
    /// So much of what was written has been handed to dockerd.
    virtual void sent(std::size_t) {}
    /// The last call. Not made after close().
    virtual void closed(const ending& why) = 0;
  };

  struct request {
    std::string text;                       ///< head and body, as they are sent
    std::chrono::milliseconds limit{5'000}; ///< until the answer's head is here
  };
  using stream_id = std::uint64_t;

  /// Throws std::system_error when the system has no descriptors for it.
  explicit stream_loop(std::string unix_socket);
  /// No sink is called when it returns.
  ~stream_loop();
  stream_loop(const stream_loop&) = delete;
  stream_loop& operator=(const stream_loop&) = delete;

  // From any thread, without blocking. A stream that is over is no error.
  stream_id new_id();
  void open(stream_id id, request what, std::shared_ptr<sink> to);
  void close(stream_id id);
  void write(stream_id id, std::string text);
  void resume(stream_id id);
  /// Calls `what` once on the loop's thread, unless the loop ends before.
  void after(std::chrono::milliseconds time, std::function<void()> what);

private:
  class engine;
  std::unique_ptr<engine> engine_;
};

} // namespace alula::remote
