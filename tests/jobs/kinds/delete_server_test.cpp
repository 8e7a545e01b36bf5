#include "tests/doubles/fake_life.hpp"
#include "tests/jobs/kinds/world.hpp"

using namespace alula::jobs;
using namespace std::chrono_literals;

namespace {

const std::string old_server = "3f1d3a0e-7a55-4c3c-9d4f-0a4f5c1f2b11";

/// Everything up to, and without, this step.
void run_until(world& w, job_record& job, std::string_view name) {
  for (const auto& step : delete_server.steps) {
    if (step.name == name)
      return;
    done(w.run(delete_server, job, step.name));
  }
}

} // namespace

TEST_CASE("delete_server suspends the server with its accept", "[kinds]") {
  world w;
  const auto draft = w.read(delete_server);
  REQUIRE(draft);
  REQUIRE(draft->changes.size() == 1);
  CHECK(std::holds_alternative<begin_delete>(draft->changes[0]));
}

TEST_CASE("two deletes of one incarnation have one natural key", "[kinds]") {
  world w;
  const auto first = w.read(delete_server)->dedup_key;
  CHECK(w.read(delete_server)->dedup_key == first);
  w.server.row = 13;
  CHECK(w.read(delete_server)->dedup_key != first);
}

TEST_CASE("delete_server cannot be cancelled once it is accepted", "[kinds]") {
  world w;
  CHECK_FALSE(w.accept(delete_server).is_cancellable());
}

TEST_CASE("delete_server goes through its steps in the promised order",
          "[kinds]") {
  std::vector<std::string_view> names;
  for (const auto& step : delete_server.steps)
    names.push_back(step.name);
  CHECK(names
        == std::vector<std::string_view>{
            "announce", "close_sockets", "cancel_background_work",
            "destroy_container", "detach_volume", "mark_backups",
            "forget_server", "remove_backups", "retain", "purge"});
  CHECK(delete_server.answer_after == "forget_server");
}

TEST_CASE("clients hear `deleted` before they are disconnected", "[kinds]") {
  world w;
  auto job = w.accept(delete_server);
  run_until(w, job, "cancel_background_work");
  CHECK(w.clients.calls()
        == std::vector<std::string>{"announce " + old_server + " deleted null",
                                    "dismiss " + old_server
                                        + " 1001 server deleted"});
}

TEST_CASE("clients of a server in transfer hear that it is completed first",
          "[kinds]") {
  world w;
  w.server.transferring = true;
  auto job = w.accept(delete_server);
  done(w.run(delete_server, job, "announce"));
  CHECK(w.clients.calls()
        == std::vector<std::string>{
            "announce " + old_server + " transfer status completed",
            "announce " + old_server + " deleted null"});
}

TEST_CASE("background work is cancelled alone: jobs by the loop, downloads "
          "here",
          "[kinds]") {
  world w;
  int cancelled = 0;
  const auto download = w.downloads.add(w.id, [&] { ++cancelled; });
  auto job = w.accept(delete_server);
  done(w.run(delete_server, job, "cancel_background_work"));
  CHECK(cancelled == 1);
  CHECK(delete_server.steps[2].alone);
}

TEST_CASE("the recorded container, the named ones and the labelled ones are "
          "destroyed",
          "[kinds]") {
  world w;
  w.docker.put("c0ffee", "renamed-by-hand");
  w.docker.put("b0b", old_server);
  w.docker.put("1257a11", old_server + "_installer");
  w.docker.put("1abe1", "sidecar", true, {"alula.server=" + old_server});
  w.docker.put("0ther", "of-another-server", true,
               {"alula.server=11111111-1111-4111-8111-111111111111"});
  auto job = w.accept(delete_server);
  done(w.run(delete_server, job, "destroy_container"));
  CHECK_FALSE(w.docker.has("c0ffee"));
  CHECK_FALSE(w.docker.has("b0b"));
  CHECK_FALSE(w.docker.has("1257a11"));
  CHECK_FALSE(w.docker.has("1abe1"));
  CHECK(w.docker.has("0ther"));
}

TEST_CASE("a container that is gone already is a success", "[kinds]") {
  world w;
  auto job = w.accept(delete_server);
  done(w.run(delete_server, job, "destroy_container"));
  done(w.run(delete_server, job, "destroy_container"));
}

TEST_CASE("each container that is gone is a sign of life", "[kinds]") {
  world w;
  w.docker.put("1abe1", "sidecar", true, {"alula.server=" + old_server});
  auto job = w.accept(delete_server);
  done(w.run(delete_server, job, "destroy_container"));
  REQUIRE(w.reports.size() == 4); // recorded, by name, installer, labelled
  CHECK(w.reports.back().done == 4);
  CHECK(w.reports.back().unit == "containers");
}

