#include "actors/container_audit.hpp"
#include "tests/actors/engine_world.hpp"

using namespace alula;
using namespace alula::actors_test;
using strings = std::vector<std::string>;

namespace {

/// Servers 1 to 3 live, 9 was deleted here.
struct audited : engine_world {
  audited() { boot(); }

  const std::string gone = server_number(9).to_string();

  /// The delete of server 9, as far as that.
  void put_delete(bool is_answered) {
    const std::scoped_lock lock{store->mutex};
    auto job = jobs::plan(make_kind("server.delete", {tail("forget")}), {}, 1);
    job.row = ++store->last_job;
    job.server = server_number(9);
    job.server_row = 9;
    job.answer_after = 0;
    if (is_answered)
      job.steps[0].state = jobs::step_state::done;
    store->jobs[job.row] = job;
    store->row_of[job.id] = job.row;
  }
  jobs::result<actors::audited_containers> audit() {
    return actors::audit_containers(containers, *engine, queries, {});
  }
};

} // namespace

TEST_CASE("containers of live servers, and of others, are left out of an audit",
          "[actors]") {
  audited w;
  const auto uuid = server_number(1).to_string();
  w.containers.put("c1", uuid);
  w.containers.put("c2", uuid + "_installer", false);
  w.containers.put("c3", "other", true, {"alula.server=" + uuid});
  w.containers.put("c4", "somebody-elses");
  const auto found = w.audit();
  REQUIRE(found);
  CHECK(found->removed.empty());
  CHECK(found->left.empty());
  CHECK(w.containers.by_id.size() == 4);
}

TEST_CASE("containers of a server that was deleted here are removed",
          "[actors]") {
  audited w;
  w.put_delete(true);
  w.containers.put("c1", "any", true, {"alula.server=" + w.gone});
  w.containers.put("c2", w.gone + "_installer", false);
  const auto found = w.audit();
  REQUIRE(found);
  CHECK(found->removed == strings{"c1", "c2"});
  CHECK(w.containers.by_id.empty());
}

TEST_CASE("a container that may be somebody else's is told of and left",
          "[actors]") {
  audited w;
  bool running = false;
  SECTION("its server was never here") {}
  SECTION("the delete of its server has not come that far") {
    w.put_delete(false);
  }
  SECTION("it runs, and is only named like a deleted server") {
    w.put_delete(true);
    running = true;
  }
  const auto told = log_book().count("container-left");
  w.containers.put("c1", w.gone, running);
  const auto found = w.audit();
  REQUIRE(found);
  CHECK(found->removed.empty());
  CHECK(found->left == strings{"c1"});
  CHECK(w.containers.has("c1"));
  CHECK(log_book().count("container-left") == told + 1);
}

TEST_CASE("an audit needs Docker", "[actors]") {
  audited w;
  w.containers.set_down(true);
  CHECK(w.audit().error().code == jobs::fault_code::docker_unavailable);
}
