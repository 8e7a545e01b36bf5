#include "http/server.hpp"

#include "http/disk_reads.hpp"
#include "http/door.hpp"
#include "http/io_thread.hpp"
#include "http/listener.hpp"
#include "http/restinio_bridge.hpp"
#include "http/tls.hpp"
#include "http/upload_gate.hpp"
#include "http/visit.hpp"
#include "jobs/log.hpp"

#include <atomic>
#include <condition_variable>
#include <csignal>
#include <future>
#include <mutex>
#include <pthread.h>
#include <thread>
#include <utility>

namespace alula::http {

using std::chrono::milliseconds;

/// Members in order of dependence; the context goes before those that its
/// remaining handlers point to.
struct server::running {
  running(server_settings given, std::vector<route> routes)
    : settings(std::move(given)), entry(settings, std::move(routes)),
      context(std::make_unique<asio::io_context>(1)),
      thread(std::make_shared<io_thread>(*context)), reads(thread),
      everyone(thread, reads,
               {settings.limits.stream_unsent, settings.limits.socket_unsent,
                settings.limits.socket_close}),
      gate(*context, settings, entry, reads),
      bridge(std::make_unique<restinio_bridge>(*context, settings, entry,
                                               everyone)) {}

  server_settings settings;
  door entry;
  std::unique_ptr<asio::io_context> context;
  std::shared_ptr<io_thread> thread;
  disk_reads reads;
  visitors everyone;
  listener gate;
  std::unique_ptr<restinio_bridge> bridge;
  std::thread worker;
  std::atomic<bool> is_up{false}; ///< the worker runs or will
  std::atomic<std::uint16_t> port{0};

  std::mutex mutex;
  std::condition_variable changed;
  bool empty = false;

  /// Runs `work` on the I/O thread and waits for it.
  template<class Work>
  auto run_inside(Work work) -> decltype(work()) {
    using result = decltype(work());
    auto task = std::make_shared<std::packaged_task<result()>>(std::move(work));
    auto done = task->get_future();
    if (!thread->post([task = std::move(task)] { (*task)(); }))
      return result();
    try {
      return done.get();
    } catch (const std::future_error&) { // the thread ended before it
      return result();
    }
  }

  void work() {
    ::pthread_setname_np(::pthread_self(), "alula-door");
    thread->enter();
    // sendfile(2) has no way to say that a vanished client is no reason to die.
    sigset_t broken_pipe;
    ::sigemptyset(&broken_pipe);
    ::sigaddset(&broken_pipe, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
    const auto busy = asio::make_work_guard(*context);
    for (;;) {
      try {
        context->run();
        return;
      } catch (const std::exception& e) {
        // Nothing of ours throws into asio; what does must not end the door.
        jobs::log(jobs::log_level::error, "door-exception",
                  {{"what", e.what()}});
      }
    }
  }

  void begin_drain() {
    entry.drain();
    everyone.closing = true;
    gate.close_acceptor();
  }
};

server::server(server_settings settings, std::vector<route> routes)
  : running_(
      std::make_unique<running>(std::move(settings), std::move(routes))) {}

server::~server() {
  stop(milliseconds{0});
}

jobs::status server::start() {
  auto& r = *running_;
  if (r.settings.tls) {
    auto loaded = load_tls(*r.settings.tls);
    if (!loaded)
      return std::move(loaded).error();
    r.gate.use_tls(*loaded);
  }
  auto opened = r.gate.open([&r](std::shared_ptr<connection> fresh) {
    r.bridge->adopt(std::move(fresh));
  });
  if (!opened)
    return opened;
  r.gate.on_head = [&r](connection& on, streamed_head head) {
    admit_upload(on, std::move(head), r.entry, r.everyone,
                 r.settings.limits.pending);
  };
  r.gate.on_ended = [&r](const connection& gone) { r.bridge->forget(gone); };
  r.gate.on_empty = [&r] {
    std::lock_guard lock{r.mutex};
    r.empty = true;
    r.changed.notify_all();
  };
  r.port = r.gate.port();
  r.worker = std::thread{[&r] { r.work(); }};
  r.is_up = true;
  return {};
}

std::uint16_t server::port() const {
  return running_->port;
}

void server::set_token(std::string token) {
  running_->entry.auth().replace(std::move(token));
}

void server::set_cross_origin(cors_settings settings) {
  auto& r = *running_;
  r.thread->post([&r, settings = std::move(settings)] {
    r.entry.set_cross_origin(settings);
  });
}

jobs::status server::reload_tls() {
  auto& r = *running_;
  if (!r.settings.tls)
    return {};
  auto loaded = load_tls(*r.settings.tls);
  if (!loaded)
    return std::move(loaded).error();
  r.thread->post(
      [&r, context = std::move(*loaded)] { r.gate.use_tls(context); });
  jobs::log(jobs::log_level::info, "tls-reloaded",
            {{"certificate", r.settings.tls->certificate.string()}});
  return {};
}

void server::drain() {
  auto& r = *running_;
  r.thread->post([&r] { r.begin_drain(); });
}

void server::stop(milliseconds grace) {
  auto& r = *running_;
  if (!r.worker.joinable())
    return;
  {
    std::lock_guard lock{r.mutex};
    r.empty = false;
  }
  r.thread->post([&r] {
    r.begin_drain();
    r.everyone.dismiss_long_lived();
  });
  {
    std::unique_lock lock{r.mutex};
    r.changed.wait_for(lock, grace, [&r] { return r.empty; });
  }
  r.thread->post([&r] {
    r.gate.end_all();
    // What the ended connections have posted still runs.
    asio::post(*r.context, [&r] { r.context->stop(); });
  });
  r.worker.join();
  r.is_up = false;
  r.thread->close();
  r.gate.forget_context();
  r.context.reset();
  r.bridge.reset();
  r.port = 0;
}

server::counts server::count() const {
  auto& r = *running_;
  if (!r.is_up || r.thread->is_here())
    return {};
  return r.run_inside([&r] {
    return counts{r.gate.connections(), r.everyone.pending, r.everyone.streams,
                  r.everyone.websockets, r.everyone.transfers};
  });
}

} // namespace alula::http