TEST_CASE("the search for labelled containers can be stopped", "[kinds]") {
  world w;
  auto job = w.accept(delete_server);
  w.stop.request_stop();
  CHECK(std::get<fault>(w.run(delete_server, job, "destroy_container")).code
        == fault_code::interrupted);
  CHECK(w.docker.find_by_label("alula.server=" + old_server, w.stop.get_token())
            .error()
            .code
        == fault_code::interrupted);
}

TEST_CASE("without Docker nothing is detached", "[kinds]") {
  world w;
  w.docker.set_down(true);
  w.disk.put(w.id, {.files = 3, .bytes = 30});
  auto job = w.accept(delete_server);
  CHECK(failed(w.run(delete_server, job, "destroy_container")).code
        == fault_code::docker_unavailable);
  CHECK(w.disk.live.contains(w.id));
}

TEST_CASE("the volume goes into the trash under the job's id", "[kinds]") {
  world w;
  w.disk.put(w.id, {.files = 3, .bytes = 30});
  auto job = w.accept(delete_server);
  const auto outcome = w.run(delete_server, job, "detach_volume");
  CHECK(only_change<put_in_trash>(outcome).name == job.id.view());
  CHECK_FALSE(w.disk.live.contains(w.id));
  CHECK(w.disk.trash.contains(job.id.view()));
}

TEST_CASE("a server without a volume puts nothing in the trash", "[kinds]") {
  world w;
  auto job = w.accept(delete_server);
  CHECK(done(w.run(delete_server, job, "detach_volume")).changes.empty());
  done(w.run(delete_server, job, "forget_server"));
  done(w.run(delete_server, job, "retain"));
  done(w.run(delete_server, job, "purge"));
}

TEST_CASE("detaching twice, as after a crash, is the same as once", "[kinds]") {
  world w;
  w.disk.put(w.id, {.files = 3, .bytes = 30});
  auto job = w.accept(delete_server);
  done(w.run(delete_server, job, "detach_volume"));
  CHECK(
      only_change<put_in_trash>(w.run(delete_server, job, "detach_volume")).name
      == job.id.view());
}

TEST_CASE("the uuid is free before the files are gone", "[kinds]") {
  world w;
  w.disk.put(w.id, {.files = 3, .bytes = 30});
  auto job = w.accept(delete_server);
  run_until(w, job, "forget_server");
  only_change<forget_server>(w.run(delete_server, job, "forget_server"));
  CHECK(w.disk.trash.size() == 1);
}

TEST_CASE("within the undelete window the files are retained", "[kinds]") {
  world w;
  w.node.undelete_window = 1h;
  w.disk.put(w.id, {.files = 3, .bytes = 30});
  auto job = w.accept(delete_server);
  run_until(w, job, "retain");
  auto outcome = w.run(delete_server, job, "retain");
  REQUIRE(std::holds_alternative<step_waits>(outcome));
  CHECK(std::get<step_waits>(outcome).reason == "Retained");
  CHECK(std::get<step_waits>(outcome).delay == 1h);
  w.now += 3'600'000;
  only_change<begin_purge>(w.run(delete_server, job, "retain"));
}

TEST_CASE("looking after retained files does not list the trash", "[kinds]") {
  world w;
  w.node.undelete_window = 1h;
  w.disk.put(w.id, {.files = 3, .bytes = 30});
  auto job = w.accept(delete_server);
  run_until(w, job, "retain");
  w.run(delete_server, job, "retain");
  CHECK(w.disk.calls().back() == "is_in_trash " + job.id.to_string());
}

TEST_CASE("files that an undelete has moved and no server has are waited for",
          "[kinds]") {
  world w;
  w.disk.put(w.id, {.files = 3, .bytes = 30});
  auto job = w.accept(delete_server);
  run_until(w, job, "retain");
  w.disk.trash.erase(job.id.to_string());
  w.disk.put(w.id, {.files = 3, .bytes = 30});
  w.store->trash[job.id].entry = {.deleted_by = job.id, .server = w.id};
  CHECK(
      std::holds_alternative<step_waits>(w.run(delete_server, job, "retain")));
  SECTION("but not when a new server has them") {
    w.store->servers[13].record = {.row = 13, .uuid = w.id};
    w.store->live_server[w.id] = 13;
    only_change<begin_purge>(w.run(delete_server, job, "retain"));
  }
  SECTION("nor when there are none") {
    w.disk.live.clear();
    only_change<begin_purge>(w.run(delete_server, job, "retain"));
  }
}

