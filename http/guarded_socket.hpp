/// The socket type RESTinio is given: asio's socket concept, as far as RESTinio
/// uses it, over a connection that looks at the bytes first. Included by the
/// bridge alone.
#pragma once

#include "http/connection.hpp"

#include <restinio/compiler_features.hpp>
#include <restinio/impl/sendfile_operation.hpp>
#include <restinio/tls_fwd.hpp>

#include <memory>
#include <utility>

namespace alula::http {

class guarded_socket {
public:
  using executor_type = asio::any_io_executor;
  using lowest_layer_type = asio::ip::tcp::socket::lowest_layer_type;

  explicit guarded_socket(std::shared_ptr<connection> inner)
    : inner_(std::move(inner)) {}
  guarded_socket(guarded_socket&&) = default;
  guarded_socket& operator=(guarded_socket&&) = delete;
  ~guarded_socket() { close(); }

  executor_type get_executor() { return inner_->socket().get_executor(); }
  lowest_layer_type& lowest_layer() { return inner_->socket().lowest_layer(); }
  asio::ip::tcp::endpoint remote_endpoint() const {
    std::error_code ignored;
    return inner_->socket().remote_endpoint(ignored);
  }
  /// False also when the socket was moved away.
  bool is_open() const { return inner_ && inner_->is_open(); }

  template<class Buffers, class Done>
  void async_read_some(const Buffers& buffers, Done&& done) {
    inner_->async_read(*asio::buffer_sequence_begin(buffers),
                       connection::completion{std::forward<Done>(done)});
  }
  template<class Buffers, class Done>
  void async_write_some(const Buffers& buffers, Done&& done) {
    inner_->async_write(buffers, std::forward<Done>(done));
  }

  void cancel(std::error_code&) {
    if (inner_)
      inner_->cancel_read();
  }
  /// close() follows at once.
  void shutdown(asio::socket_base::shutdown_type, std::error_code&) {}
  void close() {
    if (auto inner = std::exchange(inner_, nullptr)) {
      inner->release();
      inner_ = std::move(inner);
    }
  }
  const std::shared_ptr<connection>& inner() const { return inner_; }

private:
  std::shared_ptr<connection> inner_;
};

/// RESTinio asks, by argument-dependent look-up, how a connection begins.
template<class Connection, class Start, class Failed>
void prepare_connection_and_start_read(guarded_socket& socket,
                                       Connection& library, Start start,
                                       Failed failed) {
  if (!socket.inner()->is_tls()) {
    start();
    return;
  }
  socket.inner()->handshake(
      [start = std::move(start), failed = std::move(failed),
       keep = library.shared_from_this()](const std::error_code& ec) mutable {
        if (ec)
          failed(ec);
        else
          start();
      });
}

inline restinio::tls_socket_t*
make_tls_socket_pointer_for_state_listener(guarded_socket&) noexcept {
  return nullptr;
}

} // namespace alula::http

/// How RESTinio sends a file over such a socket: the connection does it, which
/// has the file and watches the client's pace. The library's own way knows
/// asio's sockets only.
template<>
class restinio::impl::sendfile_operation_runner_t<alula::http::guarded_socket>
    final : public restinio::impl::sendfile_operation_runner_base_t<
                alula::http::guarded_socket> {
public:
  using sendfile_operation_runner_base_t<
      alula::http::guarded_socket>::sendfile_operation_runner_base_t;

  void start() override {
    m_socket.inner()->send_file(
        [this, self = shared_from_this()](const std::error_code& ec,
                                          std::size_t size) {
          m_after_sendfile_cb(ec, size);
        });
  }
};
