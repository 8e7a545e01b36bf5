/// An archive sent in parts, several at once, each tried again by itself:
/// from a file, of which only the missing parts are sent, or while it is made,
/// with bounded memory. Knows nothing of stores: a part is sent by a function.
#pragma once

#include "jobs/far_places.hpp"
#include "jobs/object_store.hpp"
#include "jobs/result.hpp"

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace alula::jobs {

struct part_sender {
  upload_rules rules;
  /// One try to send one part; called from several threads.
  std::function<result<object_part>(int number, const byte_source& from,
                                    const transfer_tell& tell,
                                    std::stop_token stop)>
      send;
  /// A part is through: it counts when this has returned. Called from several
  /// threads.
  std::function<status(const object_part&)> keep;
  /// How many bytes are through, of all parts together, and which part is sent,
  /// and why again; also a sign of life before every try. Called from several
  /// threads.
  std::function<void(std::int64_t bytes, const std::string& message)> tell;
};

/// A part of a file, by position; the file outlives it.
class file_part final : public byte_source {
public:
  file_part(int fd, std::int64_t at, std::int64_t size)
    : fd_(fd), at_(at), size_(size) {}
  std::int64_t size() const override { return size_; }
  status read(std::int64_t at, std::span<char> into) const override;

private:
  int fd_;
  std::int64_t at_;
  std::int64_t size_;
};

/// How many parts a file is sent in: one at least.
std::int64_t count_parts(std::int64_t size, std::int64_t part_size);

/// Sends what is missing of a file of `size` bytes. All parts in order, those
/// that were there included. The first fault that is none of those to wait out
/// ends it, once nothing is under way any more; so does a store that does not
/// answer for `rules.tries` tries of one part. Where the system gives no
/// threads, fewer parts are sent at once.
result<std::vector<object_part>>
send_parts(int fd, std::int64_t size, std::int64_t part_size,
           const std::vector<object_part>& there, const part_sender& by,
           std::stop_token stop);

/// The same for what comes piece by piece. Memory: as many parts as are sent at
/// once, and one that is filled. One thread writes.
class part_stream {
public:
  /// `buffers`: parts in memory, two at least.
  part_stream(std::int64_t part_size, int buffers, int most_parts,
              part_sender by, std::stop_token stop);
  ~part_stream();
  part_stream(const part_stream&) = delete;
  part_stream& operator=(const part_stream&) = delete;

  /// Blocks while all buffers are under way. Fault store_refused when there are
  /// more bytes than parts for them, io_error when no thread could be started
  /// that sends them.
  status write(std::string_view piece);
  /// Sends the last part. All of them, in order.
  result<std::vector<object_part>> finish();

private:
  struct buffer {
    int number = 0;
    std::string bytes;
    bool is_full = false; ///< to be sent, or under way
  };
  status hand_over();
  void work();
  void fail(fault why);
  std::int64_t note(int number, std::int64_t bytes);

  const std::int64_t part_size_;
  const int most_parts_;
  const part_sender by_;
  std::stop_source stop_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::list<buffer> buffers_;
  buffer* filling_ = nullptr;
  std::list<buffer*> queue_;
  int next_number_ = 1;
  bool is_over_ = false;
  std::optional<fault> failed_;
  std::map<int, object_part> parts_;
  std::int64_t through_ = 0;
  std::map<int, std::int64_t> under_way_; ///< bytes that are, by part
  std::vector<std::thread> threads_;
  /// Last: it may be called while it is made, and until it is gone.
  std::stop_callback<std::function<void()>> link_;
};

} // namespace alula::jobs
