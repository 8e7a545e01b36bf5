#include "actors/actor_engine.hpp"
#include "tests/actors/engine_world.hpp"

#include <set>

using namespace alula;
using namespace alula::actors_test;
using namespace std::chrono_literals;
using jobs::job_state;

namespace {

/// Everything a subscriber was given.
struct collector {
  void take(const jobs::event_batch& batch) {
    const std::scoped_lock lock{mutex};
    for (const auto& e : batch.events)
      seqs.push_back(e->seq);
    for (const auto& view : batch.progress)
      progress.push_back(view);
    lost = lost || batch.lost;
    changed.notify_all();
  }
  template<class Condition>
  bool wait(Condition holds) {
    std::unique_lock lock{mutex};
    return changed.wait_for(lock, patience, holds);
  }
  auto sink() {
    return [this](const jobs::event_batch& batch) { take(batch); };
  }
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::int64_t> seqs;
  std::vector<jobs::job_view_ptr> progress;
  bool lost = false;
};

} // namespace

// -- waiting ------------------------------------------------------------------

TEST_CASE("a waiter is woken by the change it waits for", "[actors]") {
  engine_world w;
  w.boot();
  w.script.hold("test.delete.tell");
  w.script.hold("test.delete.forget");
  const auto id = w.submit(remove_server, 1);
  REQUIRE(w.script.wait_for("in test.delete.tell"));
  w.until(id, job_state::running);
  const auto wait = [&](jobs::await_for what, std::string etag) {
    auto promise = std::make_shared<std::promise<jobs::job_record>>();
    w.engine->await(id, what, std::move(etag), 1h, [promise](const auto& r) {
      promise->set_value(r.value()->record());
    });
    return promise->get_future();
  };
  const auto etag = w.engine->peek(id)->etag();
  auto changed = wait(jobs::await_for::changed, etag);
  auto answered = wait(jobs::await_for::answered, {});
  auto finished = wait(jobs::await_for::finished, {});
  auto at_once = wait(jobs::await_for::changed, "\"0.0\"");
  CHECK(at_once.wait_for(patience) == std::future_status::ready);
  CHECK(changed.wait_for(5ms) == std::future_status::timeout);
  w.script.open("test.delete.tell");
  REQUIRE(changed.wait_for(patience) == std::future_status::ready);
  REQUIRE(answered.wait_for(patience) == std::future_status::ready);
  CHECK(answered.get().is_answered());
  CHECK(finished.wait_for(5ms) == std::future_status::timeout);
  w.script.open("test.delete.forget");
  REQUIRE(finished.wait_for(patience) == std::future_status::ready);
  CHECK(finished.get().is_done());
}

TEST_CASE("a waiter is answered when its time is up", "[actors]") {
  engine_world w;
  w.boot();
  w.script.hold("test.single.s");
  const auto id = w.submit(single, 1);
  REQUIRE(w.script.wait_for("in test.single.s"));
  std::promise<job_state> promise;
  auto answer = promise.get_future();
  w.engine->await(id, jobs::await_for::finished, {}, 30s, [&](const auto& r) {
    promise.set_value(r.value()->record().state);
  });
  w.pass(29s);
  CHECK(answer.wait_for(5ms) == std::future_status::timeout);
  w.pass(1s);
  REQUIRE(answer.wait_for(patience) == std::future_status::ready);
  CHECK(answer.get() == job_state::running);
}

