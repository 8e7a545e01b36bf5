/// Who may come in, and to whom they are led: every decision about a request
/// between its last byte and its handler. Knows no HTTP library.
#pragma once

#include "http/auth.hpp"
#include "http/cors.hpp"
#include "http/exchange.hpp"
#include "http/peer_meter.hpp"
#include "http/router.hpp"
#include "http/server.hpp"
#include "http/trusted_proxies.hpp"

#include <atomic>
#include <memory>
#include <string_view>
#include <vector>

namespace alula::http {

class door {
public:
  door(const server_settings& settings, std::vector<route> routes);

  /// In this order: OPTIONS, which is always 204; who asks, so that a stranger
  /// does not learn which paths exist; the path and the method; how often who
  /// asks may ask there; the permission of the route and the server in its
  /// path; the gate; draining; the handler.
  /// What is wrong is answered, an exception out of the handler too.
  /// `overloaded`: too many requests wait for an answer.
  ///
  /// Completes `asked`, which `to` will hand to the handler. I/O thread.
  void enter(request& asked, const exchange_ptr& to, bool overloaded);

  /// Any thread.
  authenticator& auth() { return auth_; }
  void drain() { draining_ = true; }

  // I/O thread.

  /// Whether the body of such a request is its handler's to take.
  bool is_streamed(std::string_view method, std::string_view target) const;

  /// Keep it for as long as lines of it are used: it may be replaced.
  std::shared_ptr<const cors> cross_origin() const { return cors_; }
  void set_cross_origin(const cors_settings& settings) {
    cors_ = std::make_shared<const cors>(settings);
  }

private:
  bool comes_too_often(const route& way, const request& asked);
  /// Why this principal may not go this way; nothing when it may.
  static std::optional<jobs::fault> objection(const route& way,
                                              const request& asked);
  void lead(const route& way, const exchange_ptr& to);

  authenticator auth_;
  std::shared_ptr<const cors> cors_;
  router router_;
  peer_meter meter_;
  key_meter keyed_; ///< by the id of the principal
  trusted_proxies proxies_;
  std::function<std::optional<jobs::fault>(const request&)> gate_;
  std::atomic<bool> draining_{false};
};

} // namespace alula::http
