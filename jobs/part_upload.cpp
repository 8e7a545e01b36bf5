#include "jobs/part_upload.hpp"

#include "jobs/log.hpp"
#include "jobs/rest.hpp"
#include "jobs/retry.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <exception>
#include <random>
#include <unistd.h>
#include <utility>

namespace alula::jobs {

namespace {

using std::chrono::milliseconds;

double draw() {
  thread_local std::minstd_rand engine{std::random_device{}()};
  return std::uniform_real_distribution<double>{0.5, 1.0}(engine);
}

fault asked_to_stop() {
  return {.code = fault_code::interrupted,
          .what = "the upload was asked to stop"};
}

bool is_to_be_waited_out(fault_code code) {
  return code == fault_code::store_unavailable || code == fault_code::timed_out;
}

/// How many bytes of one part are through, and what is done with it.
using part_tell =
    std::function<void(std::int64_t bytes, const std::string& message)>;

/// Until it is through, refused, or nobody answers any more. While it is sent
/// again, what is told says why.
result<object_part> send_one(int number, const byte_source& from,
                             const part_sender& by, const part_tell& told,
                             const std::stop_token& stop) {
  auto message = "sending part " + std::to_string(number);
  const transfer_tell so_far = [&](std::int64_t bytes) {
    told(bytes, message);
  };
  auto wait = by.rules.first_wait;
  for (int tries = 1;; ++tries) {
    if (stop.stop_requested())
      return asked_to_stop();
    so_far(0);
    auto part = by.send(number, from, so_far, stop);
    if (part) {
      if (auto kept = by.keep(*part); !kept)
        return std::move(kept).error();
      return part;
    }
    if (!is_to_be_waited_out(part.error().code) || tries >= by.rules.tries)
      return part;
    log(log_level::info, "part-retried",
        {{"part", number}, {"tries", tries}, {"why", part.error().what}});
    message = "sending part " + std::to_string(number) + " again, try "
              + std::to_string(tries + 1) + " of "
              + std::to_string(by.rules.tries) + ": " + part.error().what;
    so_far(0);
    const milliseconds drawn{static_cast<milliseconds::rep>(
        static_cast<double>(wait.count()) * draw())};
    if (!rest(drawn, stop))
      return asked_to_stop();
    wait = std::min(by.rules.longest_wait, wait * 2);
  }
}

/// Bytes of all parts together, from what each says of itself.
class meter {
public:
  meter(std::int64_t begin, const part_sender& by) : sum_(begin), by_(by) {}

  part_tell of(int number) {
    return [this, number](std::int64_t bytes, const std::string& message) {
      std::int64_t all = 0;
      {
        const std::scoped_lock lock{mutex_};
        sum_ += bytes - std::exchange(here_[number], bytes);
        all = sum_;
      }
      by_.tell(all, message);
    };
  }

private:
  std::mutex mutex_;
  std::map<int, std::int64_t> here_;
  std::int64_t sum_;
  const part_sender& by_;
};

class text_source final : public byte_source {
public:
  explicit text_source(const std::string& text) : text_(text) {}
  std::int64_t size() const override {
    return static_cast<std::int64_t>(text_.size());
  }
  status read(std::int64_t at, std::span<char> into) const override {
    std::memcpy(into.data(), text_.data() + at, into.size());
    return {};
  }

private:
  const std::string& text_;
};

/// As many of `wanted` as the system gives. Too few send the same parts, fewer
/// at once. Their lines say for which job they send.
template<class Work>
void start_threads(std::vector<std::thread>& threads, std::size_t wanted,
                   const Work& work) {
  try {
    threads.reserve(wanted);
    while (threads.size() < wanted)
      threads.emplace_back(with_log_context(work));
  } catch (const std::exception& why) { // system_error: a limit of processes
    log(log_level::warning, "part-threads-missing",
        {{"wanted", static_cast<std::int64_t>(wanted)},
         {"started", static_cast<std::int64_t>(threads.size())},
         {"why", why.what()}});
  }
}

std::vector<object_part> in_order(const std::map<int, object_part>& parts) {
  std::vector<object_part> out;
  for (const auto& [number, part] : parts)
    out.push_back(part);
  return out;
}

} // namespace

status file_part::read(std::int64_t at, std::span<char> into) const {
  std::size_t done = 0;
  while (done < into.size()) {
    const auto got =
        ::pread(fd_, into.data() + done, into.size() - done,
                static_cast<off_t>(at_ + at) + static_cast<off_t>(done));
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return system_fault(errno, "pread", "an archive");
    if (got == 0)
      return fault{.code = fault_code::io_error,
                   .what = "the archive became shorter while it was sent"};
    done += static_cast<std::size_t>(got);
  }
  return {};
}

std::int64_t count_parts(std::int64_t size, std::int64_t part_size) {
  return std::max<std::int64_t>(1, (size + part_size - 1) / part_size);
}

result<std::vector<object_part>>
send_parts(int fd, std::int64_t size, std::int64_t part_size,
           const std::vector<object_part>& there, const part_sender& by,
           std::stop_token stop) {
  const auto count = static_cast<int>(count_parts(size, part_size));
  std::map<int, object_part> parts;
  std::int64_t sent = 0;
  for (const auto& part : there) {
    const auto at = (part.number - 1) * part_size;
    if (part.number < 1 || part.number > count
        || part.size != std::min(part_size, size - at))
      continue;
    sent += part.size;
    parts[part.number] = part;
  }
  std::vector<int> missing;
  for (int number = 1; number <= count; ++number)
    if (!parts.contains(number))
      missing.push_back(number);

  meter bytes{sent, by};
  std::stop_source own;
  const std::stop_callback link{stop, [&own] { own.request_stop(); }};
  std::mutex mutex;
  std::optional<fault> failed;
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (;;) {
      const auto index = next++;
      if (index >= missing.size() || own.stop_requested())
        return;
      const int number = missing[index];
      const auto at = (number - 1) * part_size;
      const file_part from{fd, at, std::min(part_size, size - at)};
      auto part = send_one(number, from, by, bytes.of(number), own.get_token());
      const std::scoped_lock lock{mutex};
      if (part)
        parts[number] = *std::move(part);
      else if (!failed)
        failed = std::move(part).error();
      if (failed)
        own.request_stop();
    }
  };
  std::vector<std::thread> threads;
  const auto wanted = std::min<std::size_t>(
      missing.size(), static_cast<std::size_t>(std::max(by.rules.parallel, 1)));
  if (wanted > 1)
    start_threads(threads, wanted - 1, work); // and this one
  work();
  for (auto& thread : threads)
    thread.join();
  if (failed)
    return *std::move(failed);
  if (stop.stop_requested())
    return asked_to_stop();
  return in_order(parts);
}

