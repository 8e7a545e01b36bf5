// Whose certificates are believed: those of stores of ours, and of whoever
// serves a Panel's links.
#include "remote/s3_store.hpp"
#include "tests/app/certificate.hpp"
#include "tests/contracts/object_store_contract.hpp"
#include "tests/doubles/scripted_web.hpp"
#include "tests/doubles/tls_front.hpp"
#include "tests/remote/fetched.hpp"

#include <catch2/catch.hpp>

#include <filesystem>
#include <string>
#include <unistd.h>

using namespace alula;
using namespace alula::remote;
using alula::contracts::text_source;
using alula::doubles::scripted_web;
using alula::doubles::tls_front;
using jobs::fault_code;

namespace {

/// A store that speaks TLS, with a certificate that nobody has signed.
struct tls_store {
  tls_store() { tests::write_certificate(dir, "localhost"); }
  ~tls_store() { std::filesystem::remove_all(dir); }
  tls_store(const tls_store&) = delete;
  tls_store& operator=(const tls_store&) = delete;

  static std::filesystem::path make_directory() {
    auto made = std::filesystem::temp_directory_path()
                / ("alula-s3-tls-" + std::to_string(::getpid()));
    std::filesystem::create_directories(made);
    return made;
  }
  std::string at(const std::string& path) {
    if (!front)
      front = std::make_unique<tls_front>(dir, web.port());
    return front->at(path, "localhost");
  }
  /// It is believed when `ca` is so.
  std::string ca_file(bool ca) const {
    return ca ? (dir / "cert.pem").string() : std::string{};
  }

  const std::filesystem::path dir = make_directory();
  scripted_web web{[](const scripted_web::request& asked) {
    return asked.head.starts_with("GET")
               ? scripted_web::answer(200, gzip, "archive")
               : scripted_web::answer(
                   200, "ETag: \"5d41402abc4b2a76b9719d911017c592\"\r\n", "");
  }};
  std::unique_ptr<tls_front> front = {};
};

} // namespace

TEST_CASE("a store of ours is believed by its CA alone", "[remote][far]") {
  tls_store there;
  const jobs::system_clock clock;
  const auto put = [&](bool ca) {
    s3_store store{{.name = "s",
                    .endpoint = there.at(""),
                    .bucket = "b",
                    .keys = {"access", "secret", {}},
                    .ca_file = there.ca_file(ca)},
                   clock};
    return store.put_part("k", "u", 1, text_source{"hello"}, {}, {});
  };
  const auto refused = put(false);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == fault_code::store_unavailable);
  CHECK(refused.error().what.find("certificate") != std::string::npos);
  CHECK(there.web.requests().empty());
  CHECK(put(true));
  CHECK(there.web.requests().size() == 1);
}

TEST_CASE("whoever serves a link is believed by the CA alone",
          "[remote][far]") {
  tls_store there;
  const auto links = [&](bool ca) {
    return web_links{{.allowed = {"localhost"}, .ca_file = there.ca_file(ca)}};
  };
  SECTION("a part is sent") {
    const auto put = [&](bool ca) {
      return links(ca).put(there.at("/k?partNumber=1&uploadId=u"),
                           text_source{"hello"}, {}, {});
    };
    const auto refused = put(false);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == fault_code::store_unavailable);
    CHECK(there.web.requests().empty());
    CHECK(put(true));
  }
  SECTION("an archive is fetched") {
    auto stranger = links(false);
    const auto refused = fetch(stranger, there.at("/k"));
    REQUIRE_FALSE(refused.how);
    CHECK(refused.how.error().code == fault_code::store_unavailable);
    CHECK(there.web.requests().empty());
    auto known = links(true);
    const auto got = fetch(known, there.at("/k"));
    REQUIRE(got.how);
    CHECK(got.text == "archive");
  }
}
