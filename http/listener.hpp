/// Accepts connections and keeps count of them. Ours and not the library's,
/// which stops for ever once accepting fails (EMFILE). The number of
/// connections stays below the descriptors the process has; when all are taken,
/// the one that has been silent longest makes room. I/O thread.
#pragma once

#include "http/connection.hpp"
#include "http/door.hpp"
#include "http/server.hpp"

#include <asio.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>

namespace alula::http {

class listener final : public connection_host {
public:
  using adopt_function = std::function<void(std::shared_ptr<connection>)>;

  listener(asio::io_context& context, const server_settings& settings,
           door& behind, disk_reads& reads);
  ~listener() override;

  /// Binds and listens; connections are given to `adopt`. Fault: io_error.
  jobs::status open(adopt_function adopt);
  std::uint16_t port() const { return port_; }
  /// For connections from now on; null for plain HTTP.
  void use_tls(std::shared_ptr<asio::ssl::context> context);

  /// Takes no more connections and closes those that wait for a request.
  void close_acceptor();
  void end_all();
  /// Lets go of everything of the io_context.
  void forget_context();

  std::size_t connections() const { return silent_.size() + busy_.size(); }
  /// Given the heads of requests whose bodies are not read with them.
  std::function<void(connection&, streamed_head)> on_head;
  /// Called for each connection that has ended.
  std::function<void(const connection&)> on_ended;
  /// Called whenever the last connection has ended.
  std::function<void()> on_empty;

  // -- connection_host --------------------------------------------------------

  std::string write_refusal(const jobs::fault& why, std::optional<int> status,
                            std::string_view target) override;
  void head_came(connection& which, streamed_head head) override;
  void became_idle(connection& which) override;
  void became_busy(connection& which) override;
  void ended(connection& which) override;
  bool read_beside(disk_read what) override;
  bool is_trusted(std::string_view authorization) const override;
  bool is_streamed(std::string_view method,
                   std::string_view target) const override;
  bool reserve(std::size_t bytes) override;
  void release(std::size_t bytes) override;

private:
  void accept_next();
  void accept_waiting();
  void welcome(asio::ip::tcp::socket socket);
  void accept_failed(const std::error_code& ec);
  void make_room();
  void sweep();

  asio::io_context& context_;
  const server_settings& settings_;
  door& door_;
  disk_reads& reads_;
  connection_limits limits_;
  std::size_t max_connections_ = 0;
  std::size_t reserved_bodies_ = 0;
  std::optional<asio::ip::tcp::acceptor> acceptor_;
  std::optional<asio::steady_timer> sweep_timer_, retry_timer_;
  std::chrono::milliseconds sweep_every_;
  std::shared_ptr<asio::ssl::context> tls_;
  adopt_function adopt_;
  std::uint16_t port_ = 0;
  bool is_full_ = false, sweeping_ = false, is_closing_ = false;
  connection::clock::time_point last_complaint_{};

  /// Those that have not brought a whole request head, longest first; the
  /// others.
  std::list<connection*> silent_, busy_;
};

} // namespace alula::http