// -- while it is made ---------------------------------------------------------

part_stream::part_stream(std::int64_t part_size, int buffers, int most_parts,
                         part_sender by, std::stop_token stop)
  : part_size_(part_size), most_parts_(most_parts), by_(std::move(by)),
    link_(std::move(stop), [this] {
      const std::scoped_lock lock{mutex_};
      stop_.request_stop();
      changed_.notify_all();
    }) {
  buffers = std::max(buffers, 2);
  buffers_.resize(static_cast<std::size_t>(buffers));
  start_threads(threads_, buffers_.size() - 1, [this] { work(); });
  if (threads_.empty()) {
    const std::scoped_lock lock{mutex_};
    fail({.code = fault_code::io_error,
          .what = "the system gives no thread to send parts"});
  }
}

part_stream::~part_stream() {
  {
    const std::scoped_lock lock{mutex_};
    is_over_ = true;
    stop_.request_stop();
    queue_.clear();
  }
  changed_.notify_all();
  for (auto& thread : threads_)
    if (thread.joinable())
      thread.join();
}

void part_stream::fail(fault why) {
  if (!failed_)
    failed_ = std::move(why);
  stop_.request_stop();
  changed_.notify_all();
}

/// All bytes that are through or under way.
std::int64_t part_stream::note(int number, std::int64_t bytes) {
  const std::scoped_lock lock{mutex_};
  under_way_[number] = bytes;
  auto all = through_;
  for (const auto& [part, sent] : under_way_)
    all += sent;
  return all;
}

void part_stream::work() {
  std::unique_lock lock{mutex_};
  for (;;) {
    changed_.wait(lock, [&] { return is_over_ || !queue_.empty(); });
    if (queue_.empty())
      return;
    auto& mine = *queue_.front();
    queue_.pop_front();
    lock.unlock();
    const text_source from{mine.bytes};
    const auto number = mine.number;
    auto part = send_one(
        number, from, by_,
        [this, number](std::int64_t bytes, const std::string& message) {
          by_.tell(note(number, bytes), message);
        },
        stop_.get_token());
    lock.lock();
    under_way_.erase(number);
    if (part) {
      through_ += part->size;
      parts_[number] = *std::move(part);
    } else {
      fail(std::move(part).error());
    }
    mine.bytes.clear();
    mine.is_full = false;
    changed_.notify_all();
  }
}

/// With the mutex held by nobody: gives the part that is full to a thread.
status part_stream::hand_over() {
  const std::scoped_lock lock{mutex_};
  filling_->number = next_number_++;
  filling_->is_full = true;
  queue_.push_back(std::exchange(filling_, nullptr));
  changed_.notify_all();
  return failed_ ? status{*failed_} : status{};
}

status part_stream::write(std::string_view piece) {
  while (!piece.empty()) {
    if (!filling_) {
      std::unique_lock lock{mutex_};
      changed_.wait(lock, [&] {
        return failed_ || stop_.stop_requested()
               || std::ranges::any_of(
                   buffers_, [](const buffer& b) { return !b.is_full; });
      });
      if (failed_)
        return *failed_;
      if (stop_.stop_requested())
        return asked_to_stop();
      if (next_number_ > most_parts_)
        return fault{.code = fault_code::store_refused,
                     .what = "the archive became larger than the parts that "
                             "were asked for"};
      filling_ = &*std::ranges::find_if(
          buffers_, [](const buffer& b) { return !b.is_full; });
      filling_->bytes.reserve(static_cast<std::size_t>(part_size_));
    }
    const auto room =
        static_cast<std::size_t>(part_size_) - filling_->bytes.size();
    const auto take = std::min(room, piece.size());
    filling_->bytes.append(piece.substr(0, take));
    piece.remove_prefix(take);
    if (take == room)
      if (auto given = hand_over(); !given)
        return given;
  }
  return {};
}

result<std::vector<object_part>> part_stream::finish() {
  if (filling_)
    if (auto given = hand_over(); !given)
      return std::move(given).error();
  {
    std::unique_lock lock{mutex_};
    changed_.wait(lock, [&] {
      return failed_
             || (queue_.empty()
                 && std::ranges::none_of(
                     buffers_, [](const buffer& b) { return b.is_full; }));
    });
    is_over_ = true;
    changed_.notify_all();
  }
  for (auto& thread : threads_)
    thread.join();
  if (failed_)
    return *failed_;
  if (stop_.stop_requested())
    return asked_to_stop();
  return in_order(parts_);
}

} // namespace alula::jobs
