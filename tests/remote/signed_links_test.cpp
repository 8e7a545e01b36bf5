// Links that others have signed: what is sent and fetched, and where a
// download_url may not lead.
#include "jobs/rate_limit.hpp"
#include "remote/link_policy.hpp"
#include "remote/s3_store.hpp"
#include "remote/signed_links.hpp"
#include "tests/contracts/object_store_contract.hpp"
#include "tests/doubles/scripted_web.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <chrono>
#include <cstring>
#include <memory>
#include <netdb.h>
#include <poll.h>
#include <thread>
#include <unistd.h>

using namespace alula;
using namespace alula::remote;
using alula::contracts::text_source;
using alula::doubles::scripted_web;
using jobs::fault_code;

namespace {

const std::string gzip = "Content-Type: application/x-gzip\r\n";

web_links links_to(const std::vector<std::string>& allowed = {"127.0.0.1"}) {
  return web_links{{.allowed = allowed}};
}

struct fetched {
  std::string text;
  jobs::link_content content;
  jobs::status how;
};

fetched fetch(web_links& links, const std::string& url,
              const jobs::link_download& what = {}) {
  fetched out;
  out.how = links.get(
      url, what,
      [&](const jobs::link_content& content) -> jobs::status {
        out.content = content;
        return {};
      },
      [&](std::span<const char> piece) -> jobs::status {
        out.text.append(piece.data(), piece.size());
        return {};
      },
      {});
  return out;
}

bool may_lead(const std::string& url, const link_allowance& allowed = {}) {
  const auto checked = check_link(url, allowed);
  if (!checked)
    CHECK(checked.error().code == fault_code::link_refused);
  return checked.has_value();
}

bool may_connect_to(const std::string& ip, const std::string& host = "a.test",
                    const link_allowance& allowed = {}) {
  sockaddr_in four{};
  sockaddr_in6 six{};
  if (inet_pton(AF_INET, ip.c_str(), &four.sin_addr) == 1) {
    four.sin_family = AF_INET;
    return may_connect(reinterpret_cast<const sockaddr&>(four), host, allowed);
  }
  REQUIRE(inet_pton(AF_INET6, ip.c_str(), &six.sin6_addr) == 1);
  six.sin6_family = AF_INET6;
  sockaddr_storage any{};
  std::memcpy(&any, &six, sizeof six);
  return may_connect(reinterpret_cast<const sockaddr&>(any), host, allowed);
}

/// Names that a URL may have and that lead to IPv4's loopback, nowhere else.
std::vector<std::string> names_of_loopback() {
  char own[256] = {};
  gethostname(own, sizeof own - 1);
  std::vector<std::string> out;
  for (const auto& name :
       std::vector<std::string>{own, "ip4-loopback", "loopback"}) {
    addrinfo wanted{};
    wanted.ai_family = AF_INET;
    wanted.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (getaddrinfo(name.c_str(), nullptr, &wanted, &found) != 0)
      continue;
    bool is_loopback = true;
    for (const auto* one = found; one; one = one->ai_next) {
      sockaddr_in four{};
      std::memcpy(&four, one->ai_addr, sizeof four);
      is_loopback = is_loopback && ntohl(four.sin_addr.s_addr) >> 24 == 127;
    }
    freeaddrinfo(found);
    if (is_loopback && name != "localhost")
      out.push_back(name);
  }
  return out;
}

} // namespace

// -- uploads ------------------------------------------------------------------

TEST_CASE("a part is PUT with its length, and its ETag comes back verbatim",
          "[remote][far]") {
  scripted_web web{[](const scripted_web::request&) {
    return scripted_web::answer(
        200, "ETag: \"5d41402abc4b2a76b9719d911017c592\"\r\n", "");
  }};
  auto links = links_to({});
  std::int64_t told = 0;
  const auto answer =
      links.put(web.at("/b/k?partNumber=1&uploadId=u"), text_source{"hello"},
                [&](std::int64_t bytes) { told = bytes; }, {});
  REQUIRE(answer);
  CHECK(answer->status == 200);
  CHECK(answer->etag == "\"5d41402abc4b2a76b9719d911017c592\"");
  CHECK_FALSE(answer->is_wrong);
  CHECK(told == 5);
  const auto seen = web.requests().at(0);
  CHECK(seen.head.starts_with("PUT /b/k?partNumber=1&uploadId=u "));
  CHECK(seen.has("Content-Length: 5"));
  CHECK(seen.has("Content-Type: application/x-gzip"));
  CHECK(seen.body == "hello");
}

