#include "app/alerts.hpp"
#include "tests/app/temporary_directory.hpp"
#include "tests/doubles/fake_backup_desk.hpp"
#include "tests/doubles/fake_clock.hpp"
#include "tests/doubles/fake_engine.hpp"
#include "tests/doubles/scripted_web.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <chrono>
#include <future>
#include <memory>
#include <string>

using namespace alula;
using namespace std::chrono_literals;
using doubles::scripted_web;

TEST_CASE("a missing backup that nobody took is told with the next look",
          "[app]") {
  const auto [name, shown] = GENERATE(table<std::string, std::string>(
      {{"Castle", "Castle"},
       // Nobody is called, and nothing is linked to, by who names a server.
       {"[EU] <!here> @everyone [x](http://y)",
        "[EU] _!here_ _everyone [x] (http://y)"}}));
  const std::string castle = "0b9d9e1c-6f3a-4c55-9d0e-2f7b8f6a1c33";
  doubles::fake_engine engine;
  jobs::server_record server;
  server.uuid = *jobs::server_id::parse(castle);
  server.config =
      nlohmann::json{{"settings", {{"meta", {{"name", name}}}}}}.dump();
  engine.servers.push_back(
      std::make_shared<const jobs::server_record>(std::move(server)));
  doubles::fake_backup_desk desk;
  const doubles::fake_clock clock;

  constexpr int most_tries = 2;
  int tries = 0; // of the hook's own thread
  std::promise<std::string> taken;
  scripted_web hook{[&](const scripted_web::request& asked) {
    ++tries;
    if (tries <= most_tries)
      return scripted_web::answer(503, "", "");
    if (tries == most_tries + 1)
      taken.set_value(asked.body);
    return scripted_web::answer(204, "", "");
  }};

  const tests::temporary_directory place;
  app::alerts telling{{.url = hook.at("/hook"),
                       .links = "http://node1.example:8080/#/",
                       .backup_age = 48h,
                       .cursor_file = place.path() / "alerts.seq",
                       .first_pause = 1ms,
                       .most_tries = most_tries,
                       .backups_every = 1ms},
                      engine,
                      desk,
                      clock};
  telling.start();
  auto told = taken.get_future();
  const auto heard = told.wait_for(60s);
  telling.stop();
  REQUIRE(heard == std::future_status::ready);
  const auto body = told.get();
  CHECK(body.find("backup.missing") != std::string::npos);
  const auto link = "http://node1.example:8080/#/servers/" + castle;
  const auto told_all = nlohmann::json::parse(body);
  CHECK(told_all.at("server") == castle);
  CHECK(told_all.at("url") == link);
  CHECK(told_all.at("text")
        == "server " + shown + " (" + castle
               + ") has had no good backup for 48 hours " + link);
  CHECK(told_all.at("content") == told_all.at("text"));
  // What Discord takes for "calls nobody".
  CHECK(told_all.at("allowed_mentions").dump() == R"({"parse":[]})");
}
