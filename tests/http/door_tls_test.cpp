#include "tests/http/door_world.hpp"

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

/// A self-signed certificate and its key, as files.
struct identity {
  fs::path certificate, key;
};

class tls_folder {
public:
  tls_folder()
    : root_(fs::temp_directory_path()
            / ("alula-tls-" + std::to_string(::getpid()))) {
    fs::create_directories(root_);
  }
  ~tls_folder() { fs::remove_all(root_); }

  identity make(const std::string& name) {
    identity made{root_ / (name + ".pem"), root_ / (name + ".key")};
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* certificate = X509_new();
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3'600);
    X509_set_pubkey(certificate, key);
    auto* subject = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(
        subject, "CN", MBSTRING_ASC,
        reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    X509_set_issuer_name(certificate, subject);
    X509_sign(certificate, key, EVP_sha256());
    FILE* file = std::fopen(made.certificate.c_str(), "w");
    PEM_write_X509(file, certificate);
    std::fclose(file);
    file = std::fopen(made.key.c_str(), "w");
    PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(file);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return made;
  }

private:
  fs::path root_;
};

/// A TLS client over a raw one.
class tls_client {
public:
  explicit tls_client(std::uint16_t port, int max_version = TLS1_3_VERSION,
                      std::string_view protocols = {})
    : raw_(port), context_(SSL_CTX_new(TLS_client_method())) {
    SSL_CTX_set_min_proto_version(context_, TLS1_VERSION);
    SSL_CTX_set_security_level(context_, 0);
    SSL_CTX_set_max_proto_version(context_, max_version);
    ssl_ = SSL_new(context_);
    if (!protocols.empty())
      SSL_set_alpn_protos(
          ssl_, reinterpret_cast<const unsigned char*>(protocols.data()),
          static_cast<unsigned>(protocols.size()));
    const timeval limit{20, 0};
    ::setsockopt(raw_.descriptor(), SOL_SOCKET, SO_RCVTIMEO, &limit,
                 sizeof limit);
    SSL_set_fd(ssl_, raw_.descriptor());
    is_open = SSL_connect(ssl_) == 1;
  }
  ~tls_client() {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
  }
  tls_client(const tls_client&) = delete;
  tls_client& operator=(const tls_client&) = delete;

  std::string ask(std::string_view request) {
    SSL_write(ssl_, request.data(), static_cast<int>(request.size()));
    std::string all;
    char buffer[4'096];
    while (all.find("polled") == std::string::npos) {
      const int n = SSL_read(ssl_, buffer, sizeof buffer);
      if (n <= 0)
        break;
      all.append(buffer, static_cast<std::size_t>(n));
    }
    return all;
  }

  std::string peer_name() {
    X509* certificate = SSL_get1_peer_certificate(ssl_);
    char name[64] = "";
    if (certificate)
      X509_NAME_get_text_by_NID(X509_get_subject_name(certificate),
                                NID_commonName, name, sizeof name);
    X509_free(certificate);
    return name;
  }

  std::string chosen_protocol() {
    const unsigned char* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl_, &name, &size);
    return {reinterpret_cast<const char*>(name), size};
  }
  int version() { return SSL_version(ssl_); }

  bool is_open = false;

private:
  raw_client raw_;
  SSL_CTX* context_;
  SSL* ssl_;
};

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
  settings.limits.handshake = milliseconds{200};
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
