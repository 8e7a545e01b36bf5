#include "tests/contracts/archives_contract.hpp"
#include "tests/contracts/checked_archives_contract.hpp"
#include "tests/contracts/moved_archives_contract.hpp"
#include "tests/doubles/fake_archives.hpp"

#include <future>

using namespace alula;
using jobs::fake_archives;

namespace {

struct fake_world final : contracts::archives_world {
  fake_archives fake;
  jobs::descriptor nowhere;

  jobs::archives& port() override { return fake; }
  const jobs::descriptor& volume() override { return nowhere; }
  const jobs::descriptor& staging() override { return nowhere; }
  void fill(const tree& files) override { fake.volume = files; }
  tree staged() override { return fake.extracted; }
  void put_foreign(const jobs::backup_id& first_backup,
                   const tree& files) override {
    fake.put(first_backup, {}, files);
  }
  void damage(const jobs::backup_id& first_backup) override {
    fake.published.at(first_backup).is_damaged = true;
  }
};

const auto first_backup =
    *jobs::backup_id::parse("3f2b7c1e-90ab-4cde-8f01-23456789abcd");

} // namespace

TEST_CASE("the fake archives keep the contract", "[archives]") {
  contracts::archives_keep_their_contract(
      []() -> std::unique_ptr<contracts::archives_world> {
        return std::make_unique<fake_world>();
      });
}

TEST_CASE("fake archives that are checked keep the contract", "[archives]") {
  contracts::archives_are_checked(
      []() -> std::unique_ptr<contracts::archives_world> {
        return std::make_unique<fake_world>();
      });
}

TEST_CASE("fake archives that move keep the contract", "[archives]") {
  contracts::archives_are_moved(
      []() -> std::unique_ptr<contracts::archives_world> {
        return std::make_unique<fake_world>();
      });
}

TEST_CASE("a held write of the fake waits until it is let go", "[archives]") {
  fake_archives fake;
  fake.volume = {{"a", "b"}};
  fake.hold("write");
  jobs::archive_order order;
  order.backup = first_backup;
  auto made = std::async(std::launch::async, [&] {
    return fake.write(jobs::descriptor{}, order, {}, {});
  });
  REQUIRE(fake.wait_until_held("write"));
  fake.let_go("write");
  CHECK(made.get());
  CHECK(fake.count("write") == 1);
}

TEST_CASE("a held write of the fake ends when it is stopped", "[archives]") {
  fake_archives fake;
  fake.hold("write");
  std::stop_source stop;
  auto made = std::async(std::launch::async, [&] {
    return fake.write(jobs::descriptor{}, {}, stop.get_token(), {});
  });
  REQUIRE(fake.wait_until_held("write"));
  stop.request_stop();
  const auto ended = made.get();
  REQUIRE_FALSE(ended);
  CHECK(ended.error().code == jobs::fault_code::interrupted);
}

TEST_CASE("the fake runs into the faults it was given, once each",
          "[archives]") {
  fake_archives fake;
  fake.fail_next("remove", {.code = jobs::fault_code::io_error, .what = "no"});
  CHECK_FALSE(fake.remove(first_backup));
  CHECK(fake.remove(first_backup));
}
