#include "tests/http/door_world.hpp"
#include "tests/http/tls_world.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <filesystem>
#include <fstream>

using namespace alula;
using namespace alula::http;
using std::chrono::milliseconds;
namespace fs = std::filesystem;

namespace {

server_settings settings_with(const identity& who) {
  auto settings = door_world::make_settings();
  settings.tls = tls_files{who.certificate, who.key};
  return settings;
}

} // namespace

TEST_CASE("TLS 1.2 and 1.3 are spoken, older not", "[http][door][tls]") {
  tls_folder folder;
  door_world w{settings_with(folder.make("node"))};
  const auto port = w.door->port();
  tls_client newest{port};
  REQUIRE(newest.is_open);
  CHECK(newest.version() == TLS1_3_VERSION);
  CHECK(newest.ask(get("/poll")).find("polled") != std::string::npos);
  CHECK(newest.ask(get("/poll")).find("200 OK") != std::string::npos);
  tls_client older{port, TLS1_2_VERSION};
  REQUIRE(older.is_open);
  CHECK(older.ask(get("/poll")).find("polled") != std::string::npos);
  CHECK_FALSE(tls_client{port, TLS1_1_VERSION}.is_open);
}

TEST_CASE("only http/1.1 is negotiated", "[http][door][tls]") {
  tls_folder folder;
  door_world w{settings_with(folder.make("node"))};
  tls_client both{w.door->port(), TLS1_3_VERSION, "\x02h2\x08http/1.1"};
  REQUIRE(both.is_open);
  CHECK(both.chosen_protocol() == "http/1.1");
  CHECK_FALSE((tls_client{w.door->port(), TLS1_3_VERSION, "\x02h2"}.is_open));
}

TEST_CASE("a new certificate counts for new connections", "[http][door][tls]") {
  tls_folder folder;
  const auto first = folder.make("first");
  const auto second = folder.make("second");
  const auto served = folder.make("served");
  const auto serve = [&](const identity& who) {
    fs::copy_file(who.certificate, served.certificate,
                  fs::copy_options::overwrite_existing);
    fs::copy_file(who.key, served.key, fs::copy_options::overwrite_existing);
  };
  serve(first);
  door_world w{settings_with(served)};
  tls_client old{w.door->port()};
  CHECK(old.peer_name() == "first");

  serve(second);
  REQUIRE(w.door->reload_tls());
  CHECK(tls_client{w.door->port()}.peer_name() == "second");
  // The open connection goes on.
  CHECK(old.ask(get("/poll")).find("polled") != std::string::npos);

  SECTION("a broken one is refused by name and the old one stays") {
    std::ofstream{served.certificate} << "no certificate";
    const auto reloaded = w.door->reload_tls();
    REQUIRE_FALSE(reloaded);
    CHECK(reloaded.error().where == served.certificate);
    CHECK(reloaded.error().what.find(served.certificate.string())
          != std::string::npos);
  }
  SECTION("so is one with a foreign key") {
    fs::copy_file(first.key, served.key, fs::copy_options::overwrite_existing);
    const auto reloaded = w.door->reload_tls();
    REQUIRE_FALSE(reloaded);
    CHECK(reloaded.error().where == served.key);
  }
  SECTION("so is a directory, with the reason") {
    fs::remove(served.key);
    fs::create_directory(served.key);
    const auto reloaded = w.door->reload_tls();
    REQUIRE_FALSE(reloaded);
    CHECK(reloaded.error().what.find("Is a directory") != std::string::npos);
  }
  SECTION("so is one that is gone") {
    fs::remove(served.key);
    const auto reloaded = w.door->reload_tls();
    REQUIRE_FALSE(reloaded);
    CHECK(reloaded.error().where == served.key);
  }
  CHECK(tls_client{w.door->port()}.peer_name() == "second");
}

TEST_CASE("without its files a TLS door does not open", "[http][door][tls]") {
  auto settings = door_world::make_settings();
  settings.tls = tls_files{"/nonexistent/cert.pem", "/nonexistent/key.pem"};
  server one{std::move(settings), {}};
  const auto started = one.start();
  REQUIRE_FALSE(started);
  CHECK(started.error().what.find("/nonexistent/cert.pem")
        != std::string::npos);
}

TEST_CASE("who is silent in the handshake is closed", "[http][door][tls]") {
  tls_folder folder;
  auto settings = settings_with(folder.make("node"));
  settings.limits.handshake = milliseconds{1'000};
  door_world w{std::move(settings)};
  auto client = w.client();
  CHECK(client.has_ended());
  auto garbage = w.client();
  garbage.send(get("/poll"));
  CHECK(garbage.has_ended());
  CHECK(tls_client{w.door->port()}.is_open);
}

TEST_CASE("websockets work over TLS", "[http][door][tls]") {
  tls_folder folder;
  door_world w{settings_with(folder.make("node"))};
  tls_client peer{w.door->port()};
  const auto answer =
      peer.ask(doubles::upgrade_request("/ws") + doubles::make_frame(1, "hello")
               + doubles::make_frame(9, "polled"));
  CHECK(answer.find("101 Switching Protocols") != std::string::npos);
  CHECK(w.news.wait([&] { return !w.texts.empty(); }));
  CHECK(w.texts.at(0) == "hello");
}
