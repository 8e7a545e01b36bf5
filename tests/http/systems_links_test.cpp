// Links to backups of systems: for whoever has one, for a while.
#include "http/system_links.hpp"
#include "tests/http/systems_world.hpp"

using namespace alula;
using namespace alula::http;
using jobs::access_role;

TEST_CASE("a link gives the backup to whoever has it for a while",
          "[http][systems]") {
  systems_world w;
  const auto viewer = systems_world::person(access_role::viewer, {"d1"});
  const auto id = w.stored("d1c1", "the bytes", "nightly.tar.gz");
  const auto issued =
      w.ask(viewer, "GET", "/api/systems/d1c1/backups/" + id + "/download", {},
            {{"Host", "node.example:8080"}});
  CHECK(message_of(issued) == "download URL issued");
  CHECK(data_of(issued).at("expires_in_seconds") == 300);
  const std::string url = data_of(issued).at("download_url");
  const std::string base = "http://node.example:8080";
  REQUIRE(url.starts_with(base + "/download/system-backup?"));
  const auto target = url.substr(base.size());
  const auto got = w.ask(nullptr, "GET", target);
  CHECK(got.status == 200);
  CHECK(got.body == "the bytes");
  CHECK(header_of(got, "Content-Disposition").find("nightly_20")
        != std::string::npos);
  CHECK(header_of(got, "Content-Encoding").empty());
  CHECK(w.ask(nullptr, "HEAD", target).status == 200);
  SECTION("not with another id in it") {
    auto forged = target;
    forged.replace(forged.find("id=") + 3, 8, "01990000");
    CHECK(w.ask(nullptr, "GET", forged).status == 403);
  }
  SECTION("not with more time in it") {
    auto forged = target;
    forged.insert(forged.find("expires=") + 8, "9");
    CHECK(w.ask(nullptr, "GET", forged).status == 403);
  }
  SECTION("not when its time is over") {
    w.clock.advance(std::chrono::seconds{300});
    CHECK(w.ask(nullptr, "GET", target).status == 403);
  }
  SECTION("not when what signs it was replaced") {
    w.link_secret = "another";
    CHECK(w.ask(nullptr, "GET", target).status == 403);
    w.link_secret.clear();
    CHECK(w.ask(nullptr, "GET", target).status == 403);
  }
  SECTION("not when the backup is gone") {
    w.ask(systems_world::appliance("d1c1"), "DELETE",
          "/api/systems/backups/" + id);
    CHECK(w.ask(nullptr, "GET", target).status == 404);
  }
}

TEST_CASE("a link lasts for fifteen minutes at most", "[http][systems]") {
  using std::chrono::seconds;
  CHECK(link_lifetime(seconds{60}) == seconds{60});
  CHECK(link_lifetime(seconds{0}) == seconds{300});
  CHECK(link_lifetime(seconds{-1}) == seconds{300});
  CHECK(link_lifetime(seconds{901}) == seconds{900});
}
