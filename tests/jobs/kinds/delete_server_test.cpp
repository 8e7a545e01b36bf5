#include "tests/jobs/kinds/world.hpp"

using namespace alula::jobs;
using namespace std::chrono_literals;

namespace {

constexpr auto& kind_of = delete_server;
const std::string uuid = "3f1d3a0e-7a55-4c3c-9d4f-0a4f5c1f2b11";

/// Everything up to, and without, this step.
void run_until(world& w, job_record& job, std::string_view name) {
  for (const auto& step : kind_of.steps) {
    if (step.name == name)
      return;
    done(w.run(kind_of, job, step.name));
  }
}

} // namespace

TEST_CASE("delete_server suspends the server with its accept", "[kinds]") {
  world w;
  const auto draft = w.read(kind_of);
  REQUIRE(draft);
  REQUIRE(draft->changes.size() == 1);
  CHECK(std::holds_alternative<begin_delete>(draft->changes[0]));
}

TEST_CASE("two deletes of one incarnation have one natural key", "[kinds]") {
  world w;
  const auto first = w.read(kind_of)->dedup_key;
  CHECK(w.read(kind_of)->dedup_key == first);
  w.server.row = 13;
  CHECK(w.read(kind_of)->dedup_key != first);
}

TEST_CASE("delete_server cannot be cancelled once it is accepted", "[kinds]") {
  world w;
  CHECK_FALSE(w.accept(kind_of).is_cancellable());
}

TEST_CASE("delete_server goes through its steps in the promised order",
          "[kinds]") {
  std::vector<std::string_view> names;
  for (const auto& step : kind_of.steps)
    names.push_back(step.name);
  CHECK(names
        == std::vector<std::string_view>{"announce", "close_sockets",
                                         "cancel_background_work",
                                         "destroy_container", "detach_volume",
                                         "forget_server", "retain", "purge"});
  CHECK(kind_of.answer_after == "forget_server");
}

TEST_CASE("clients hear `deleted` before they are disconnected", "[kinds]") {
  world w;
  auto job = w.accept(kind_of);
  run_until(w, job, "cancel_background_work");
  CHECK(
      w.clients.calls()
      == std::vector<std::string>{"announce " + uuid + " deleted null",
                                  "dismiss " + uuid + " 1001 server deleted"});
}

TEST_CASE("clients of a server in transfer hear that it is completed first",
          "[kinds]") {
  world w;
  w.server.transferring = true;
  auto job = w.accept(kind_of);
  done(w.run(kind_of, job, "announce"));
  CHECK(w.clients.calls()
        == std::vector<std::string>{"announce " + uuid
                                        + " transfer status completed",
                                    "announce " + uuid + " deleted null"});
}

TEST_CASE("background work is cancelled alone: jobs by the loop, downloads "
          "here",
          "[kinds]") {
  world w;
  int cancelled = 0;
  const auto download = w.downloads.add(w.id, [&] { ++cancelled; });
  auto job = w.accept(kind_of);
  done(w.run(kind_of, job, "cancel_background_work"));
  CHECK(cancelled == 1);
  CHECK(kind_of.steps[2].alone);
}

TEST_CASE("the recorded container, the named ones and the labelled ones are "
          "destroyed",
          "[kinds]") {
  world w;
  w.docker.put("c0ffee", "renamed-by-hand");
  w.docker.put("b0b", uuid);
  w.docker.put("1257a11", uuid + "_installer");
  w.docker.put("1abe1", "sidecar", true, {"alula.server=" + uuid});
  w.docker.put("0ther", "of-another-server", true,
               {"alula.server=11111111-1111-4111-8111-111111111111"});
  auto job = w.accept(kind_of);
  done(w.run(kind_of, job, "destroy_container"));
  CHECK_FALSE(w.docker.has("c0ffee"));
  CHECK_FALSE(w.docker.has("b0b"));
  CHECK_FALSE(w.docker.has("1257a11"));
  CHECK_FALSE(w.docker.has("1abe1"));
  CHECK(w.docker.has("0ther"));
}

TEST_CASE("a container that is gone already is a success", "[kinds]") {
  world w;
  auto job = w.accept(kind_of);
  done(w.run(kind_of, job, "destroy_container"));
  done(w.run(kind_of, job, "destroy_container"));
}

TEST_CASE("without Docker nothing is detached", "[kinds]") {
  world w;
  w.docker.set_down(true);
  w.disk.put(w.id, {.files = 3, .bytes = 30});
  auto job = w.accept(kind_of);
  CHECK(failed(w.run(kind_of, job, "destroy_container")).code
        == fault_code::docker_unavailable);
  CHECK(w.disk.live.contains(w.id));
}

