/// Who may come in, and to whom they are led: every decision about a request
/// between its last byte and its handler. Knows no HTTP library.
#pragma once

#include "http/auth.hpp"
#include "http/cors.hpp"
#include "http/exchange.hpp"
#include "http/peer_meter.hpp"
#include "http/router.hpp"
#include "http/server.hpp"

#include <atomic>
#include <memory>
#include <string_view>
#include <vector>

namespace alula::http {

class door {
public:
  door(const server_settings& settings, std::vector<route> routes);

  /// In this order: OPTIONS, which is always 204; the bearer, so that a
  /// stranger does not learn which paths exist; the path and the method; the
  /// gate; draining; the handler. What is wrong is answered, an exception out
  /// of the handler too. `overloaded`: too many requests wait for an answer.
  ///
  /// Completes `asked`, which `to` will hand to the handler. I/O thread.
  void enter(request& asked, const exchange_ptr& to, bool overloaded);

  /// Any thread.
  bearer_auth& auth() { return auth_; }
  void drain() { draining_ = true; }
  std::string_view cors_lines(const request& asked) const {
    return cors_.lines_for(asked.header("Origin"));
  }
  std::string_view cors_lines() const { return cors_.lines_for({}); }

private:
  void lead(const route& way, const exchange_ptr& to);

  bearer_auth auth_;
  cors cors_;
  router router_;
  peer_meter meter_;
  std::function<std::optional<jobs::fault>(const request&)> gate_;
  std::atomic<bool> draining_{false};
};

} // namespace alula::http