TEST_CASE("an ETag that is the MD5 of something else is noticed",
          "[remote][far]") {
  scripted_web web{[](const scripted_web::request&) {
    return scripted_web::answer(
        200, "ETag: \"00000000000000000000000000000000\"\r\n", "");
  }};
  auto links = links_to({});
  CHECK(links.put(web.at("/k"), text_source{"hello"}, {}, {})->is_wrong);
}

TEST_CASE("a refused part is an answer, a broken connection is none",
          "[remote][far]") {
  scripted_web web{[](const scripted_web::request& request) {
    return request.target() == "/broken"
               ? std::string{}
               : scripted_web::answer(403, "",
                                      "<Error><Code>AccessDenied</Code>"
                                      "<Message>Request has expired</Message>"
                                      "</Error>");
  }};
  auto links = links_to({});
  const auto refused = links.put(web.at("/k"), text_source{"x"}, {}, {});
  REQUIRE(refused);
  CHECK(refused->status == 403);
  CHECK(refused->why.find("Request has expired") != std::string::npos);
  CHECK(refused->code == "AccessDenied");
  const auto broken = links.put(web.at("/broken"), text_source{"x"}, {}, {});
  REQUIRE_FALSE(broken);
  CHECK(broken.error().code == fault_code::store_unavailable);
}

// The least time that so many bytes take at a rate, less what may be ahead: one
// buffer of libcurl's and what the kernel's socket holds.
TEST_CASE("a download keeps to its rate", "[remote][far]") {
  constexpr std::int64_t rate = 512 * 1024;
  const std::string megabyte(1 << 20, 'x');
  scripted_web web{[&](const scripted_web::request&) {
    return scripted_web::answer(200, gzip, megabyte);
  }};
  web_links slow{{.allowed = {"127.0.0.1"}, .take_rate = rate}};
  const auto begin = std::chrono::steady_clock::now();
  CHECK(fetch(slow, web.at("/k")).text == megabyte);
  CHECK(std::chrono::steady_clock::now() - begin > std::chrono::seconds{1});
}

namespace {

/// Time that passes when somebody who sends has to wait, and only then.
struct waited_time {
  std::shared_ptr<jobs::shared_rate> at(std::uint64_t bytes_per_second) {
    return std::make_shared<jobs::shared_rate>(
        bytes_per_second,
        [this] { return std::chrono::steady_clock::time_point{passed.load()}; },
        [this](std::chrono::nanoseconds wait, const std::stop_token& stop) {
          passed = passed.load() + wait;
          return !stop.stop_requested();
        });
  }
  std::atomic<std::chrono::nanoseconds> passed{std::chrono::hours{1}};
};

} // namespace

