#include "app/far_settings.hpp"

#include <catch2/catch.hpp>

using namespace alula::app;

namespace {

constexpr std::int64_t mib = 1 << 20;

config read(const std::string& yaml) {
  auto report = parse_config("token: secret\n" + yaml);
  REQUIRE(report.is_usable());
  return std::move(report.value);
}

} // namespace

TEST_CASE("all uploads of a node share one limit", "[app]") {
  const auto c =
      read("system:\n  backups: {s3_upload_limit: 12, s3_download_limit: 7,"
           " s3_parallel: 3}\n"
           "stores: {offsite: {endpoint: 'https://s3.test', bucket: b,"
           " access_key: a, secret_key: s}}\n");
  const auto limit = upload_limit_of(c);
  REQUIRE(limit);
  const auto links = link_settings_of(c, limit);
  CHECK(links.send_limit == limit);
  CHECK(links.take_rate == 7 * mib);
  const auto stores = stores_of(c, limit);
  REQUIRE(stores);
  CHECK(stores->at(0).send_limit == limit);
  CHECK(stores->at(0).take_rate == 7 * mib);
  CHECK(upload_rules_of(c).parallel == 3);
}

TEST_CASE("each way has the certificates that it believes", "[app]") {
  const auto c = read("system:\n  backups: {s3_ca: /etc/panel-store.pem}\n"
                      "stores:\n"
                      "  offsite: {endpoint: 'https://s3.test', bucket: b,"
                      " ca: /etc/offsite.pem, access_key: a, secret_key: s}\n"
                      "  public: {endpoint: 'https://s4.test', bucket: b,"
                      " access_key: a, secret_key: s}\n");
  CHECK(link_settings_of(c).ca_file == "/etc/panel-store.pem");
  CHECK(link_settings_of(c).resolve.empty()); // of tests alone
  const auto stores = stores_of(c, nullptr);
  REQUIRE(stores);
  REQUIRE(stores->size() == 2);
  CHECK(stores->at(0).name == "offsite");
  CHECK(stores->at(0).ca_file == "/etc/offsite.pem");
  // The system's.
  CHECK(stores->at(1).ca_file.empty());
}

TEST_CASE("without limits transfers are as fast as they can be", "[app]") {
  const auto links = link_settings_of(read(""));
  CHECK_FALSE(upload_limit_of(read("")));
  CHECK_FALSE(links.send_limit);
  CHECK(links.take_rate == 0);
}

TEST_CASE("what a store gets a copy of is made on the disk first", "[app]") {
  const auto stores = std::string{
      "stores: {offsite: {endpoint: 'https://s3.test', bucket: b}}\n"};
  CHECK(
      upload_rules_of(read("system:\n  backups: {copy_to: offsite}\n" + stores))
          .are_copied);
  CHECK_FALSE(upload_rules_of(read(stores)).are_copied);
}