TEST_CASE("the volume goes into the trash under the job's id", "[kinds]") {
  world w;
  w.disk.put(w.id, {.files = 3, .bytes = 30});
  auto job = w.accept(kind_of);
  const auto outcome = w.run(kind_of, job, "detach_volume");
  CHECK(only_change<put_in_trash>(outcome).name == job.id.view());
  CHECK_FALSE(w.disk.live.contains(w.id));
  CHECK(w.disk.trash.contains(job.id.view()));
}

TEST_CASE("a server without a volume puts nothing in the trash", "[kinds]") {
  world w;
  auto job = w.accept(kind_of);
  CHECK(done(w.run(kind_of, job, "detach_volume")).changes.empty());
  done(w.run(kind_of, job, "forget_server"));
  done(w.run(kind_of, job, "retain"));
  done(w.run(kind_of, job, "purge"));
}

TEST_CASE("detaching twice, as after a crash, is the same as once", "[kinds]") {
  world w;
  w.disk.put(w.id, {.files = 3, .bytes = 30});
  auto job = w.accept(kind_of);
  done(w.run(kind_of, job, "detach_volume"));
  CHECK(only_change<put_in_trash>(w.run(kind_of, job, "detach_volume")).name
        == job.id.view());
}

TEST_CASE("the uuid is free before the files are gone", "[kinds]") {
  world w;
  w.disk.put(w.id, {.files = 3, .bytes = 30});
  auto job = w.accept(kind_of);
  run_until(w, job, "forget_server");
  only_change<forget_server>(w.run(kind_of, job, "forget_server"));
  CHECK(w.disk.trash.size() == 1);
}

TEST_CASE("within the undelete window the files are retained", "[kinds]") {
  world w;
  w.node.undelete_window = 1h;
  w.disk.put(w.id, {.files = 3, .bytes = 30});
  auto job = w.accept(kind_of);
  run_until(w, job, "retain");
  auto outcome = w.run(kind_of, job, "retain");
  REQUIRE(std::holds_alternative<step_waits>(outcome));
  CHECK(std::get<step_waits>(outcome).reason == "Retained");
  CHECK(std::get<step_waits>(outcome).delay == 1h);
  w.now += 3'600'000;
  only_change<begin_purge>(w.run(kind_of, job, "retain"));
}

TEST_CASE("a server that was brought back is not retained any longer",
          "[kinds]") {
  world w;
  w.node.undelete_window = 1h;
  w.disk.put(w.id, {.files = 3, .bytes = 30});
  auto job = w.accept(kind_of);
  run_until(w, job, "retain");
  REQUIRE(w.disk.reattach(job.id.view(), w.id));
  only_change<begin_purge>(w.run(kind_of, job, "retain"));
  done(w.run(kind_of, job, "purge"));
  CHECK(w.disk.live.at(w.id).files == 3);
}

TEST_CASE("the purge tells how far it is and what it freed", "[kinds]") {
  world w;
  w.disk.put(w.id, {.files = 10'000, .bytes = 1'000'000});
  auto job = w.accept(kind_of);
  run_until(w, job, "purge");
  const auto outcome = w.run(kind_of, job, "purge");
  only_change<end_purge>(outcome);
  const auto result = nlohmann::json::parse(done(outcome).job_result);
  CHECK(result["entries"] == 10'001);
  CHECK(w.reports.size() >= 2);
  CHECK(w.reports.front().unit == "entries");
  CHECK(w.disk.trash.empty());
}

TEST_CASE("a purge that fails is a failure of its own", "[kinds]") {
  world w;
  w.disk.put(w.id, {.files = 3, .bytes = 30});
  auto job = w.accept(kind_of);
  run_until(w, job, "purge");
  w.disk.fail_next("purge", {.code = fault_code::io_error, .what = "EIO"});
  CHECK(failed(w.run(kind_of, job, "purge")).code == fault_code::io_error);
  done(w.run(kind_of, job, "purge"));
}

TEST_CASE("a purge asked to stop goes on later", "[kinds]") {
  world w;
  w.disk.put(w.id, {.files = 10'000, .bytes = 10'000});
  auto job = w.accept(kind_of);
  run_until(w, job, "purge");
  w.stop.request_stop();
  CHECK(failed(w.run(kind_of, job, "purge")).code == fault_code::interrupted);
  CHECK_FALSE(w.disk.trash.empty());
}
