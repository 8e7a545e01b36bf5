#include "app/issuer_keys.hpp"
#include "tests/app/temporary_directory.hpp"
#include "tests/doubles/fake_clock.hpp"
#include "tests/doubles/scripted_web.hpp"
#include "tests/http/rsa_pair.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace alula;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

const std::string octets(32, 'k');

app::config of_issuer() {
  app::config settings;
  settings.api.jwt.issuer = "https://id.example.org";
  settings.api.jwt.audience = "alula";
  return settings;
}

bool starts_with_keys_of(const std::string& url) {
  auto settings = of_issuer();
  settings.api.jwt.jwks_url = url;
  const doubles::fake_clock clock;
  app::issuer_keys keys{settings, clock};
  return keys.start().has_value();
}

std::string set_of(std::vector<json> keys) {
  return json{{"keys", std::move(keys)}}.dump();
}

json octet_key(const std::string& id, const std::string& key) {
  return {{"kty", "oct"}, {"kid", id}, {"k", http::base64url(key)}};
}

/// What whoever signs tokens does.
struct issuing {
  json claims() const {
    return {{"iss", "https://id.example.org"},
            {"aud", "alula"},
            {"sub", "42"},
            {"exp", clock.now() / 1'000 + 300},
            {"role", "viewer"}};
  }
  static std::string rs256(const http::rsa_pair& by, const std::string& id,
                           const json& body) {
    const auto content =
        http::base64url(json{{"alg", "RS256"}, {"kid", id}}.dump()) + '.'
        + http::base64url(body.dump());
    return content + '.' + http::base64url(by.sign(content));
  }
  std::string rs256(const http::rsa_pair& by, const std::string& id) const {
    return rs256(by, id, claims());
  }
  std::string hs256(const std::string& key, const std::string& id) const {
    return http::sign_parts(json{{"alg", "HS256"}, {"kid", id}}.dump(),
                            claims().dump(), key);
  }
  /// Without a name of its key, so that it has nobody asked for another set.
  std::string nameless(const http::rsa_pair& by) const { return rs256(by, ""); }
  /// As a client that comes again: the set is read on a thread of its own.
  static bool comes_in(app::issuer_keys& keys, const std::string& token) {
    const auto limit = std::chrono::steady_clock::now() + 30s;
    while (!keys.find(token)) {
      if (std::chrono::steady_clock::now() > limit)
        return false;
      std::this_thread::yield();
    }
    return true;
  }

  doubles::fake_clock clock;
};

/// A URL with a key set behind it.
class key_server {
public:
  explicit key_server(std::string set)
    : set_(std::move(set)), web_([this](const auto&) { return answer(); }) {}