TEST_CASE("uploads to the Panel's store and to ours share a rate",
          "[remote][far]") {
  const std::string megabyte(1 << 20, 'x');
  scripted_web web{[](const scripted_web::request&) {
    return scripted_web::answer(200, "ETag: \"e\"\r\n", "");
  }};
  waited_time time;
  const auto begin = time.passed.load();
  const auto limit = time.at(256 * 1024);
  web_links links{{.allowed = {"127.0.0.1"}, .send_limit = limit}};
  const jobs::system_clock clock;
  s3_store store{{.name = "ours",
                  .endpoint = web.at(""),
                  .bucket = "b",
                  .keys = {"a", "s", {}},
                  .send_limit = limit},
                 clock};
  REQUIRE(links.put(web.at("/k"), text_source{megabyte}, {}, {}));
  REQUIRE(store.put("k", text_source{megabyte}, {}));
  REQUIRE(links.put(web.at("/k"), text_source{megabyte}, {}, {}));
  // 3 MiB at 256 KiB per second, of which the first second's worth is free.
  const auto took = time.passed.load() - begin;
  CHECK(took > std::chrono::milliseconds{10'999});
  CHECK(took <= std::chrono::seconds{11});
  std::size_t arrived = 0;
  for (const auto& one : web.requests())
    arrived += one.body.size();
  CHECK(arrived == 3 * megabyte.size());
}

TEST_CASE("an upload that waits for its turn ends when asked to stop",
          "[remote][far]") {
  scripted_web web{[](const scripted_web::request&) {
    return scripted_web::answer(200, "ETag: \"e\"\r\n", "");
  }};
  std::stop_source stop;
  const auto limit = std::make_shared<jobs::shared_rate>(
      1, std::chrono::steady_clock::now,
      [&](std::chrono::nanoseconds, const std::stop_token& token) {
        stop.request_stop();
        return !token.stop_requested();
      });
  web_links links{{.allowed = {"127.0.0.1"}, .send_limit = limit}};
  const auto sent = links.put(web.at("/k"), text_source{std::string(100, 'x')},
                              {}, stop.get_token());
  REQUIRE_FALSE(sent);
  CHECK(sent.error().code == fault_code::interrupted);
}

// Bytes that the kernel has taken are on their way for as long as the link
// needs: here some 30 KB every 60 ms, of 1 MB, and a second of silence is
// enough.
TEST_CASE("a part on a slow link is not given up while it moves",
          "[remote][far]") {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int room = 16 * 1024;
  setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  REQUIRE(bind(listener, reinterpret_cast<sockaddr*>(&at), size) == 0);
  REQUIRE(listen(listener, 1) == 0);
  getsockname(listener, reinterpret_cast<sockaddr*>(&at), &size);
  constexpr std::size_t length = 1'000'000;
  const bool goes_on = GENERATE(true, false);
  std::thread link{[&] {
    const int peer = accept(listener, nullptr, nullptr);
    std::string seen, piece(30'000, ' ');
    for (;;) {
      const auto got = recv(peer, piece.data(), piece.size(), 0);
      if (got <= 0)
        break;
      seen.append(piece, 0, static_cast<std::size_t>(got));
      const auto end = seen.find("\r\n\r\n");
      if (end != std::string::npos && seen.size() - end - 4 == length)
        break;
      // Slow, or it hangs, until the other side has had enough.
      const bool hangs = !goes_on && seen.size() > length / 3;
      pollfd gone{peer, POLLRDHUP, 0};
      if (poll(&gone, 1, hangs ? 10'000 : 60) > 0 || hangs)
        break;
    }
    const std::string answer =
        "HTTP/1.1 200 OK\r\nETag: \"e\"\r\nContent-Length: 0\r\n\r\n";
    (void)!send(peer, answer.data(), answer.size(), MSG_NOSIGNAL);
    close(peer);
  }};
  web_links links{{.stall = std::chrono::seconds{1}}};
  const auto answer =
      links.put("http://127.0.0.1:" + std::to_string(ntohs(at.sin_port)) + "/k",
                text_source{std::string(length, 'x')}, {}, {});
  link.join();
  close(listener);
  CHECK(answer.has_value() == goes_on);
  if (!goes_on)
    CHECK(answer.error().code == fault_code::store_unavailable);
}

// -- downloads ----------------------------------------------------------------

TEST_CASE("an archive is fetched with its size and ETag", "[remote][far]") {
  scripted_web web{[](const scripted_web::request&) {
    return scripted_web::answer(200, gzip + "ETag: \"e\"\r\n", "archive");
  }};
  auto links = links_to();
  const auto got = fetch(links, web.at("/k"));
  REQUIRE(got.how);
  CHECK(got.text == "archive");
  CHECK(got.content.size == 7);
  CHECK(got.content.etag == "\"e\"");
}

TEST_CASE("a download goes on by Range and If-Range", "[remote][far]") {
  scripted_web web{[](const scripted_web::request& request) {
    return request.has("If-Range: \"e\"") && request.has("Range: bytes=3-")
               ? scripted_web::answer(
                   206, gzip + "Content-Range: bytes 3-6/7\r\n", "hive")
               : scripted_web::answer(200, gzip, "archive");
  }};
  auto links = links_to();
  const auto rest = fetch(links, web.at("/k"), {3, "\"e\""});
  REQUIRE(rest.how);
  CHECK(rest.text == "hive");
  CHECK(rest.content.at == 3);
  CHECK(rest.content.size == 7);
  const auto changed = fetch(links, web.at("/k"), {3, "\"other\""});
  REQUIRE(changed.how);
  CHECK(changed.content.at == 0);
  CHECK(changed.text == "archive");
}

TEST_CASE("an object that became shorter is fetched from its start",
          "[remote][far]") {
  scripted_web web{[](const scripted_web::request& request) {
    return request.has("Range: bytes=9-")
               ? scripted_web::answer(416, "", "")
               : scripted_web::answer(200, gzip, "archive");
  }};
  auto links = links_to();
  CHECK(fetch(links, web.at("/k"), {9, "\"e\""}).text == "archive");
}

TEST_CASE("an archive may have parameters behind its type", "[remote][far]") {
  const auto type =
      GENERATE(as<std::string>{}, "application/x-gzip", "application/gzip",
               "Application/GZip; charset=binary");
  scripted_web web{[&](const scripted_web::request&) {
    return scripted_web::answer(200, "Content-Type: " + type + "\r\n",
                                "archive");
  }};
  auto links = links_to();
  CHECK(fetch(links, web.at("/k")).text == "archive");
}

TEST_CASE("what is no archive is not taken", "[remote][far]") {
  const auto type = GENERATE(as<std::string>{}, "text/html; charset=utf-8",
                             "application/json", "gzip", "");
  scripted_web web{[&](const scripted_web::request&) {
    return scripted_web::answer(
        200, type.empty() ? "" : "Content-Type: " + type + "\r\n", "<html>");
  }};
  auto links = links_to();
  const auto got = fetch(links, web.at("/k"));
  REQUIRE_FALSE(got.how);
  CHECK(got.how.error().code == fault_code::store_refused);
  CHECK(got.text.empty());
}

TEST_CASE("an expired link is refused, a tired store is waited for",
          "[remote][far]") {
  int status = 403;
  scripted_web web{[&](const scripted_web::request&) {
    return scripted_web::answer(status, "", "");
  }};
  auto links = links_to();
  CHECK(fetch(links, web.at("/k")).how.error().code
        == fault_code::store_refused);
  status = 404;
  CHECK(fetch(links, web.at("/k")).how.error().code
        == fault_code::store_refused);
  status = 503;
  CHECK(fetch(links, web.at("/k")).how.error().code
        == fault_code::store_unavailable);
}

TEST_CASE("a download that is cut short is no download", "[remote][far]") {
  scripted_web web{[](const scripted_web::request&) {
    auto whole = scripted_web::answer(200, gzip, "archive");
    whole.resize(whole.size() - 3);
    return whole;
  }};
  auto links = links_to();
  const auto got = fetch(links, web.at("/k"));
  REQUIRE_FALSE(got.how);
  CHECK(got.how.error().code == fault_code::store_unavailable);
  CHECK(got.text == "arch");
}

// -- where it may not lead ----------------------------------------------------

TEST_CASE("a download_url that names a private address is refused in every "
          "notation",
          "[remote][far]") {
  const auto url = GENERATE(
      as<std::string>{}, "http://127.0.0.1/", "http://127.1/",
      "http://2130706433/", "http://0x7f000001/", "http://0x7f.1/",
      "http://0177.0.0.1/", "http://017700000001/", "http://10.1.2.3/",
      "http://172.16.0.1/", "http://192.168.1.1/", "http://169.254.169.254/",
      "http://100.64.0.1/", "http://0.0.0.0/", "http://255.255.255.255/",
      "http://224.0.0.1/", "http://[::1]/", "http://[::]/",
      "http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/",
      "http://[64:ff9b::7f00:1]/", "http://[2002:7f00:1::]/",
      "http://[fe80::1]/", "http://[fe80::1%25lo]/", "http://[fc00::1]/",
      "http://[ff02::1]/", "http://[2001:db8::1]/", "http://localhost/",
      "http://LOCALHOST./", "http://a.localhost/", "https://127.0.0.1:443/x");
  CAPTURE(url);
  CHECK_FALSE(may_lead(url));
}

TEST_CASE("a download_url that is something else than it looks is refused",
          "[remote][far]") {
  const auto url = GENERATE(
      as<std::string>{}, "", "file:///etc/passwd", "ftp://a.test/x",
      "gopher://a.test/", "a.test/x", "//a.test/x", "http://", "http:///x",
      "http:/x", "http://user@a.test/", "http://user:pass@a.test/",
      "http://a.test@127.0.0.1/", "http://a.test\\@127.0.0.1/",
      "http://a.test /x", "http://a.test/\r\nHost: b", "http://a.test\t/",
      "unix:///var/run/docker.sock", "http://a.test:99999/");
  CAPTURE(url);
  CHECK_FALSE(may_lead(url));
}

TEST_CASE("a public host may be asked, and a private one that is allowed",
          "[remote][far]") {
  CHECK(may_lead("https://bucket.s3.eu-central-1.amazonaws.com/a?X-Amz-Sig=1"));
  CHECK(may_lead("http://8.8.8.8:9000/a"));
  CHECK(may_lead("http://[2606:4700::1]/a"));
  CHECK(may_lead("http://minio.lan:9000/a"));
  CHECK(may_lead("http://10.1.2.3/", {"10.1.0.0/16"}));
  CHECK(may_lead("http://10.1.2.3/", {"10.1.2.3"}));
  CHECK_FALSE(may_lead("http://10.2.2.3/", {"10.1.0.0/16"}));
  CHECK(may_lead("http://localhost:9000/", {"localhost"}));
  CHECK_FALSE(may_lead("http://localhost%252e.a.test:9000/", {"localhost"}));
  CHECK(may_lead("http://[::1]/", {"::1"}));
  CHECK(may_lead("http://[::ffff:10.1.2.3]/", {"10.1.0.0/16"}));
}

TEST_CASE("where a name leads is looked at when it is connected to",
          "[remote][far]") {
  for (const char* ip :
       {"127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:10.0.0.1",
        "64:ff9b::a00:1", "2002:a00:1::", "fd00::1", "2001:db8::1"}) {
    CAPTURE(ip);
    CHECK_FALSE(may_connect_to(ip));
    // The operator has named the host, and trusts whoever answers for it.
    CHECK(may_connect_to(ip, "minio.lan", {"minio.lan"}));
    CHECK_FALSE(may_connect_to(ip, "a.minio.lan", {"minio.lan"}));
  }
  for (const char* ip : {"8.8.8.8", "2606:4700::1", "64:ff9b::808:808"}) {
    CAPTURE(ip);
    CHECK(may_connect_to(ip));
  }
  CHECK(may_connect_to("10.0.0.1", "a.test", {"10.0.0.0/8"}));
}

TEST_CASE("a name that leads to a private address is not connected to",
          "[remote][far]") {
  scripted_web web{[](const scripted_web::request&) {
    return scripted_web::answer(200, gzip, "secret");
  }};
  auto links = links_to({});
  // Which of the usual names of this machine there are is its own affair; one
  // that leads nowhere would be refused by nobody.
  int looked_at = 0;
  for (const auto& name : names_of_loopback()) {
    CAPTURE(name);
    REQUIRE(may_lead(web.at("/k", name)));
    const auto got = fetch(links, web.at("/k", name));
    REQUIRE_FALSE(got.how);
    CHECK(got.how.error().code == fault_code::link_refused);
    ++looked_at;
  }
  CHECK(web.requests().empty());
  if (looked_at == 0)
    WARN("skipped: no name but localhost leads to this machine");
  auto by_name = links_to({"localhost"});
  CHECK(fetch(by_name, web.at("/k", "localhost")).how);
}

TEST_CASE("a redirect is looked at like the first URL", "[remote][far]") {
  std::string location;
  scripted_web web{[&](const scripted_web::request& request) {
    return request.target() == "/from"
               ? scripted_web::answer(302, "Location: " + location + "\r\n", "")
               : scripted_web::answer(200, gzip, "archive");
  }};
  auto links = links_to();
  SECTION("one that may be asked is") {
    location = GENERATE(as<std::string>{}, "/to", "to");
    CHECK(fetch(links, web.at("/from")).text == "archive");
  }
  SECTION("one into a private network is not") {
    location = GENERATE(as<std::string>{}, "http://127.0.0.2/", "http://[::1]/",
                        "http://169.254.169.254/latest", "http://2130706434/",
                        "file:///etc/passwd", "http://user@127.0.0.1/");
    CAPTURE(location);
    const auto got = fetch(links, web.at("/from"));
    REQUIRE_FALSE(got.how);
    CHECK(got.how.error().code == fault_code::link_refused);
    CHECK(web.requests().size() == 1);
  }
  SECTION("one that never ends is given up") {
    location = "/from";
    const auto got = fetch(links, web.at("/from"));
    REQUIRE_FALSE(got.how);
    CHECK(got.how.error().code == fault_code::link_refused);
    CHECK(web.requests().size() == 6);
  }
}
