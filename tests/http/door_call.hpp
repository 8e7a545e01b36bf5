/// A request as it comes to a door, which is still to find out whose it is.
#pragma once

#include "http/door.hpp"
#include "tests/doubles/fake_exchange.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace alula::http {

struct door_call {
  std::string credentials; ///< of the header Authorization; empty: without it
  std::string method;
  std::string_view target;
  std::string body = {};
  bool overloaded = false;
  std::string remote = "127.0.0.1";
};

inline std::shared_ptr<doubles::fake_exchange> enter(door& entry,
                                                     door_call what) {
  header_list headers;
  if (!what.credentials.empty())
    headers.emplace_back("Authorization", std::move(what.credentials));
  auto req = doubles::make_request(std::move(what.method), what.target,
                                   std::move(what.body), std::move(headers));
  req.who = nullptr;
  req.proof = credential::missing;
  req.remote = std::move(what.remote);
  auto call = std::make_shared<doubles::fake_exchange>(std::move(req));
  entry.enter(call->incomplete(), call, what.overloaded);
  return call;
}

} // namespace alula::http
