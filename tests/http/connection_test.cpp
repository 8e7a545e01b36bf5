// What a connection says by itself, while the socket takes nothing.
#include "tests/http/connection_world.hpp"

#include <string>

using namespace alula::http;

namespace {

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
