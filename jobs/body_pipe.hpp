/// A request's body on its way from the door, which must not block, to the step
/// that writes it, which does. Holds a bounded number of bytes, whatever the
/// size of the body.
#pragma once

#include "jobs/result.hpp"

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace alula::jobs {

/// One writer, one reader, any two threads.
class body_pipe {
public:
  /// Bytes it holds before it calls itself full: a megabyte keeps a disk busy
  /// while the door is asked for more.
  explicit body_pipe(std::size_t most = std::size_t{1} << 20) : most_(most) {}
  /// The same before its reader has begun: a thousand uploads may wait for a
  /// worker, a few have one.
  static constexpr std::size_t unread = std::size_t{64} << 10;

  // -- the door's side; never blocks ------------------------------------------

  /// Called, from the reader's thread, when a full pipe has room again or
  /// nobody reads any more. Set once, before the first push.
  void when_room(std::function<void()> call);
  enum class taken {
    more,     ///< push on
    full,     ///< taken; wait for `when_room`
    abandoned ///< nobody reads any more
  };
  taken push(std::string_view bytes);
  /// All of it was pushed.
  void finish();
  /// It never will be: the reader is told, unless it has all of it.
  void fail(fault why);
  /// Whoever sent it is not there any more, the body whole or not.
  void hang_up();

  // -- the step's side --------------------------------------------------------

  /// Blocks for the next bytes, at most `into.size()`; 0 at the end. Faults:
  /// what the writer failed with; interrupted when stopped.
  result<std::size_t> read(std::span<char> into, std::stop_token stop);
  /// Nothing more is wanted; pushes are refused.
  void abandon();
  /// Nobody waits for what becomes of it.
  bool is_hung_up() const;

private:
  const std::size_t most_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::string held_;
  std::size_t from_ = 0; ///< of `held_` that was read
  bool is_read_ = false, was_full_ = false;
  bool finished_ = false, abandoned_ = false, hung_up_ = false;
  std::optional<fault> failed_;
  std::function<void()> room_;
};

/// Bodies that are announced and whose step has not begun. Any thread.
class incoming_bodies {
public:
  /// `id` names one body, once.
  void announce(std::string id, std::shared_ptr<body_pipe> body);
  /// Null when nobody announced it, or somebody has taken it: after a crash
  /// there is no client left.
  std::shared_ptr<body_pipe> take(std::string_view id);

private:
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<body_pipe>, std::less<>> waiting_;
};

} // namespace alula::jobs
