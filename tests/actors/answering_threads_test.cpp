// Threads that answer and threads that work: a job that takes hours, or hangs,
// keeps nobody who asks waiting.
#include "actors/actor_engine.hpp"
#include "tests/actors/engine_world.hpp"

#include <algorithm>
#include <iterator>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

using namespace alula;
using namespace alula::actors_test;
using namespace std::chrono_literals;
using jobs::job_state;

namespace {

/// Which threads came by.
class threads_seen {
public:
  void note() {
    const std::scoped_lock lock{mutex_};
    seen_.insert(std::this_thread::get_id());
  }
  std::set<std::thread::id> all() const {
    const std::scoped_lock lock{mutex_};
    return seen_;
  }

private:
  mutable std::mutex mutex_;
  std::set<std::thread::id> seen_;
};

/// A world in which every step, and every answer asked for here, notes whose
/// thread it is on.
struct observed_world {
  observed_world() {
    w.boot();
    for (const auto* label :
         {"test.plain.a", "undo test.plain.a", "test.plain.b",
          "undo test.plain.b", "test.plain.p", "test.plain.c", "test.single.s",
          "test.delete.alone", "test.delete.forget", "test.delete.purge"})
      works(label, [](jobs::step_context&) { return jobs::step_done{}; });
  }

  void works(const std::string& label, const play& how) {
    w.script.let(label, [this, how](jobs::step_context& ctx) {
      workers.note();
      return how(ctx);
    });
  }
  template<class T, class Call>
  jobs::result<T> ask(Call call) {
    return answer_of<T>([&](auto done) {
      call([this, done](jobs::result<T> answer) {
        answerers.note();
        done(std::move(answer));
      });
    });
  }
  jobs::job_id submit(const jobs::kind& kind, int server) {
    const auto got = ask<jobs::ticket>([&](auto done) {
      w.engine->submit(w.request(kind, server), std::move(done));
    });
    REQUIRE(got);
    return got->job->record().id;
  }
  std::future<void> await(const jobs::job_id& id, jobs::await_for what,
                          std::string etag = {}) {
    auto promise = std::make_shared<std::promise<void>>();
    w.engine->await(id, what, std::move(etag), 1h,
                    [this, promise](const auto&) {
                      answerers.note();
                      promise->set_value();
                    });
    return promise->get_future();
  }

  void nobody_did_both() const {
    const auto worked = workers.all();
    const auto answered = answerers.all();
    REQUIRE_FALSE(worked.empty());
    REQUIRE_FALSE(answered.empty());
    std::vector<std::thread::id> both;
    std::ranges::set_intersection(worked, answered, std::back_inserter(both));
    CHECK(both.empty());
  }

  threads_seen workers, answerers; // the engine is gone before them
  engine_world w;
};

} // namespace

TEST_CASE("who waits for a job or hears of it is told by nobody who works",
          "[actors]") {
  gate door;
  observed_world o;
  auto& script = o.w.script;
  o.works("test.delete.tell", [&](jobs::step_context& ctx) {
    ctx.report({.done = 1, .unit = "clients"});
    script.write("at work");
    door.pass(ctx.stop, false);
    return jobs::step_done{};
  });
  const auto stream =
      o.w.engine->subscribe({}, [&](const jobs::event_batch& batch) {
        o.answerers.note();
        for (const auto& event : batch.events)
          script.write("told " + event->type);
        if (!batch.progress.empty())
          script.write("told of progress");
      });
  const auto id = o.submit(remove_server, 1);
  REQUIRE(script.wait_for("at work"));
  REQUIRE(script.wait_for("told of progress"));
  const auto etag = o.w.engine->peek(id)->etag();
  const auto changed = o.await(id, jobs::await_for::changed, etag);
  const auto answered = o.await(id, jobs::await_for::answered);
  const auto finished = o.await(id, jobs::await_for::finished);
  door.open();
  for (const auto* each : {&changed, &answered, &finished})
    REQUIRE(each->wait_for(patience) == std::future_status::ready);
  REQUIRE(script.wait_for("told job.succeeded"));
  o.nobody_did_both();
}

TEST_CASE("who asks for something about a job is answered by nobody who works",
          "[actors]") {
  observed_world o;
  auto& engine = *o.w.engine;
  o.works("test.plain.b @2", [&](jobs::step_context& ctx) {
    o.w.script.write("at work");
    gate shut;
    shut.pass(ctx.stop, false);
    return jobs::step_outcome{stopped()};
  });
  o.works("test.plain.c @3", fails(jobs::fault_code::docker_refused));

  const auto cancelled = o.submit(plain, 2);
  REQUIRE(o.w.script.wait_for("at work"));
  CHECK(o.ask<jobs::job_view_ptr>(
      [&](auto done) { engine.cancel(cancelled, std::move(done)); }));
  CHECK(o.w.end_of(cancelled).state == job_state::cancelled);

  const auto parked = o.submit(plain, 3);
  o.w.until(parked, job_state::parked);
  CHECK(o.ask<jobs::ticket>(
      [&](auto done) { engine.retry(parked, {}, std::move(done)); }));
  o.w.until(parked, job_state::parked);
  CHECK(o.ask<jobs::job_view_ptr>(
      [&](auto done) { engine.abandon(parked, "no use", std::move(done)); }));

  CHECK(o.ask<jobs::job_view_ptr>(
      [&](auto done) { engine.find(parked, std::move(done)); }));
  CHECK(o.ask<jobs::engine::page>(
      [&](auto done) { engine.list({}, 0, 10, std::move(done)); }));
  CHECK(o.ask<jobs::event_page>(
      [&](auto done) { engine.events_after(0, {}, 10, std::move(done)); }));
  CHECK(o.ask<std::optional<jobs::container_info>>([&](auto done) {
    engine.inspect_server(server_number(1), std::move(done));
  }));
  CHECK(o.ask<jobs::summary::pool>([&](auto done) {
    engine.pause_pool({.pool = "purge"}, std::move(done));
  }));
  CHECK(o.ask<void>(
      [&](auto done) { engine.forget(cancelled, std::move(done)); }));
  o.nobody_did_both();
}
