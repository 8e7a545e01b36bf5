/// A connection in the hands of a library that reads and writes, and nothing of
/// a door behind it.
#pragma once

#include "http/connection.hpp"
#include "tests/doubles/raw_client.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace alula::http {

using doubles::raw_client;

class recording_host final : public connection_host {
public:
  std::string write_refusal(const jobs::fault&, std::optional<int>,
                            std::string_view) override {
    return "refused " + std::string(100'000, 'r') + " end";
  }
  void head_came(connection&, streamed_head) override {}
  void became_idle(connection&) override {}
  void became_busy(connection&) override {}
  void ended(connection&) override { has_ended = true; }
  bool read_beside(disk_read what) override {
    if (takes_reads)
      reads.push_back(std::move(what));
    return takes_reads;
  }
  /// As the thread beside does, when the disk has answered.
  void finish_read(const std::error_code& failed = {}) {
    auto what = std::move(reads.front());
    reads.erase(reads.begin());
    const auto got = failed ? 0
                            : ::pread(what.file, what.into.data(),
                                      what.into.size(), what.offset);
    what.into.resize(static_cast<std::size_t>(got));
    what.done(std::move(what.into), failed);
  }
  bool is_trusted(std::string_view) const override { return true; }
  bool reserve(std::size_t) override { return true; }
  void release(std::size_t) override {}

  bool has_ended = false;
  bool takes_reads = true;
  std::vector<disk_read> reads; ///< not finished
};

struct connection_world {
  /// How the socket is when the connection begins.
  enum class socket_is { full, empty };

  explicit connection_world(socket_is at_first = socket_is::full) {
    asio::ip::tcp::acceptor acceptor{context,
                                     {asio::ip::address_v4::loopback(), 0}};
    peer.shrink_receive_buffer(4'096);
    REQUIRE(peer.connect_to(acceptor.local_endpoint().port()));
    auto socket = acceptor.accept();
    socket.set_option(asio::socket_base::send_buffer_size{4'096});
    if (at_first == socket_is::full)
      fill(socket.native_handle());
    limits.message = {8'000, 65'536, 100, 1'000, 1'000};
    on = std::make_shared<connection>(std::move(socket), nullptr, limits, all);
    read();
  }
  ~connection_world() {
    on->end();
    busy.reset();
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
  /// Without work it would stop, and nothing begun later would be run.
  asio::executor_work_guard<asio::io_context::executor_type> busy{
      context.get_executor()};
  recording_host all;
  connection_limits limits;
  raw_client peer;
  std::size_t filled = 0;
  std::shared_ptr<connection> on;
  std::array<char, 4'096> bytes{};
};

} // namespace alula::http
