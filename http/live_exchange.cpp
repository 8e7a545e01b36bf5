#include "http/live.hpp"
#include "http/reply.hpp"
#include "http/text.hpp"
#include "http/visit.hpp"

#include <atomic>
#include <utility>

namespace alula::http {

namespace {

class live_stream final : public stream {
public:
  live_stream(way_back back, std::shared_ptr<stream_state> state)
    : back_(std::move(back)), state_(std::move(state)) {}
  ~live_stream() override { close(); }

  bool write(std::string chunk) override {
    switch (state_->write(chunk)) {
    case stream_state::taken::refused:
      return false;
    case stream_state::taken::overflow:
      back_.tell_later([](visit& who) { who.cut(); });
      return false;
    case stream_state::taken::first:
      if (back_.tell_later([](visit& who) { who.flush_stream(); }))
        return true;
      state_->end();
      return false;
    case stream_state::taken::queued:
      return true;
    }
    return false;
  }

  void close() override {
    if (state_->end())
      back_.tell_later([](visit& who) { who.finish_stream(); });
  }

  bool is_open() const override { return state_->is_open(); }

private:
  way_back back_;
  std::shared_ptr<stream_state> state_;
};

class live_socket final : public websocket {
public:
  live_socket(way_back back, std::shared_ptr<socket_state> state)
    : back_(std::move(back)), state_(std::move(state)) {}
  ~live_socket() override { close(1001, {}); }

  bool send(std::shared_ptr<const std::string> text) override {
    return push({socket_state::item::kinds::message, std::move(text)});
  }
  bool ping() override {
    return push({socket_state::item::kinds::ping, nullptr});
  }

  void close(std::uint16_t code, std::string_view reason) override {
    // RFC 6455, 5.5: a control frame carries at most 125 bytes, two of them
    // the code.
    push({socket_state::item::kinds::close,
          std::make_shared<const std::string>(reason.substr(0, 123)), code});
  }

  void kill() override {
    state_->refuse_sends();
    back_.tell_later([](visit& who) { who.cut(); });
  }

  bool is_open() const override { return state_->is_open(); }

private:
  bool push(socket_state::item next) {
    switch (state_->push(std::move(next))) {
    case socket_state::taken::refused:
      return false;
    case socket_state::taken::overflow:
      kill();
      return false;
    case socket_state::taken::first:
      if (back_.tell_later([](visit& who) { who.flush_socket(); }))
        return true;
      state_->refuse_sends();
      return false;
    case socket_state::taken::queued:
      return true;
    }
    return false;
  }

  way_back back_;
  std::shared_ptr<socket_state> state_;
};

/// RFC 6455, 4.2.1.
bool asks_for_websocket(const request& req) {
  const auto upgrade = req.header("Upgrade");
  const auto connection = req.header("Connection");
  const auto version = req.header("Sec-WebSocket-Version");
  const auto key = req.header("Sec-WebSocket-Key");
  return req.method == "GET" && upgrade && has_token(*upgrade, "websocket")
         && connection && has_token(*connection, "upgrade") && version
         && *version == "13" && key && key->size() == 24;
}

/// A body that nobody comes to send: its reader must not wait for it.
struct untaken {
  std::shared_ptr<jobs::body_pipe> body;
  ~untaken() {
    if (body)
      body->fail({jobs::fault_code::upload_failed,
                  "the client is gone before its body was read"});
  }
};

class live_exchange final : public exchange {
public:
  live_exchange(request req, way_back back, visitors::limits limit,
                bool can_stream)
    : req_(std::move(req)), back_(std::move(back)), limit_(limit),
      can_stream_(can_stream) {}

  ~live_exchange() override {
    if (!answered_)
      reply(problem(req_, {jobs::fault_code::internal,
                           "the request was dropped without an answer"}));
  }

  const request& req() const override { return req_; }
  request& incomplete() { return req_; }

  void reply(response answer) override {
    if (answered_.exchange(true))
      return;
    back_.tell(
        [answer = std::move(answer)](visit& who) { who.answer(answer); });
  }

  void reply_file(response head, file_slice file) override {
    if (answered_.exchange(true))
      return;
    // Also one whose client has gone is not closed on the I/O thread.
    back_.tell_anyway([head = std::move(head), file = std::move(file)](
                          visitors& all, visit* who) mutable {
      auto lent = all.reads.lend(std::move(file));
      if (who)
        who->send_file(head, std::move(lent));
    });
  }

  void reply_pulled(response head, std::int64_t length,
                    std::shared_ptr<body_source> from) override {
    if (answered_.exchange(true))
      return;
    back_.tell([head = std::move(head), length,
                from = std::move(from)](visit& who) mutable {
      who.send_pulled(head, length, std::move(from));
    });
  }

  bool take_body(std::shared_ptr<jobs::body_pipe> into) override {
    if (!req_.body_length)
      return false;
    auto held = std::make_shared<untaken>();
    held->body = std::move(into);
    back_.tell([held](visit& who) {
      who.take_body(std::exchange(held->body, nullptr));
    });
    return true;
  }

  std::shared_ptr<stream> start_stream(response head) override {
    if (req_.method == "HEAD") {
      reply(std::move(head));
      return nullptr;
    }
    if (!can_stream_) {
      reply(problem(req_, {jobs::fault_code::not_implemented,
                           "this answer is a stream: ask with HTTP/1.1"}));
      return nullptr;
    }
    if (answered_.exchange(true))
      return nullptr;
    auto state = std::make_shared<stream_state>(limit_.stream_unsent);
    auto opened = std::make_shared<live_stream>(back_, state);
    back_.tell([head = std::move(head), state](visit& who) {
      who.open_stream(head, state);
    });
    return opened;
  }

  std::shared_ptr<websocket> upgrade(websocket_events events) override {
    if (!asks_for_websocket(req_) || answered_.exchange(true))
      return nullptr;
    auto state =
        std::make_shared<socket_state>(limit_.socket_unsent, std::move(events));
    auto opened = std::make_shared<live_socket>(back_, state);
    back_.tell_later([state](visit& who) { who.open_socket(state); });
    return opened;
  }

private:
  request req_;
  const way_back back_;
  const visitors::limits limit_;
  const bool can_stream_;
  std::atomic<bool> answered_{false};
};

} // namespace

std::pair<exchange_ptr, request*>
make_exchange(request req, visit_id id, bool can_stream, visitors& all) {
  auto made = std::make_shared<live_exchange>(std::move(req), way_back{id, all},
                                              all.limit, can_stream);
  auto* seen = &made->incomplete();
  return {std::move(made), seen};
}

} // namespace alula::http
