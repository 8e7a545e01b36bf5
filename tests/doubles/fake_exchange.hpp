/// An exchange without a server: records what a handler did with it.
#pragma once

#include "http/exchange.hpp"
#include "http/text.hpp"
#include "jobs/log.hpp"
#include "tests/doubles/fake_websocket.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace alula::doubles {

class fake_stream final : public http::stream {
public:
  ~fake_stream() override; ///< in fakes.cpp, as is all that is virtual
  bool write(std::string chunk) override {
    std::lock_guard lock{mutex_};
    if (!open_)
      return false;
    if (unsent_limit && sent_ + chunk.size() > *unsent_limit) {
      open_ = false;
      changed_.notify_all();
      return false;
    }
    sent_ += chunk.size();
    chunks_.push_back(std::move(chunk));
    changed_.notify_all();
    return true;
  }
  void close() override {
    std::lock_guard lock{mutex_};
    open_ = false;
    closed_ = true;
    changed_.notify_all();
  }
  bool is_open() const override {
    std::lock_guard lock{mutex_};
    return open_;
  }

  /// The client vanishes: the next write fails.
  void vanish() {
    std::lock_guard lock{mutex_};
    open_ = false;
    changed_.notify_all();
  }
  /// close() was called by the server's side.
  bool was_closed() const {
    std::lock_guard lock{mutex_};
    return closed_;
  }
  std::vector<std::string> chunks() const {
    std::lock_guard lock{mutex_};
    return chunks_;
  }
  std::string text() const {
    std::lock_guard lock{mutex_};
    std::string all;
    for (const auto& chunk : chunks_)
      all += chunk;
    return all;
  }
  /// Waits until what was written contains `needle`; false after the limit.
  bool wait_for_text(std::string_view needle,
                     std::chrono::milliseconds limit = std::chrono::seconds{
                         10}) const {
    std::unique_lock lock{mutex_};
    return changed_.wait_for(lock, limit, [&] {
      std::string all;
      for (const auto& chunk : chunks_)
        all += chunk;
      return all.find(needle) != std::string::npos;
    });
  }

  /// As if the client never read: a write beyond it fails and closes.
  std::optional<std::size_t> unsent_limit;

private:
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::vector<std::string> chunks_;
  std::size_t sent_ = 0;
  bool open_ = true, closed_ = false;
};

class fake_exchange final : public http::exchange {
public:
  ~fake_exchange() override; ///< in fakes.cpp, as is all that is virtual
  explicit fake_exchange(http::request req) : req_(std::move(req)) {}

  const http::request& req() const override { return req_; }

  void reply(http::response answer) override {
    std::lock_guard lock{mutex_};
    if (std::exchange(answered_, true))
      return;
    answer_ = std::move(answer);
    changed_.notify_all();
  }
  /// The slice's bytes become the body of the recorded answer, its length the
  /// Content-Length; HEAD gets the latter alone.
  void reply_file(http::response head, http::file_slice file) override {
    std::lock_guard lock{mutex_};
    if (std::exchange(answered_, true))
      return;
    head.headers.emplace_back("Content-Length", std::to_string(file.length));
    if (req_.method != "HEAD") {
      head.body.resize(static_cast<std::size_t>(file.length));
      const auto got = ::pread(file.descriptor, head.body.data(),
                               head.body.size(), file.offset);
      head.body.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    }
    if (keeps_files)
      sent_file_ = std::move(file);
    answer_ = std::move(head);
    changed_.notify_all();
  }
  /// Pulls all of it, piece by piece, before it returns or later, as the source
  /// likes. A source that breaks its promise leaves no answer but broken_body.
  /// The body came with the request.
  bool take_body(std::shared_ptr<jobs::body_pipe>) override { return false; }

