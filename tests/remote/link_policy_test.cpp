// Where a download_url may not lead.
#include "remote/link_policy.hpp"
#include "tests/doubles/scripted_web.hpp"
#include "tests/remote/fetched.hpp"

#include <catch2/catch.hpp>

#include <arpa/inet.h>
#include <cstring>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <vector>

using namespace alula;
using namespace alula::remote;
using alula::doubles::scripted_web;
using jobs::fault_code;

namespace {

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

} // namespace

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
  const auto port = web.at("").substr(web.at("").rfind(':'));
  const auto links_of = [&](const std::vector<std::string>& allowed) {
    return web_links{
        {.allowed = allowed,
         .resolve = {"name.test" + port + ":127.0.0.1",
                     "mapped.test" + port + ":[::ffff:127.0.0.1]"}}};
  };
  auto links = links_of({});
  for (const auto* name : {"name.test", "mapped.test"}) {
    CAPTURE(name);
    REQUIRE(may_lead(web.at("/k", name)));
    const auto got = fetch(links, web.at("/k", name));
    REQUIRE_FALSE(got.how);
    CHECK(got.how.error().code == fault_code::link_refused);
  }
  CHECK(web.requests().empty());
  // It leads where it is said to.
  auto known = links_of({"name.test"});
  CHECK(fetch(known, web.at("/k", "name.test")).how);
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
