#include "jobs/end_watch.hpp"
#include "tests/doubles/fake_containers.hpp"

#include <catch2/catch.hpp>

#include <chrono>

using namespace alula::jobs;
using namespace std::chrono_literals;

namespace {

struct watched {
  fake_containers docker;
  int woken = 0;
  end_watch watch{docker, "game", [this] { ++woken; }};
  watched() { docker.put("c0ffee", "game"); }
};

} // namespace

TEST_CASE("who waits for an end is woken when Docker tells it", "[jobs]") {
  watched w;
  w.watch.seen_running();
  CHECK(w.woken == 0);
  w.docker.exit("game", 0);
  CHECK(w.woken == 1);
}

TEST_CASE("Docker is asked once, however often one looks", "[jobs]") {
  watched w;
  for (int i = 0; i < 3; ++i)
    w.watch.seen_running();
  CHECK(w.docker.notices_asked == 1);
}

TEST_CASE("a Docker whose word does not hold is not asked again at once",
          "[jobs]") {
  watched w;
  w.docker.exit("game", 0); // says so, and the look sees it run
  for (int i = 0; i < 3; ++i)
    w.watch.seen_running();
  CHECK(w.woken == 1);
  CHECK(w.docker.notices_asked == 1);
}

TEST_CASE("Docker is not asked where nothing is waited for any more",
          "[jobs]") {
  watched w;
  w.watch.seen_running(0ms);
  CHECK(w.docker.notices_asked == 0);
}

TEST_CASE("nobody is woken who waits no more", "[jobs]") {
  fake_containers docker;
  docker.put("c0ffee", "game");
  int woken = 0;
  {
    end_watch watch{docker, "game", [&] { ++woken; }};
    watch.seen_running();
  }
  docker.exit("game", 0);
  CHECK(woken == 0);
  CHECK(docker.notices_asked == 1);
}