  void reply_pulled(http::response head, std::int64_t length,
                    std::shared_ptr<http::body_source> from) override {
    {
      std::lock_guard lock{mutex_};
      if (std::exchange(answered_, true))
        return;
    }
    head.headers.emplace_back("Content-Length", std::to_string(length));
    // As the door does: on a thread that works for nobody.
    const jobs::log_scope as{jobs::log_context::of_nobody()};
    pull(std::make_shared<pulled>(pulled{
        std::move(head), req_.method == "HEAD" ? 0 : length, std::move(from)}));
  }
  std::shared_ptr<http::stream> start_stream(http::response head) override {
    std::lock_guard lock{mutex_};
    if (std::exchange(answered_, true))
      return nullptr;
    answer_ = std::move(head);
    stream_ = std::make_shared<fake_stream>();
    stream_->unsent_limit = stream_limit;
    changed_.notify_all();
    return stream_;
  }
  std::shared_ptr<http::websocket>
  upgrade(http::websocket_events events) override {
    std::lock_guard lock{mutex_};
    const auto wanted = req_.header("Upgrade");
    if (!wanted || !http::has_token(*wanted, "websocket")
        || std::exchange(answered_, true))
      return nullptr;
    socket_ = std::make_shared<fake_websocket>(std::move(events));
    changed_.notify_all();
    return socket_;
  }

  bool is_answered() const {
    std::lock_guard lock{mutex_};
    return answered_;
  }
  /// Waits for reply() or start_stream(); nothing after the limit.
  /// For a door, which completes it before anybody else sees it.
  http::request& incomplete() { return req_; }

  std::optional<http::response> wait_for_answer(
      std::chrono::milliseconds limit = std::chrono::seconds{10}) const {
    std::unique_lock lock{mutex_};
    changed_.wait_for(lock, limit, [&] { return answer_.has_value(); });
    return answer_;
  }
  std::shared_ptr<fake_stream> opened_stream() const {
    std::lock_guard lock{mutex_};
    return stream_;
  }
  std::shared_ptr<fake_websocket> opened_socket() const {
    std::lock_guard lock{mutex_};
    return socket_;
  }

  /// The client has not taken the file yet: its hold is kept.
  bool keeps_files = false;
  void let_file_go() {
    std::lock_guard lock{mutex_};
    sent_file_ = {};
  }
  std::string broken_body() const {
    std::lock_guard lock{mutex_};
    return broken_body_;
  }

  /// The unsent limit of the stream a handler opens.
  std::optional<std::size_t> stream_limit;

private:
  struct pulled {
    http::response head;
    std::int64_t length;
    std::shared_ptr<http::body_source> from;
  };

  void pull(const std::shared_ptr<pulled>& what) {
    if (static_cast<std::int64_t>(what->head.body.size()) == what->length) {
      std::lock_guard lock{mutex_};
      answer_ = std::move(what->head);
      changed_.notify_all();
      return;
    }
    what->from->pull([this, what](jobs::result<std::string> piece) {
      const auto left =
          static_cast<std::size_t>(what->length) - what->head.body.size();
      if (!piece || piece->empty() || piece->size() > left) {
        std::lock_guard lock{mutex_};
        broken_body_ = piece ? "another length" : piece.error().what;
        changed_.notify_all();
        return;
      }
      what->head.body += *piece;
      pull(what);
    });
  }

  http::request req_;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::optional<http::response> answer_;
  std::shared_ptr<fake_stream> stream_;
  std::shared_ptr<fake_websocket> socket_;
  http::file_slice sent_file_;
  std::string broken_body_;
  bool answered_ = false;
};

/// A request as the door would hand it on; the target may carry a query.
inline http::request make_request(std::string method, std::string_view target,
                                  std::string body = {},
                                  http::header_list headers = {}) {
  http::request req;
  req.method = std::move(method);
  const auto mark = target.find('?');
  req.path = target.substr(0, mark);
  if (mark != std::string_view::npos)
    req.query = http::parse_query(target.substr(mark + 1));
  req.headers = std::move(headers);
  req.body = std::move(body);
  req.request_id = "5f0c1d2e-0000-4000-8000-000000000001";
  req.remote = "127.0.0.1";
  req.who = jobs::panel_principal();
  req.proof = http::credential::good;
  return req;
}

/// The value of the answer's header, or empty.
inline std::string header_of(const http::response& answer,
                             std::string_view name) {
  for (const auto& [key, value] : answer.headers)
    if (http::equal_ignoring_case(key, name))
      return value;
  return {};
}

} // namespace alula::doubles
