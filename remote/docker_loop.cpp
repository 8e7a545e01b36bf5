#include "remote/docker_loop.hpp"

#include "remote/docker_wire.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <map>
#include <mutex>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <unordered_map>
#include <utility>
#include <vector>

namespace alula::remote {

using std::chrono::milliseconds;
using clock = std::chrono::steady_clock;

namespace {

/// Of an answer that is no success.
constexpr std::size_t longest_refusal = std::size_t{64} << 10;
/// Between two tries to connect while the socket's queue is full.
constexpr milliseconds connect_pause{50};

struct descriptor {
  int fd = -1;
  descriptor() = default;
  explicit descriptor(int n) : fd(n) {}
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  ~descriptor() {
    if (fd >= 0)
      ::close(fd);
  }
};

int checked(int fd, const char* call) {
  if (fd < 0)
    throw std::system_error{errno, std::generic_category(), call};
  return fd;
}

} // namespace

class stream_loop::engine {
public:
  explicit engine(std::string path)
    : path_(std::move(path)),
      epoll_(checked(epoll_create1(EPOLL_CLOEXEC), "epoll_create1")),
      wake_(checked(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd")) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = 0;
    checked(epoll_ctl(epoll_.fd, EPOLL_CTL_ADD, wake_.fd, &event), "epoll_ctl");
    thread_ = std::thread{[this] { run(); }};
  }

  ~engine() {
    post([this] { is_stopping_ = true; });
    thread_.join();
  }
  engine(const engine&) = delete;
  engine& operator=(const engine&) = delete;

  void post(std::function<void()> command) {
    {
      const std::lock_guard guard{mutex_};
      commands_.push_back(std::move(command));
    }
    const std::uint64_t one = 1;
    // A full counter wakes as well.
    [[maybe_unused]] const auto written = ::write(wake_.fd, &one, sizeof one);
  }

  stream_id next_id() { return ++last_id_; }

  // -- on the loop's thread --------------------------------------------------

  void begin(stream_id id, request what, std::shared_ptr<sink> to) {
    auto& one = streams_[id];
    one.to = std::move(to);
    one.out = std::move(what.text);
    one.request_left = one.out.size();
    call_after(what.limit, [this, id] {
      if (auto* late = find(id); late != nullptr && !late->is_open)
        end(id, {ending::reason::timed_out});
    });
    connect(id);
  }

  void drop(stream_id id) { streams_.erase(id); }

  void write(stream_id id, std::string_view text) {
    auto* one = find(id);
    if (one == nullptr)
      return;
    one->out += text;
    if (one->is_connected)
      flush(id, *one);
  }

  void resume(stream_id id) {
    auto* one = find(id);
    if (one == nullptr || !one->is_paused)
      return;
    one->is_paused = false;
    listen(id, *one, EPOLL_CTL_ADD);
  }

  void call_after(milliseconds time, std::function<void()> what) {
    timers_.emplace(clock::now() + time, std::move(what));
  }

private:
  struct stream {
    std::shared_ptr<sink> to;
    descriptor socket;
    answer_reader reader;
    std::string out;              ///< not sent yet
    std::size_t request_left = 0; ///< of `out`
    std::string refusal;
    bool is_connected = false;
    bool is_open = false;
    bool is_paused = false;
    bool waits_to_send = false;
  };

  stream* find(stream_id id) {
    const auto at = streams_.find(id);
    return at == streams_.end() ? nullptr : &at->second;
  }

  void end(stream_id id, const ending& why) {
    const auto at = streams_.find(id);
    if (at == streams_.end())
      return;
    const auto to = std::move(at->second.to);
    streams_.erase(at);
    to->closed(why);
  }

  void connect(stream_id id) {
    auto* one = find(id);
    if (one == nullptr)
      return;
    if (one->socket.fd < 0)
      one->socket.fd =
          socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (one->socket.fd < 0 || path_.size() >= sizeof address.sun_path)
      return end(id, {ending::reason::unreachable,
                      one->socket.fd < 0 ? errno : ENAMETOOLONG});
    path_.copy(address.sun_path, path_.size());
    if (::connect(one->socket.fd, reinterpret_cast<sockaddr*>(&address),
                  sizeof address)
        != 0) {
      if (errno != EAGAIN && errno != EINTR)
        return end(id, {ending::reason::unreachable, errno});
      // Its queue is full: nobody accepts. The limit ends this.
      return call_after(connect_pause, [this, id] { connect(id); });
    }
    one->is_connected = true;
    listen(id, *one, EPOLL_CTL_ADD);
    if (one = find(id); one != nullptr)
      flush(id, *one);
  }

  void listen(stream_id id, const stream& one, int operation) {
    epoll_event event{};
    event.events = EPOLLIN;
    if (one.waits_to_send)
      event.events |= EPOLLOUT;
    event.data.u64 = id;
    if (epoll_ctl(epoll_.fd, operation, one.socket.fd, &event) != 0)
      end(id, {ending::reason::broken, errno});
  }

  void flush(stream_id id, stream& one) {
    while (!one.out.empty()) {
      const auto sent =
          send(one.socket.fd, one.out.data(), one.out.size(), MSG_NOSIGNAL);
      if (sent < 0 && errno == EINTR)
        continue;
      if (sent < 0 && errno != EAGAIN)
        return; // the reading side says what happened
      if (sent < 0)
        break;
      const auto count = static_cast<std::size_t>(sent);
      const auto of_request = std::min(count, one.request_left);
      one.request_left -= of_request;
      one.out.erase(0, count);
      if (count > of_request)
        one.to->sent(count - of_request);
    }
    const bool waits = !one.out.empty();
    if (waits == std::exchange(one.waits_to_send, waits) || one.is_paused)
      return;
    listen(id, one, EPOLL_CTL_MOD);
  }

  /// Reads once, so that a chatty container does not keep the others waiting.
  void read(stream_id id, stream& one) {
    const auto got = recv(one.socket.fd, buffer_.data(), buffer_.size(), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
      return;
    if (got <= 0) {
      const bool is_whole = got == 0 && one.reader.close();
      return conclude(id, one, is_whole);
    }
    bool goes_on = true;
    const std::string_view bytes{buffer_.data(), static_cast<std::size_t>(got)};
    const bool makes_sense = one.reader.feed(bytes, [&](std::string_view body) {
      if (!is_success(one.reader.status()))
        one.refusal.append(body.substr(
            0,
            longest_refusal - std::min(longest_refusal, one.refusal.size())));
      else
        goes_on = announce(one).take(body) && goes_on;
    });
    if (!makes_sense)
      return end(id, {ending::reason::broken});
    if (is_success(one.reader.status()))
      announce(one);
    if (one.reader.is_over())
      return conclude(id, one, true);
    if (!goes_on) {
      // Not only without EPOLLIN: a peer that hung up would be told for ever.
      one.is_paused = true;
      epoll_ctl(epoll_.fd, EPOLL_CTL_DEL, one.socket.fd, nullptr);
    }
  }

  static bool is_success(int status) {
    return status == 101 || (status >= 200 && status < 300);
  }

  static sink& announce(stream& one) {
    if (!std::exchange(one.is_open, true))
      one.to->opened();
    return *one.to;
  }

  void conclude(stream_id id, stream& one, bool is_whole) {
    const auto status = one.reader.status();
    if (status != 0 && !is_success(status))
      return end(
          id, {ending::reason::refused, 0, {status, std::move(one.refusal)}});
    if (is_whole && status != 0)
      announce(one);
    end(id, {is_whole && status != 0 ? ending::reason::finished
                                     : ending::reason::broken});
  }

  void run() {
    std::array<epoll_event, 64> events{};
    while (!is_stopping_) {
      const auto count = epoll_wait(epoll_.fd, events.data(),
                                    static_cast<int>(events.size()), nap());
      for (int i = 0; i < count; ++i) {
        const auto& event = events[static_cast<std::size_t>(i)];
        const auto id = event.data.u64;
        if (id == 0) {
          std::uint64_t sink = 0;
          [[maybe_unused]] const auto got =
              ::read(wake_.fd, &sink, sizeof sink);
          continue;
        }
        if (auto* one = find(id); one != nullptr && event.events & EPOLLOUT)
          flush(id, *one);
        if (auto* one = find(id); one != nullptr && event.events & ~EPOLLOUT)
          read(id, *one);
      }
      run_commands();
      run_timers();
    }
  }

  int nap() const {
    if (timers_.empty())
      return -1;
    const auto left =
        std::chrono::ceil<milliseconds>(timers_.begin()->first - clock::now());
    return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 60'000));
  }

  void run_commands() {
    std::vector<std::function<void()>> commands;
    {
      const std::lock_guard guard{mutex_};
      commands.swap(commands_);
    }
    for (const auto& command : commands)
      command();
  }

  void run_timers() {
    const auto now = clock::now();
    while (!timers_.empty() && timers_.begin()->first <= now) {
      const auto what = std::move(timers_.begin()->second);
      timers_.erase(timers_.begin());
      what();
    }
  }

  const std::string path_;
  const descriptor epoll_;
  const descriptor wake_;
  std::atomic<stream_id> last_id_ = 0;
  std::mutex mutex_;
  std::vector<std::function<void()>> commands_;
  // Of the loop's thread:
  bool is_stopping_ = false;
  std::unordered_map<stream_id, stream> streams_;
  std::multimap<clock::time_point, std::function<void()>> timers_;
  std::array<char, std::size_t{64} << 10> buffer_{};
  std::thread thread_;
};

stream_loop::stream_loop(std::string unix_socket)
  : engine_(std::make_unique<engine>(std::move(unix_socket))) {}

stream_loop::~stream_loop() = default;

stream_loop::stream_id stream_loop::new_id() {
  return engine_->next_id();
}

void stream_loop::open(stream_id id, request what, std::shared_ptr<sink> to) {
  engine_->post([e = engine_.get(), id, asked = std::move(what),
                 hears = std::move(to)]() mutable {
    e->begin(id, std::move(asked), std::move(hears));
  });
}

void stream_loop::close(stream_id id) {
  engine_->post([e = engine_.get(), id] { e->drop(id); });
}

void stream_loop::write(stream_id id, std::string text) {
  engine_->post([e = engine_.get(), id, words = std::move(text)] {
    e->write(id, words);
  });
}

void stream_loop::resume(stream_id id) {
  engine_->post([e = engine_.get(), id] { e->resume(id); });
}

void stream_loop::after(milliseconds time, std::function<void()> what) {
  engine_->post([e = engine_.get(), time, call = std::move(what)]() mutable {
    e->call_after(time, std::move(call));
  });
}

} // namespace alula::remote
