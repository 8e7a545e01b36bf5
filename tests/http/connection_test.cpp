// What a connection says by itself, while the socket takes nothing.
#include "http/connection.hpp"
#include "tests/doubles/raw_client.hpp"

#include <catch2/catch.hpp>

#include <memory>
#include <string>
#include <sys/socket.h>

using namespace alula;
using namespace alula::http;
using doubles::raw_client;

namespace {

class host final : public connection_host {
public:
  std::string write_refusal(const jobs::fault&, std::optional<int>,
                            std::string_view) override {
    return "refused " + std::string(100'000, 'r') + " end";
  }
  void head_came(connection&, streamed_head) override {}
  void became_idle(connection&) override {}
  void became_busy(connection&) override {}
  void ended(connection&) override { has_ended = true; }
  bool is_trusted(std::string_view) const override { return true; }
  bool reserve(std::size_t) override { return true; }
  void release(std::size_t) override {}

  bool has_ended = false;
};

/// A connection in the hands of a library that reads and writes.
struct connection_world {
  connection_world() {
    asio::ip::tcp::acceptor acceptor{context,
                                     {asio::ip::address_v4::loopback(), 0}};
    peer.shrink_receive_buffer(4'096);
    REQUIRE(peer.connect_to(acceptor.local_endpoint().port()));
    auto socket = acceptor.accept();
    socket.set_option(asio::socket_base::send_buffer_size{4'096});
    fill(socket.native_handle());
    limits.message = {8'000, 65'536, 100, 1'000, 1'000};
    on = std::make_shared<connection>(std::move(socket), nullptr, limits, all);
    read();
  }
  ~connection_world() {
    on->end();
    context.run();
  }

  /// Until the kernel takes no more.
  void fill(int fd) {
    const std::string piece(1'024, '.');
    for (;;) {
      const auto n = ::send(fd, piece.data(), piece.size(), MSG_DONTWAIT);
      if (n <= 0)
        return;
      filled += static_cast<std::size_t>(n);
    }
  }
  void read() {
    on->async_read(asio::buffer(bytes), [this](const auto& ec, std::size_t) {
      if (!ec)
        read();
    });
  }
  template<class Condition>
  void run_until(Condition condition) {
    const auto end =
        std::chrono::steady_clock::now() + std::chrono::seconds{20};
    // Not for long at once: the condition itself may move things on.
    while (!condition() && std::chrono::steady_clock::now() < end)
      context.run_one_for(std::chrono::milliseconds{20});
  }
  /// All the peer gets after the filling, as long as it must.
  std::string said(std::size_t size) {
    std::string got;
    run_until([&] {
      got = peer.read_until(
          [&](const std::string& so_far) {
            return so_far.size() >= filled + size;
          },
          std::chrono::milliseconds{20});
      return got.size() >= filled + size;
    });
    return got.substr(filled);
  }

  asio::io_context context;
  host all;
  connection_limits limits;
  raw_client peer;
  std::size_t filled = 0;
  std::shared_ptr<connection> on;
  std::array<char, 4'096> bytes{};
};

const std::string head =
    "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
    "Transfer-Encoding: chunked\r\n\r\n";
const std::string go_on = "HTTP/1.1 100 Continue\r\n\r\n";

} // namespace

TEST_CASE("a refusal waits for the 100 Continue before it", "[http]") {
  connection_world w;
  w.peer.send(head);
  w.run_until([&] { return w.on->writers() == 1; });
  w.peer.send("no size\r\n");
  w.run_until([&] { return w.on->writers() == 2; });
  const auto refusal = w.all.write_refusal({}, {}, {});
  CHECK(w.said(go_on.size() + refusal.size()) == go_on + refusal);
}

TEST_CASE("an answer waits for the 100 Continue before it", "[http]") {
  connection_world w;
  w.peer.send(head);
  w.run_until([&] { return w.on->writers() == 1; });
  const std::string answer = "an answer";
  bool is_sent = false;
  w.on->async_write(asio::buffer(answer),
                    [&](const std::error_code& ec, std::size_t size) {
                      is_sent = !ec && size == answer.size();
                    });
  CHECK(w.on->writers() == 2);
  CHECK(w.said(go_on.size() + answer.size()) == go_on + answer);
  w.run_until([&] { return is_sent; });
  CHECK(is_sent);
  CHECK(w.on->writers() == 0);
}

TEST_CASE("a refusal waits for the answer before it", "[http]") {
  connection_world w;
  const std::string answer = "an answer";
  w.on->async_write(asio::buffer(answer),
                    [](const std::error_code&, std::size_t) {});
  w.peer.send("no request\r\n\r\n");
  w.run_until([&] { return w.on->writers() == 2; });
  const auto refusal = w.all.write_refusal({}, {}, {});
  CHECK(w.said(answer.size() + refusal.size()) == answer + refusal);
}

TEST_CASE("the end of a connection is told to those who wait to write",
          "[http]") {
  connection_world w;
  w.peer.send(head);
  w.run_until([&] { return w.on->writers() == 1; });
  std::error_code told;
  const std::string answer = "an answer";
  w.on->async_write(asio::buffer(answer),
                    [&](const std::error_code& ec, std::size_t) { told = ec; });
  w.on->end();
  w.run_until([&] { return bool{told}; });
  CHECK(told == asio::error::operation_aborted);
  CHECK(w.all.has_ended);
}
