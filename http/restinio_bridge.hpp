/// Gives accepted connections to RESTinio, which parses requests and frames and
/// orders answers. The only source that instantiates its templates; plain and
/// TLS connections share one set of traits, as the socket hides the difference.
#pragma once

#include "http/connection.hpp"
#include "http/door.hpp"
#include "http/server.hpp"
#include "http/visit.hpp"

#include <asio/io_context.hpp>

#include <memory>

namespace alula::http {

class restinio_bridge {
public:
  restinio_bridge(asio::io_context& context, const server_settings& settings,
                  door& behind, visitors& all);
  ~restinio_bridge();
  restinio_bridge(const restinio_bridge&) = delete;
  restinio_bridge& operator=(const restinio_bridge&) = delete;

  /// From here on RESTinio owns the connection. I/O thread.
  void adopt(std::shared_ptr<connection> fresh);
  /// The connection is gone.
  void forget(const connection& gone);

private:
  struct library;
  std::unique_ptr<library> library_;
};

} // namespace alula::http
