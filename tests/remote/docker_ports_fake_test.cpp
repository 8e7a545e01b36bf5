// The fakes of the Docker ports keep the contracts that dockerd keeps.
#include "tests/contracts/container_factory_contract.hpp"
#include "tests/contracts/container_streams_contract.hpp"
#include "tests/doubles/fake_container_factory.hpp"
#include "tests/doubles/fake_container_streams.hpp"

#include <catch2/catch.hpp>

using namespace alula;

namespace {

struct fake_factory_world final : contracts::container_factory_world {
  jobs::fake_container_factory fake;
  fake_factory_world() {
    fake.images = {"here:1"};
    fake.registry = {"elsewhere:1"};
  }
  jobs::container_factory& port() override { return fake; }
  std::string unique(const std::string& word) override { return word; }
  std::string image() override { return "here:1"; }
  std::string unknown_image() override { return "nowhere:1"; }
  std::string network_driver() override { return "bridge"; }
};

struct fake_streams_world final : contracts::container_streams_world {
  jobs::fake_container_streams fake;
  fake_streams_world() { fake.missing = {"nobody"}; }
  jobs::container_streams& port() override { return fake; }
  std::string unique(const std::string& word) override { return word; }
  void create(const std::string&) override {}
  void run(const std::string& name) override {
    fake.event(name, "id", "start");
  }
  void say(const std::string& name, const std::string& line) override {
    fake.say(name, line);
  }
  void end(const std::string& name) override {
    fake.end(name);
    fake.event(name, "id", "die");
  }
  void remove(const std::string& name) override {
    fake.event(name, "id", "destroy");
  }
  bool has_read(const std::string& name, const std::string& line) override {
    return fake.written_to(name) == line + "\n";
  }
  void appear() override { fake.miss(); }
};

} // namespace

TEST_CASE("the fake factory keeps the contract", "[remote]") {
  contracts::container_factory_keeps_its_contract(
      +[]() -> std::unique_ptr<contracts::container_factory_world> {
        return std::make_unique<fake_factory_world>();
      });
}

TEST_CASE("fake consoles keep the contract", "[remote]") {
  fake_streams_world world;
  contracts::consoles_keep_their_contract(world);
}

TEST_CASE("fake events keep the contract", "[remote]") {
  fake_streams_world world;
  contracts::events_keep_their_contract(world);
}

TEST_CASE("what the fake factory makes is seen by the fake engine",
          "[remote]") {
  jobs::fake_containers engine;
  jobs::fake_container_factory factory{&engine};
  factory.images = {"here:1"};
  jobs::container_spec spec;
  spec.name = "game";
  spec.image = "here:1";
  spec.labels = {{"Service", "Pterodactyl"}};
  const auto id = factory.create(spec);
  REQUIRE(id);
  CHECK(*factory.create(spec) == *id);
  CHECK(*engine.find_by_label("Service=Pterodactyl", {})
        == std::vector<std::string>{*id});
  CHECK(engine.start("game"));
  CHECK(engine.destroy("game", {}));
  CHECK(*factory.create(spec) != *id);
}