  std::string url() const { return web_.at("/keys"); }
  void publish(std::string set) {
    const std::scoped_lock lock{mutex_};
    set_ = std::move(set);
  }
  /// From now on it answers 503.
  void fail() {
    const std::scoped_lock lock{mutex_};
    fails_ = true;
  }
  int asked() const {
    const std::scoped_lock lock{mutex_};
    return asked_;
  }
  bool is_asked(int times) {
    std::unique_lock lock{mutex_};
    return changed_.wait_for(lock, 30s, [&] { return asked_ >= times; });
  }

private:
  std::string answer() {
    const std::scoped_lock lock{mutex_};
    ++asked_;
    changed_.notify_all();
    return doubles::scripted_web::answer(fails_ ? 503 : 200, "", set_);
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::string set_;
  bool fails_ = false;
  int asked_ = 0;
  doubles::scripted_web web_; ///< last: its thread uses the above
};

app::config at(const key_server& web) {
  auto settings = of_issuer();
  settings.api.jwt.jwks_url = web.url();
  return settings;
}

/// In one move, as a careful issuer does, or in place.
void write(const std::filesystem::path& to, const std::string& text,
           bool in_place = false) {
  const std::filesystem::path beside = to.string() + ".new";
  const auto& first = in_place ? to : beside;
  std::ofstream{first, std::ios::binary} << text;
  if (!in_place)
    std::filesystem::rename(first, to);
}

} // namespace

TEST_CASE("keys come by TLS or from this machine", "[app]") {
  // Nobody listens there: that is no reason not to start.
  for (const auto* url : {"https://127.0.0.1:9/keys", "http://127.0.0.1:9/keys",
                          "http://[::1]:9/keys", "http://localhost:9/keys"}) {
    INFO(url);
    CHECK(starts_with_keys_of(url));
  }
  for (const auto* url :
       {"http://id.example.org/keys", "http://192.0.2.1/keys",
        "http://127.0.0.1.example.org/keys", "http://127.0.0.1@192.0.2.1/keys",
        "http://localhost:x@192.0.2.1/keys", "http://[2001:db8::1]/keys"}) {
    INFO(url);
    CHECK_FALSE(starts_with_keys_of(url));
  }
}

TEST_CASE("keys of a file are read, and read again when it changes", "[app]") {
  const issuing by;
  const tests::temporary_directory dir;
  const auto file = dir.path() / "keys.json";
  const http::rsa_pair first, second;
  write(file, set_of({first.jwk("k1"), octet_key("o1", octets)}));
  auto settings = of_issuer();
  settings.api.jwt.jwks_file = file;
  app::issuer_keys keys{settings, by.clock, {.refresh = 1h, .look = 1ms}};
  REQUIRE(keys.start());
  CHECK(by.comes_in(keys, by.nameless(first)));
  CHECK(keys.find(by.rs256(first, "k1")));
  CHECK(keys.find(by.hs256(octets, "o1")));
  const auto nameless = by.nameless(second);
  CHECK_FALSE(keys.find(nameless));

  write(file, set_of({second.jwk("k2")}), GENERATE(false, true));
  CHECK(by.comes_in(keys, nameless));
  CHECK_FALSE(keys.find(by.rs256(first, "k1")));
  CHECK_FALSE(keys.find(by.hs256(octets, "o1")));
}

TEST_CASE("a file that comes late or is broken for a while is read then",
          "[app]") {
  const issuing by;
  const tests::temporary_directory dir;
  const auto file = dir.path() / "keys.json";
  const http::rsa_pair key, newer;
  auto settings = of_issuer();
  settings.api.jwt.jwks_file = file;
  app::issuer_keys keys{
      settings, by.clock, {.refresh = 1h, .again = 1h, .look = 1ms}};
  REQUIRE(keys.start());
  write(file, set_of({key.jwk("k1")}));
  REQUIRE(by.comes_in(keys, by.nameless(key)));
  write(file, "half a se");
  CHECK(keys.find(by.rs256(key, "k1")));
  write(file, set_of({key.jwk("k1"), newer.jwk("k2")}));
  CHECK(by.comes_in(keys, by.rs256(newer, "k2")));
}

TEST_CASE("a key that is not in the set has the set asked for again", "[app]") {
  issuing by;
  const http::rsa_pair first, second;
  key_server web{set_of({first.jwk("k1")})};
  app::issuer_keys keys{at(web), by.clock, {.refresh = 1h}};
  REQUIRE(keys.start());
  REQUIRE(by.comes_in(keys, by.nameless(first)));
  CHECK(web.asked() == 1);

  web.publish(set_of({second.jwk("k2")}));
  CHECK_FALSE(keys.find(by.rs256(second, "k2")));
  CHECK(by.comes_in(keys, by.rs256(second, "k2")));
  CHECK_FALSE(keys.find(by.rs256(first, "k1")));
  CHECK(web.asked() == 2);

  // Made-up names, within half a minute of the last time.
  for (int i = 0; i < 100; ++i)
    CHECK_FALSE(keys.find(by.rs256(first, "made up " + std::to_string(i))));
  by.clock.advance(29s);
  CHECK_FALSE(keys.find(by.rs256(first, "k1")));
  by.clock.advance(1s);
  CHECK_FALSE(keys.find(by.rs256(first, "k1")));
  REQUIRE(web.is_asked(3));
  keys.stop();
  CHECK(web.asked() == 3);
}

TEST_CASE("what has no key to be asked for asks for none", "[app]") {
  issuing by;
  const http::rsa_pair key;
  key_server web{set_of({key.jwk("k1")})};
  app::issuer_keys keys{at(web), by.clock, {.refresh = 1h}};
  REQUIRE(keys.start());
  REQUIRE(by.comes_in(keys, by.nameless(key)));
  const auto with = [&](const json& head) {
    return http::sign_parts(head.dump(), by.claims().dump(), octets);
  };
  for (const auto& token : {std::string{"alula_of_ours"}, std::string{"a.b.c"},
                            std::string{"a.b.c.d"}, with({{"alg", "HS256"}}),
                            with({{"alg", "none"}, {"kid", "k9"}}),
                            with({{"alg", "ES256"}, {"kid", "k9"}}),
                            // A key that is known, and has not signed this.
                            by.rs256(http::rsa_pair{}, "k1")})
    CHECK_FALSE(keys.find(token));
  // Had any of them asked, this would be within its half a minute.
  web.publish(set_of({key.jwk("k2")}));
  CHECK(by.comes_in(keys, by.rs256(key, "k2")));
  CHECK(web.asked() == 2);
}

TEST_CASE("a URL that does not answer leaves the keys of before", "[app]") {
  issuing by;
  const http::rsa_pair key, newer;
  auto web = std::make_unique<key_server>(set_of({key.jwk("k1")}));
  app::issuer_keys keys{at(*web), by.clock, {.refresh = 1h, .again = 1ms}};
  REQUIRE(keys.start());
  REQUIRE(by.comes_in(keys, by.nameless(key)));

  SECTION("when it says that it cannot") {
    web->publish(set_of({newer.jwk("k2")}));
    web->fail();
    CHECK_FALSE(keys.find(by.rs256(newer, "k2")));
    // Again and again now: the second answer is to whom the first was no use.
    REQUIRE(web->is_asked(3));
    CHECK(keys.find(by.rs256(key, "k1")));
    CHECK_FALSE(keys.find(by.rs256(newer, "k2")));
  }
  SECTION("when what it says is no set") {
    web->publish("<html>");
    CHECK_FALSE(keys.find(by.rs256(newer, "k2")));
    REQUIRE(web->is_asked(3));
    CHECK(keys.find(by.rs256(key, "k1")));
  }
  SECTION("when nobody is there any more") {
    web.reset();
    CHECK_FALSE(keys.find(by.rs256(newer, "k2")));
    CHECK(keys.find(by.rs256(key, "k1")));
  }
}

TEST_CASE("a URL that answers late gives its keys then", "[app]") {
  issuing by;
  const http::rsa_pair key;
  key_server web{"not yet"};
  app::issuer_keys keys{at(web), by.clock, {.refresh = 1h, .again = 1ms}};
  REQUIRE(keys.start());
  REQUIRE(web.is_asked(2));
  web.publish(set_of({key.jwk("k1")}));
  CHECK(by.comes_in(keys, by.rs256(key, "k1")));
}

TEST_CASE("whose keys are known is let in by what the token says", "[app]") {
  issuing by;
  const http::rsa_pair key;
  key_server web{set_of({key.jwk("k1")})};
  auto settings = at(web);
  settings.api.jwt.leeway = 10s;
  app::issuer_keys keys{settings, by.clock, {.refresh = 1h}};
  REQUIRE(keys.start());
  const auto good = by.claims();
  REQUIRE(by.comes_in(keys, by.nameless(key)));
  const auto with = [&](const char* name, const json& value) {
    auto body = good;
    body[name] = value;
    return keys.find(by.rs256(key, "k1", body)) != nullptr;
  };
  CHECK_FALSE(with("aud", "somebody else"));
  CHECK_FALSE(with("iss", "https://id.example.com"));
  CHECK(with("aud", {"x", "alula"}));
  const auto now = by.clock.now() / 1'000;
  CHECK(with("exp", now - 9));
  CHECK_FALSE(with("exp", now - 10));
  CHECK(with("nbf", now + 10));
  CHECK_FALSE(with("nbf", now + 11));
}
