/// One request from its head to the last byte of its answer, on the I/O thread;
/// and the exchange, stream and websocket that other threads hold of it. They
/// name the visit by number, so they can outlive it and the server.
#pragma once

#include "http/connection.hpp"
#include "http/cors.hpp"
#include "http/exchange.hpp"
#include "http/io_thread.hpp"
#include "http/line.hpp"
#include "http/wire.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>

namespace alula::http {

class stream_state;
class socket_state;
class visit;

using visit_id = std::uint64_t;

/// All visits of a server. I/O thread, apart from `thread` and the limits.
class visitors {
public:
  struct limits {
    std::size_t stream_unsent;
    std::size_t socket_unsent;
    std::chrono::milliseconds socket_close;
  };
  visitors(std::shared_ptr<io_thread> on, disk_reads& files, limits held)
    : thread(std::move(on)), reads(files), limit(held) {}

  visit* find(visit_id id) const {
    const auto found = open_.find(id);
    return found == open_.end() ? nullptr : found->second;
  }
  visit_id add(visit& who) {
    open_.emplace(++last_, &who);
    return last_;
  }
  void remove(visit_id id) { open_.erase(id); }
  /// Ends streams and closes websockets with 1001.
  void dismiss_long_lived();

  const std::shared_ptr<io_thread> thread;
  disk_reads& reads;
  const limits limit;
  std::size_t pending = 0, streams = 0, websockets = 0, transfers = 0;
  bool closing = false; ///< answers are the last of their connection

private:
  std::unordered_map<visit_id, visit*> open_;
  visit_id last_ = 0;
};

/// What an answer must know of its request.
struct visit_facts {
  std::string request_id;
  std::string path; ///< raw
  std::shared_ptr<const cors> cross_origin;
  std::string_view extra_lines; ///< of it
  bool keep_alive = true;
  bool head_only = false;
};

class visit final : public tenant, public std::enable_shared_from_this<visit> {
public:
  visit(visitors& all, connection& on, std::unique_ptr<line> back,
        visit_facts facts);
  ~visit() override;

  visit_id id() const { return id_; }

  void answer(const response& what);
  void take_body(std::shared_ptr<jobs::body_pipe> into);
  void open_stream(const response& head, std::shared_ptr<stream_state> state);
  void open_socket(std::shared_ptr<socket_state> state);
  void send_file(const response& head, std::shared_ptr<const file_slice> file);
  void send_pulled(const response& head, std::int64_t length,
                   std::shared_ptr<body_source> from);

  // -- what their holders ask -------------------------------------------------

  void flush_stream();
  void finish_stream();
  void flush_socket();
  void cut();
  void dismiss();

  void connection_ended() override;
  void deadline_passed() override;
  void frame_refused(std::uint16_t close_code) override;
  bool survives_half_close() const override {
    return now_ == stage::pending || now_ == stage::sending;
  }

private:
  enum class stage { pending, answered, sending, streaming, websocket, over };

  void leave_pending(stage next);
  bool is_sending() const override { return now_ == stage::sending; }
  void body_sent(bool ok);
  wire_frame frame_of_body(std::int64_t length) const;
  void pull();
  void piece_came(jobs::result<std::string> piece);
  void frame_came(std::string payload, bool last);
  void close_came(std::uint16_t code);
  void send_close(std::uint16_t code, std::string_view reason);

  visitors& all_;
  connection& connection_;
  std::unique_ptr<line> line_;
  visit_facts facts_;
  visit_id id_;
  stage now_ = stage::pending;

  std::shared_ptr<body_source> source_;
  std::int64_t to_send_ = 0; ///< of what the source has promised

  std::shared_ptr<stream_state> stream_;
  std::shared_ptr<socket_state> socket_;
  std::unique_ptr<frame_line> frames_;
  std::string message_; ///< of fragments so far
  std::uint16_t peer_code_ = 0, own_code_ = 0;
};

/// Where a holder's wishes go: to the visit, on the I/O thread, if both are
/// still there.
class way_back {
public:
  way_back(visit_id id, visitors& all)
    : id_(id), thread_(all.thread), all_(&all) {}

  /// Now when on the I/O thread, else soon.
  template<class Wish>
  bool tell(Wish wish) const {
    if (thread_->is_here()) {
      if (auto* who = all_->find(id_))
        wish(*who);
      return true;
    }
    return tell_later(std::move(wish));
  }

  /// The same for what has to end with care: also when the visit is gone, which
  /// is then null.
  template<class Wish>
  bool tell_anyway(Wish wish) const {
    auto told = [all = all_, id = id_, wish = std::move(wish)]() mutable {
      wish(*all, all->find(id));
    };
    if (!thread_->is_here())
      return thread_->post(std::move(told));
    told();
    return true;
  }

  /// Never from inside the call: for wishes made under somebody's feet.
  template<class Wish>
  bool tell_later(Wish wish) const {
    return thread_->post(
        [all = all_, id = id_, wish = std::move(wish)]() mutable {
          if (auto* who = all->find(id))
            wish(*who);
        });
  }

private:
  visit_id id_;
  std::shared_ptr<io_thread> thread_;
  visitors* all_; ///< used on the I/O thread only, while it runs
};

/// The exchange of a visit, for any thread, and the request it shows, which the
/// door completes before anybody else sees it. `can_stream`: the client speaks
/// HTTP/1.1, so that chunks can be sent.
std::pair<exchange_ptr, request*> make_exchange(request req, visit_id id,
                                                bool can_stream, visitors& all);

} // namespace alula::http
