// Waits for the ends of containers, at a dockerd that does as it is told.
#include "tests/doubles/end_listener.hpp"
#include "tests/remote/one_container.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <future>
#include <string>
#include <thread>

using namespace alula::remote;
using namespace one_container;

namespace {

using listener = alula::doubles::end_listener;

const std::string await_it =
    "POST /v1.41/containers/" + uuid + "/wait?condition=not-running";
const std::string head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                         "Transfer-Encoding: chunked\r\n\r\n";

/// As dockerd: the head at once, the rest when the container ends.
dockerd::reply ends_late(const std::string& text) {
  return [=](dockerd::connection& to, const dockerd::request&) {
    to.send(head);
    to.wait(1h);
    to.send(text);
    return false;
  };
}

/// The head, and then nothing until the client is gone.
dockerd::reply stays(std::promise<void>& left) {
  return [&left](dockerd::connection& to, const dockerd::request&) {
    to.send(head);
    while (!to.receive().empty()) {
    }
    left.set_value();
    return false;
  };
}

void await_over(const alula::jobs::end_notice& notice) {
  const auto end = std::chrono::steady_clock::now() + 60s;
  while (!notice.is_over() && std::chrono::steady_clock::now() < end)
    std::this_thread::yield();
  REQUIRE(notice.is_over());
}

} // namespace

TEST_CASE("dockerd tells the end of a container by itself", "[remote]") {
  dockerd peer;
  peer.on(await_it, {ends_late("10\r\n{\"StatusCode\":7}\r\n0\r\n\r\n")});
  docker subject{patient(peer)};
  listener heard;
  const auto notice = subject.notice_end(uuid, 1h, heard.told());
  REQUIRE(peer.saw(await_it));
  CHECK(heard.times == 0);
  CHECK_FALSE(notice->is_over());
  peer.let_go();
  CHECK(heard.hears());
  CHECK(notice->is_over());
}

TEST_CASE("one that is gone has ended", "[remote]") {
  dockerd peer;
  peer.on(await_it, {is_gone()});
  docker subject{patient(peer)};
  listener heard;
  const auto notice = subject.notice_end(uuid, 1h, heard.told());
  CHECK(heard.hears());
}

TEST_CASE("a wait that comes to nothing tells nothing", "[remote]") {
  dockerd peer;
  auto settings = patient(peer);
  SECTION("it is cut in the middle") {
    peer.on(await_it, {dockerd::cuts_after(head + "10\r\n{")});
  }
  SECTION("it is no HTTP") {
    peer.on(await_it, {dockerd::cuts_after("what?\r\n\r\n")});
  }
  SECTION("it is an error") {
    peer.on(await_it, {dockerd::says(500, "containerd is away")});
  }
  SECTION("dockerd hangs") {
    settings.inspect = 50ms;
    peer.on(await_it, {dockerd::hangs()});
  }
  SECTION("there is no dockerd") {
    settings.socket += ".none";
  }
  docker subject{settings};
  listener heard;
  const auto notice = subject.notice_end(uuid, 1h, heard.told());
  await_over(*notice);
  CHECK(heard.times == 0);
  // Whoever looks is not kept from it: no circuit has heard of it.
  CHECK(subject.unresponsive().empty());
}

TEST_CASE("a wait ends at its limit, and its connection with it", "[remote]") {
  std::promise<void> left;
  dockerd peer;
  peer.on(await_it, {stays(left)});
  docker subject{patient(peer)};
  listener heard;
  const auto notice = subject.notice_end(uuid, 50ms, heard.told());
  await_over(*notice);
  CHECK(left.get_future().wait_for(60s) == std::future_status::ready);
  CHECK(heard.times == 0);
}

TEST_CASE("a wait that is let go closes its connection", "[remote]") {
  std::promise<void> left;
  dockerd peer;
  peer.on(await_it, {stays(left)});
  docker subject{patient(peer)};
  listener heard;
  auto notice = subject.notice_end(uuid, 1h, heard.told());
  REQUIRE(peer.saw(await_it));
  notice.reset();
  CHECK(left.get_future().wait_for(60s) == std::future_status::ready);
  CHECK(heard.times == 0);
}

TEST_CASE("a wait keeps no other call about the container waiting",
          "[remote]") {
  dockerd peer;
  peer.on(await_it, {ends_late("")});
  peer.on(look, {is("running", true)});
  auto settings = patient(peer);
  settings.circuit.patience = 50ms;
  docker subject{settings};
  listener heard;
  const auto notice = subject.notice_end(uuid, 1h, heard.told());
  REQUIRE(peer.saw(await_it));
  CHECK(subject.inspect(uuid));
}

TEST_CASE("text that is no name is not waited for", "[remote]") {
  dockerd peer;
  docker subject{patient(peer)};
  listener heard;
  for (const std::string name : {"", "..", "a/b", "a?force=1"})
    CHECK(subject.notice_end(name, 1h, heard.told())->is_over());
  CHECK(peer.connections() == 0);
  CHECK(heard.times == 0);
}