TEST_CASE("a server that was brought back is not retained any longer",
          "[kinds]") {
  world w;
  w.node.undelete_window = 1h;
  w.disk.put(w.id, {.files = 3, .bytes = 30});
  auto job = w.accept(delete_server);
  run_until(w, job, "retain");
  REQUIRE(w.disk.reattach(job.id.view(), w.id));
  only_change<begin_purge>(w.run(delete_server, job, "retain"));
  done(w.run(delete_server, job, "purge"));
  CHECK(w.disk.live.at(w.id).files == 3);
}

TEST_CASE("the purge tells how far it is and what it freed", "[kinds]") {
  world w;
  w.disk.put(w.id, {.files = 10'000, .bytes = 1'000'000});
  auto job = w.accept(delete_server);
  run_until(w, job, "purge");
  w.reports.clear();
  const auto outcome = w.run(delete_server, job, "purge");
  only_change<end_purge>(outcome);
  const auto result = nlohmann::json::parse(done(outcome).job_result);
  CHECK(result["entries"] == 10'001);
  CHECK(w.reports.size() >= 2);
  CHECK(w.reports.front().unit == "entries");
  REQUIRE(w.reports.back().bytes);
  CHECK(w.reports.back().bytes->done == result["bytes"]);
  CHECK(w.reports.back().bytes->total == 0);
  CHECK(w.disk.trash.empty());
}

TEST_CASE("a purge goes on counting where the process died", "[kinds]") {
  world w;
  w.disk.put(w.id, {.files = 10'000, .bytes = 1'000'000});
  auto job = w.accept(delete_server);
  run_until(w, job, "purge");
  job.steps.back().reached = 500;
  w.reports.clear();
  const auto outcome = w.run(delete_server, job, "purge");
  const auto result = nlohmann::json::parse(done(outcome).job_result);
  CHECK(result["entries"] == 10'501);
  CHECK(w.reports.front().done > 500);
}

TEST_CASE("a purge counts what its earlier runs have freed", "[kinds]") {
  world w;
  w.disk.put(w.id, {.files = 10'000, .bytes = 1'000'000});
  auto job = w.accept(delete_server);
  run_until(w, job, "purge");
  w.disk.before_batch = [&, batches = 0]() mutable {
    if (++batches == 2)
      w.stop.request_stop();
  };
  failed(w.run(delete_server, job, "purge"));
  w.disk.before_batch = {};
  w.stop = {};
  job.steps.back().reached = 4'096; // the disk knows as much: it counts once
  const auto outcome = w.run(delete_server, job, "purge");
  const auto result = nlohmann::json::parse(done(outcome).job_result);
  CHECK(result["entries"] == 10'001);
  CHECK(result["bytes"] == 1'000'000);
}

TEST_CASE("a purge that fails is a failure of its own", "[kinds]") {
  world w;
  w.disk.put(w.id, {.files = 3, .bytes = 30});
  auto job = w.accept(delete_server);
  run_until(w, job, "purge");
  w.disk.fail_next("purge", {.code = fault_code::io_error, .what = "EIO"});
  CHECK(failed(w.run(delete_server, job, "purge")).code
        == fault_code::io_error);
  done(w.run(delete_server, job, "purge"));
}

TEST_CASE("a purge asked to stop goes on later", "[kinds]") {
  world w;
  w.disk.put(w.id, {.files = 10'000, .bytes = 10'000});
  auto job = w.accept(delete_server);
  run_until(w, job, "purge");
  w.stop.request_stop();
  CHECK(failed(w.run(delete_server, job, "purge")).code
        == fault_code::interrupted);
  CHECK_FALSE(w.disk.trash.empty());
}

TEST_CASE("a delete forgets the live side of the server too", "[kinds]") {
  world w;
  fake_life life{w.docker};
  w.node.life = &life.ports;
  life.processes.put(w.id, process_state::running);
  REQUIRE(life.installs.put_log(w.id, "log"));
  REQUIRE(life.installs.put_script(w.id, "script"));
  auto job = w.accept(delete_server);
  done(w.run(delete_server, job, "destroy_container"));
  CHECK(life.processes.state(w.id) == process_state::stopping);
  done(w.run(delete_server, job, "forget_server"));
  CHECK(life.processes.by_server.empty());
  CHECK(life.installs.logs.empty());
  CHECK(life.installs.scripts.empty());
}