TEST_CASE("a thousand waiters are woken by one change", "[actors]") {
  engine_world w;
  w.boot();
  w.script.hold("test.single.s");
  const auto id = w.submit(single, 1);
  REQUIRE(w.script.wait_for("in test.single.s"));
  std::atomic<int> left = 1'000;
  std::promise<void> all;
  for (int i = 0; i < 1'000; ++i)
    w.engine->await(id, jobs::await_for::finished, {}, 1h, [&](const auto&) {
      if (--left == 0)
        all.set_value();
    });
  w.script.open("test.single.s");
  CHECK(all.get_future().wait_for(patience) == std::future_status::ready);
}

TEST_CASE("more waiters than allowed are answered at once", "[actors]") {
  engine_world w;
  w.settings.waiters = 0;
  w.boot();
  w.script.hold("test.single.s");
  const auto id = w.submit(single, 1);
  CHECK(w.await(id, jobs::await_for::finished));
}

TEST_CASE("waiting for an unknown job is refused", "[actors]") {
  engine_world w;
  w.boot();
  const auto id = jobs::make_job_id(w.clock.now());
  CHECK(w.await(id, jobs::await_for::finished).error().code
        == jobs::fault_code::job_not_found);
}

// -- streams ------------------------------------------------------------------

TEST_CASE("a subscription and the log together have no gap", "[actors]") {
  engine_world w;
  w.boot();
  std::vector<jobs::job_id> ids;
  for (int i = 0; i < 20; ++i)
    ids.push_back(w.submit(plain, 1 + i % 3));
  collector c;
  const auto subscribed = w.engine->subscribe({}, c.sink());
  const auto before = answer_of<jobs::event_page>([&](auto done) {
    w.engine->events_after(0, {}, 10'000, std::move(done));
  });
  for (int i = 0; i < 20; ++i)
    ids.push_back(w.submit(single, 1 + i % 3));
  for (const auto& id : ids)
    w.end_of(id);
  std::int64_t last = 0;
  {
    const std::scoped_lock lock{w.store->mutex};
    last = w.store->events.back().seq;
  }
  REQUIRE(c.wait([&] { return !c.seqs.empty() && c.seqs.back() == last; }));
  CHECK(std::ranges::is_sorted(c.seqs));
  std::set<std::int64_t> all(c.seqs.begin(), c.seqs.end());
  CHECK(all.size() == c.seqs.size());
  for (const auto& e : before->items)
    all.insert(e.seq);
  CHECK(all.size() == static_cast<std::size_t>(last));
  CHECK_FALSE(c.lost);
}

TEST_CASE("a subscriber hears only what it asked for", "[actors]") {
  engine_world w;
  w.boot();
  collector mine, all;
  jobs::event_filter filter;
  filter.server = server_number(2);
  const auto one = w.engine->subscribe(filter, mine.sink());
  const auto two = w.engine->subscribe({}, all.sink());
  w.end_of(w.submit(single, 1));
  w.end_of(w.submit(single, 2));
  std::size_t total = 0, wanted = 0;
  {
    const std::scoped_lock lock{w.store->mutex};
    total = w.store->events.size();
    wanted = static_cast<std::size_t>(std::ranges::count(
        w.store->events, filter.server, &jobs::event::server));
  }
  CHECK(all.wait([&] { return all.seqs.size() == total; }));
  CHECK(mine.wait([&] { return mine.seqs.size() == wanted; }));
}

TEST_CASE("a slow subscriber is cut off and told, and holds nobody up",
          "[actors]") {
  engine_world w;
  w.settings.subscriber_lag = 10;
  w.boot();
  gate door;
  std::promise<void> blocked;
  std::atomic<bool> first = true;
  collector slow, quick;
  const auto one = w.engine->subscribe({}, [&](const jobs::event_batch& batch) {
    if (first.exchange(false)) {
      blocked.set_value();
      door.pass({}, true);
    }
    slow.take(batch);
  });
  const auto two = w.engine->subscribe({}, quick.sink());
  w.submit(single, 1);
  REQUIRE(blocked.get_future().wait_for(patience) == std::future_status::ready);
  for (int i = 0; i < 10; ++i)
    w.end_of(w.submit(single, 2));
  std::int64_t last = 0;
  {
    const std::scoped_lock lock{w.store->mutex};
    last = w.store->events.back().seq;
  }
  CHECK(quick.wait([&] {
    return quick.lost || (!quick.seqs.empty() && quick.seqs.back() == last);
  }));
  door.open();
  CHECK(slow.wait([&] { return slow.lost; }));
  const auto heard = slow.seqs.size();
  w.end_of(w.submit(single, 1));
  CHECK(slow.seqs.size() == heard);
}

TEST_CASE("a subscriber that throws is only logged", "[actors]") {
  engine_world w;
  w.boot();
  const auto before = log_book().count("subscriber-threw");
  const auto one = w.engine->subscribe(
      {}, [](const jobs::event_batch&) { throw std::runtime_error{"boom"}; });
  CHECK(w.end_of(w.submit(single, 1)).state == job_state::succeeded);
  CHECK(log_book().wait_for("subscriber-threw", before + 1));
}

TEST_CASE("the log says of which request a subscriber or waiter is that throws",
          "[actors]") {
  engine_world w;
  w.boot();
  const auto& lines = log_books().lines;
  const auto boom = [](const auto&) { throw std::runtime_error{"boom"}; };
  std::unique_ptr<jobs::subscription> one;
  jobs::job_id id;
  {
    const jobs::log_scope whose{"request", "r-of-a-listener"};
    one = w.engine->subscribe({}, boom);
    id = w.submit(single, 1);
    w.engine->await(id, jobs::await_for::finished, {}, 1h, boom);
  }
  CHECK(w.end_of(id).state == job_state::succeeded);
  CHECK(lines.wait_for("subscriber-threw what=boom request=r-of-a-listener"));
  CHECK(lines.wait_for("callback-threw what=boom request=r-of-a-listener"));
}

TEST_CASE("an ended subscription hears nothing, and may outlive the engine",
          "[actors]") {
  engine_world w;
  w.boot();
  collector c;
  auto one = w.engine->subscribe({}, c.sink());
  const auto two = w.engine->subscribe({}, c.sink());
  w.end_of(w.submit(single, 1));
  one.reset();
  w.engine.reset();
}

TEST_CASE("whoever ends a subscription waits until its sink is left",
          "[actors]") {
  engine_world w;
  w.boot();
  gate door;
  std::promise<void> entered, ending;
  std::atomic<bool> first = true, left = false;
  auto one = w.engine->subscribe({}, [&](const jobs::event_batch&) {
    if (!first.exchange(false))
      return;
    entered.set_value();
    door.pass({}, true);
    left = true;
  });
  w.end_of(w.submit(single, 1));
  REQUIRE(entered.get_future().wait_for(patience) == std::future_status::ready);
  auto ended = std::async(std::launch::async, [&] {
    ending.set_value();
    one.reset();
    return left.load();
  });
  ending.get_future().wait();
  door.open();
  CHECK(ended.get());
}

// -- progress -----------------------------------------------------------------

TEST_CASE("progress is seen by pollers, subscribers and the ledger",
          "[actors]") {
  engine_world w;
  w.boot();
  gate door;
  w.script.let("test.single.s",
               [&](jobs::step_context& ctx) -> jobs::step_outcome {
                 ctx.report({.done = 100,
                             .total = 1'000,
                             .unit = "entries",
                             .message = "purging"});
                 w.script.write("reported");
                 door.pass(ctx.stop, true);
                 return jobs::step_done{};
               });
  collector c;
  const auto subscribed = w.engine->subscribe({}, c.sink());
  const auto id = w.submit(single, 1);
  REQUIRE(w.script.wait_for("reported"));
  REQUIRE(c.wait([&] { return !c.progress.empty(); }));
  const auto view = w.engine->peek(id);
  REQUIRE(view->current_progress());
  CHECK(view->current_progress()->done == 100);
  CHECK(view->current_progress()->updated_at == w.clock.now());
  CHECK(view->etag().ends_with(".1\""));
  CHECK(w.store->progress.at(view->record().row).done == 100);
  door.open();
  w.end_of(id);
  CHECK_FALSE(w.engine->peek(id)->current_progress());
}

TEST_CASE("progress is sampled once a second, with a rate", "[actors]") {
  engine_world w;
  w.boot();
  gate doors[2];
  w.script.let("test.single.s",
               [&](jobs::step_context& ctx) -> jobs::step_outcome {
                 const auto tell = [&](std::int64_t done) {
                   ctx.report({.done = done, .unit = "entries", .message = {}});
                 };
                 tell(100);
                 w.script.write("first");
                 doors[0].pass(ctx.stop, true);
                 for (std::int64_t i = 0; i < 5'000; ++i)
                   tell(101 + i);
                 w.script.write("second");
                 doors[1].pass(ctx.stop, true);
                 return jobs::step_done{};
               });
  collector c;
  const auto subscribed = w.engine->subscribe({}, c.sink());
  w.submit(single, 1);
  REQUIRE(w.script.wait_for("first"));
  REQUIRE(c.wait([&] { return c.progress.size() == 1; }));
  doors[0].open();
  REQUIRE(w.script.wait_for("second"));
  CHECK(c.progress.size() == 1);
  w.pass(1s);
  REQUIRE(c.wait([&] { return c.progress.size() == 2; }));
  CHECK(c.progress[1]->current_progress()->done == 5'100);
  CHECK(c.progress[1]->current_progress()->rate == Approx(5'000));
  doors[1].open();
}
