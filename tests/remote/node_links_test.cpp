// A server on its way to another node, over real connections.
#include "remote/link_policy.hpp"
#include "remote/node_links.hpp"
#include "tests/app/certificate.hpp"
#include "tests/doubles/target_process.hpp"

#include <catch2/catch.hpp>

#include <arpa/inet.h>
#include <atomic>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <netinet/in.h>
#include <thread>

using namespace alula;
using namespace alula::remote;
using namespace std::chrono_literals;
using doubles::target_process;
using jobs::fault_code;

namespace {

constexpr std::size_t megabyte = std::size_t{1} << 20;

/// The SHA-256 of so many `x`, as the openssl command counts it: the adapter
/// takes the maker's word for it.
std::string sha256_of_x(std::size_t size) {
  const auto command =
      "head -c " + std::to_string(size) + " /dev/zero | tr '\\0' x | sha256sum";
  std::string out(64, '\0');
  auto* pipe = ::popen(command.c_str(), "r");
  const auto got = ::fread(out.data(), 1, out.size(), pipe);
  ::pclose(pipe);
  out.resize(got);
  return out;
}

/// Makes so many `x` in pieces of a member's size, on a thread of its own as
/// the archive pipeline does.
jobs::archive_maker maker_of(std::size_t size, std::string sha256) {
  return
      [size, sha256](
          const jobs::archive_sink& into) -> jobs::result<jobs::archive_made> {
        jobs::status how;
        std::thread{[&] {
          const std::string piece(300'000, 'x');
          for (std::size_t at = 0; at < size && how; at += piece.size())
            how = into(std::string_view{piece}.substr(
                0, std::min(piece.size(), size - at)));
        }}.join();
        if (!how)
          return how.error();
        jobs::archive_made made;
        made.facts.sha256 = sha256;
        return made;
      };
}

const std::string token = "Bearer eyJ.secret.words";

struct sent {
  jobs::status how;
  int waited = 0;
};

sent push(const std::string& url, node_link_settings settings = {},
          std::size_t size = 4 * megabyte, std::stop_token stop = {}) {
  http_node_links links{std::move(settings)};
  sent out;
  out.how = links.push(
      {url, token}, maker_of(size, sha256_of_x(size)), [&] { ++out.waited; },
      stop);
  return out;
}

fault_code code_of(const sent& what) {
  REQUIRE_FALSE(what.how);
  CHECK(what.how.error().what.find("secret") == std::string::npos);
  return what.how.error().code;
}

} // namespace

TEST_CASE("a server is sent in chunks, with its checksum behind it",
          "[remote][transfer]") {
  target_process node;
  const auto size = GENERATE(as<std::size_t>{}, 1, 9 * megabyte + 5);
  const auto done = push(node.at("/ok"), {}, size);
  REQUIRE(done.how);
  CHECK(done.waited >= 1);
  const auto seen = node.next();
  CHECK(seen.at("authorization") == token); // verbatim (trap 106)
  CHECK(seen.at("chunked") == true);
  CHECK(seen.at("content_type") == "multipart/form-data");
  CHECK(seen.at("parts") == nlohmann::json{"archive", "checksum"});
  CHECK(seen.at("filename") == "archive.tar.gz");
  CHECK(seen.at("bytes") == size);
  CHECK(seen.at("checksum") == sha256_of_x(size)); // 64 digits, no line end
  CHECK(seen.at("sha256") == seen.at("checksum"));
}

TEST_CASE("whatever is not 200 is no success, a redirect neither",
          "[remote][transfer]") {
  target_process node;
  const auto path = GENERATE(as<std::string>{}, "/status/201", "/status/400",
                             "/status/409", "/status/500", "/moved");
  const auto done = push(node.at(path));
  CHECK(code_of(done) == fault_code::node_refused);
  const auto& what = done.how.error().what;
  CHECK(what.find(path == "/moved" ? "307" : path.substr(8))
        != std::string::npos);
  if (path == "/status/500")
    CHECK(what.find("says 500") != std::string::npos);
  CHECK(node.next().at("whole") == true);
}

TEST_CASE("an answer before the end of the archive ends it",
          "[remote][transfer]") {
  target_process node;
  const auto done = push(node.at("/early/401"), {}, 200 * megabyte);
  CHECK(code_of(done) == fault_code::node_refused);
  CHECK(done.how.error().what.find("401") != std::string::npos);
  CHECK(done.waited == 0);
  CHECK(node.next().at("whole") == false);
}

TEST_CASE("a connection that is cut is no answer", "[remote][transfer]") {
  target_process node;
  CHECK(code_of(push(node.at("/cut"), {}, 64 * megabyte))
        == fault_code::node_refused);
}

TEST_CASE("a node that takes nothing more is given up, however much came "
          "before",
          "[remote][transfer]") {
  target_process node;
  node_link_settings settings;
  settings.stall = 300ms;
  CHECK(code_of(push(node.at("/hang"), settings, 64 * megabyte))
        == fault_code::node_refused);
  // Slow is not silent: this one takes longer than the limit altogether.
  CHECK(push(node.at("/slow"), settings, megabyte).how);
}

TEST_CASE("a node may take its time to answer, up to a limit of its own",
          "[remote][transfer]") {
  target_process node;
  node_link_settings settings;
  settings.stall = 100ms;
  settings.answer_limit = 1'500ms;
  const auto begin = std::chrono::steady_clock::now();
  const auto done = push(node.at("/silent"), settings, 10);
  CHECK(code_of(done) == fault_code::node_refused);
  CHECK(std::chrono::steady_clock::now() - begin >= 1'500ms);
  CHECK(done.waited >= 2); // at once, and every second
}

TEST_CASE("a node that is not there gets nothing, and the archive is not made",
          "[remote][transfer]") {
  std::string nobody;
  {
    target_process gone;
    nobody = gone.at("/ok");
  }
  http_node_links links{{}};
  bool was_made = false;
  const auto how = links.push(
      {nobody, token},
      [&](const jobs::archive_sink&) -> jobs::result<jobs::archive_made> {
        was_made = true;
        return jobs::archive_made{};
      },
      [] {}, {});
  REQUIRE_FALSE(how);
  CHECK(how.error().code == fault_code::node_unavailable);
  CHECK_FALSE(was_made);
}

TEST_CASE("an archive that cannot be made is never whole on the other side",
          "[remote][transfer]") {
  target_process node;
  http_node_links links{{}};
  const auto how = links.push(
      {node.at("/ok"), token},
      [](const jobs::archive_sink& into) -> jobs::result<jobs::archive_made> {
        CHECK(into("half an archive"));
        return jobs::fault{.code = fault_code::io_error, .what = "EIO"};
      },
      [] {}, {});
  REQUIRE_FALSE(how);
  CHECK(how.error().code == fault_code::io_error);
  const auto seen = node.next();
  CHECK(seen.at("whole") == false);
  CHECK(seen.at("checksum") == "");
}

TEST_CASE("a push ends when it is asked to stop", "[remote][transfer]") {
  target_process node;
  std::stop_source stop;
  SECTION("while the archive is sent") {
    http_node_links links{{}};
    const auto how = links.push(
        {node.at("/ok"), token},
        [&](const jobs::archive_sink& into)
            -> jobs::result<jobs::archive_made> {
          stop.request_stop();
          const std::string piece(megabyte, 'x');
          for (;;) // until the sink has had enough
            if (auto taken = into(piece); !taken)
              return std::move(taken).error();
        },
        [] {}, stop.get_token());
    REQUIRE_FALSE(how);
    CHECK(how.error().code == fault_code::interrupted);
    CHECK(node.next().at("whole") == false);
  }
  SECTION("while the answer is waited for") {
    http_node_links links{{}};
    const auto how = links.push(
        {node.at("/silent"), token}, maker_of(10, sha256_of_x(10)),
        [&] { stop.request_stop(); }, stop.get_token());
    REQUIRE_FALSE(how);
    CHECK(how.error().code == fault_code::interrupted);
  }
}

TEST_CASE("a node's certificate is checked", "[remote][transfer]") {
  const auto dir = std::filesystem::temp_directory_path()
                   / ("alula-node-links-" + std::to_string(::getpid()));
  std::filesystem::create_directories(dir);
  tests::write_certificate(dir, "localhost");
  const auto cert = (dir / "cert.pem").string();
  target_process node{cert, (dir / "key.pem").string()};
  node_link_settings known;
  known.ca_file = cert;
  CHECK(push(node.at("/ok", "localhost"), known).how);
  CHECK(node.next().at("bytes") == 4 * megabyte);
  // Nobody we know has signed it: it gets nothing.
  CHECK(code_of(push(node.at("/ok", "localhost")))
        == fault_code::node_unavailable);
  std::filesystem::remove_all(dir);
}

TEST_CASE("a node may be a neighbour, and never a metadata service",
          "[remote][transfer]") {
  const http_node_links links{{}};
  for (const auto* url :
       {"https://node2.example:8080/api/transfers", "http://10.1.2.3:8080/x",
        "http://127.0.0.1:8080/x", "http://[::1]:8080/x", "https://[fd12::1]/x",
        "https://203.0.113.9/x"}) {
    CAPTURE(url);
    CHECK(links.check(url));
  }
  for (const auto* url :
       {"ftp://node2.example/x", "node2.example/x", "https://a:b@c.example/x",
        "http:///x", "http://169.254.169.254/latest", "http://2852039166/x",
        "http://0xa9.0xfe.0xa9.0xfe/x", "http://[fe80::1]/x",
        "http://[::ffff:169.254.169.254]/x", "http://224.0.0.1/x",
        "http://0.0.0.0/x", "http://255.255.255.255/x", "http://[::]/x"}) {
    CAPTURE(url);
    const auto may = links.check(url);
    REQUIRE_FALSE(may);
    CHECK(may.error().code == fault_code::link_refused);
  }
  // And where a name leads is looked at when it is connected to.
  sockaddr_in at{};
  at.sin_family = AF_INET;
  const auto may_be = [&](const char* ip) {
    REQUIRE(inet_pton(AF_INET, ip, &at.sin_addr) == 1);
    return may_be_node(reinterpret_cast<const sockaddr&>(at));
  };
  CHECK(may_be("192.168.1.5"));
  CHECK_FALSE(may_be("169.254.169.254"));
}
