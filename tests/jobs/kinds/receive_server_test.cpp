// A server that comes from another node, step by step, on fakes.
#include "jobs/incoming_transfers.hpp"
#include "jobs/retry.hpp"
#include "tests/jobs/kinds/life_world.hpp"

#include <algorithm>

using namespace alula;
using namespace alula::jobs;

namespace {

const std::string the_request = "5c1f9c1e-0000-4000-8000-000000000001";
const std::string mark = "boundary";

std::string part(const std::string& name, const std::string& content) {
  return "--" + mark + "\r\nContent-Disposition: form-data; name=\"" + name
         + "\"\r\n\r\n" + content + "\r\n";
}
const std::string last = "--" + mark + "--\r\n";

struct target_node : life_world {
  target_node() : life_world(with_denied_files()) {
    panel.configured = true;
    node.incoming = &incoming;
  }

  static std::string with_denied_files() {
    return R"({"settings":{"container":{"image":"game:1"},)"
           R"("build":{"disk_space":10},"egg":{"file_denylist":["*.secret"]}},)"
           R"("process_configuration":{}})";
  }

  /// As archives are written by the fake that reads them.
  static std::string archive(const std::string& content = "world") {
    const std::string between(1, fake_archives::between);
    return "archive" + between + "level.dat" + between + content;
  }
  std::string sum_of(const std::string& bytes) {
    return backups.hash([&](const archive_sink& sink) { return sink(bytes); })
        .value()
        .sha256;
  }
  std::string good_body(const std::string& bytes = archive()) {
    return part("archive", bytes) + part("checksum", sum_of(bytes)) + last;
  }

  void send(const std::string& body) {
    pipe->push(body);
    pipe->finish();
    announce();
  }
  void announce() {
    incoming.announce(the_request,
                      {.body = pipe, .boundary = mark, .length = -1});
  }

  job_record begin() {
    return accept(
        receive_server,
        nlohmann::json{{"server", id.view()}, {"request", the_request}}.dump(),
        false);
  }
  step_outcome run(job_record& job, std::string_view name) {
    return world::run(receive_server, job, name);
  }
  /// Up to the step of that name, which is not run.
  void run_up_to(job_record& job, std::string_view name) {
    for (std::size_t i = 0; receive_server.steps[i].name != name; ++i) {
      apply(done(run(job, receive_server.steps[i].name)).changes);
      job.steps[i].state = step_state::done;
    }
  }
  /// As the engine does when a step has failed, been cancelled, or died.
  void undo_all(job_record& job) {
    for (auto i = receive_server.steps.size(); i-- > 0;)
      if (receive_server.steps[i].undo)
        done(undo(receive_server, job, receive_server.steps[i].name));
  }
  /// Nothing of it is left.
  bool is_clean() {
    return disk.live.empty() && disk.trash.empty() && disk.staging.empty()
           && disk.reserved.empty() && backups.fetched.empty()
           && backups.reserved.empty() && docker.by_id.empty();
  }
  bool heard(const std::string& event) {
    return called(clients.calls(), "announce " + uuid() + ' ' + event);
  }

  std::shared_ptr<body_pipe> pipe = std::make_shared<body_pipe>();
  incoming_transfers incoming;
};

tell_panel report_in(const std::vector<change>& changes) {
  for (const auto& each : changes)
    if (const auto* told = std::get_if<tell_panel>(&each))
      return *told;
  FAIL("the Panel is told nothing");
  return {};
}

} // namespace

TEST_CASE("a transfer takes the uuid with its accept", "[kinds][transfers]") {
  target_node w;
  const auto draft =
      w.read(receive_server,
             R"({"server":")" + w.uuid() + R"(","request":"r"})", false);
  REQUIRE(draft);
  CHECK(draft->dedup_key.empty());
  REQUIRE(draft->changes.size() == 2);
  CHECK(std::get<register_server>(draft->changes[0]).uuid == w.id);
  CHECK(std::get<set_transferring>(draft->changes[1]).transferring);
  for (const auto* wrong : {"{}", "no JSON", R"({"server":"x"})"})
    CHECK_FALSE(w.read(receive_server, wrong, false));
}

TEST_CASE("a server is received, checked, unpacked, published and reported",
          "[kinds][transfers]") {
  target_node w;
  auto job = w.begin();
  w.send(w.good_body());
  done(w.run(job, "begin"));
  const auto asked = w.run(job, "ask_panel");
  CHECK(only_change<set_server_config>(asked).config == w.config);
  w.apply(done(asked).changes);
  done(w.run(job, "receive"));
  CHECK(w.disk.live.empty());
  done(w.run(job, "unpack"));
  CHECK(w.disk.live.empty());
  CHECK(w.disk.staging.size() == 1);
  CHECK(w.backups.extracted.at("level.dat") == "world");
  CHECK(w.backups.last_denied == std::vector<std::string>{"*.secret"});
  done(w.run(job, "publish"));
  CHECK(w.disk.live.contains(w.id));
  const auto made = w.run(job, "container");
  CHECK_FALSE(only_change<set_container>(made).container_id.empty());
  CHECK(w.docker.by_id.size() == 1);

  const auto moved = done(w.run(job, "activate"));
  REQUIRE(moved.changes.size() == 3);
  CHECK(std::holds_alternative<activate_server>(moved.changes[0]));
  CHECK_FALSE(std::get<set_transferring>(moved.changes[1]).transferring);
  const auto told = report_in(moved.changes);
  CHECK(told.path == "/servers/" + w.uuid() + "/transfer/success");
  CHECK(told.subject == "server:" + w.uuid());
  const auto result = nlohmann::json::parse(moved.job_result);
  CHECK(result.at("files") == 1);
  CHECK(result.at("sha256") == w.sum_of(w.archive()));

  done(w.run(job, "clean_up"));
  CHECK(w.backups.fetched.empty());
  done(w.run(job, "announce"));
  CHECK(w.heard("transfer status success"));
  CHECK_FALSE(w.heard("transfer status failure"));
}

TEST_CASE("what is not the sender's archive becomes nothing",
          "[kinds][transfers]") {
  target_node w;
  auto job = w.begin();
  const auto archive = w.archive();
  const auto sum = w.sum_of(archive);
  struct bad {
    std::string body;
    fault_code code;
    std::string words;
  };
  const auto malformed = fault_code::malformed;
  const auto wrong = GENERATE_COPY(values<bad>({
      {part("archive", archive) + part("checksum", std::string(64, '0')) + last,
       fault_code::backup_damaged, "SHA-256"},
      {part("archive", archive + "x") + part("checksum", sum) + last,
       fault_code::backup_damaged, sum},
      {part("checksum", sum) + part("archive", archive) + last, malformed,
       "before"},
      {part("archive", archive) + last, malformed, "no part \"checksum\""},
      {part("checksum_x", sum) + last, malformed, "only checksum_x"},
      {last, malformed, "no part \"archive\""},
      {part("archive", archive) + part("archive", archive)
           + part("checksum", sum) + last,
       malformed, "second"},
      {part("archive", archive) + part("checksum", sum) + part("checksum", sum)
           + last,
       malformed, "second"},
      {part("archive", archive) + part("checksum", sum + "\n") + last,
       malformed, "longer"},
      {part("archive", archive) + part("checksum", sum.substr(1)) + last,
       malformed, "64"},
      {part("archive", archive) + part("checksum", "g" + sum.substr(1)) + last,
       malformed, "64"},
      {part("other", std::string(2'000'000, 'x')) + part("archive", archive)
           + part("checksum", sum) + last,
       malformed, "too much"},
      {part("archive", archive) + part("checksum", sum), malformed, "ends"},
      {"no form", malformed, "ends"},
  }));
  w.send(wrong.body);
  w.run_up_to(job, "receive");
  const auto why = failed(w.run(job, "receive"));
  INFO(why.what);
  CHECK(why.code == wrong.code);
  CHECK(why.what.find(wrong.words) != std::string::npos);
  CHECK(classify(why.code) == error_class::permanent);
  CHECK(w.pipe->push("more") == body_pipe::taken::abandoned);
  w.undo_all(job);
  CHECK(w.is_clean());
}

TEST_CASE("a checksum in capitals is the same, and other parts are skipped",
          "[kinds][transfers]") {
  target_node w;
  auto job = w.begin();
  const auto archive = w.archive();
  auto sum = w.sum_of(archive);
  std::ranges::transform(sum, sum.begin(), [](unsigned char c) {
    return static_cast<char>(std::toupper(c));
  });
  w.send(part("note", "hello") + part("archive", archive)
         + part("checksum", sum) + part("more", "") + last);
  w.run_up_to(job, "unpack");
}

TEST_CASE("a failure anywhere before the end leaves nothing and is told",
          "[kinds][transfers]") {
  target_node w;
  auto job = w.begin();
  w.send(w.good_body());
  std::string_view step;
  SECTION("the Panel does not know it") {
    w.panel.drop(w.id);
    step = "ask_panel";
  }
  SECTION("the Panel is away") {
    w.panel.fail(fault{.code = fault_code::panel_unavailable, .what = "away"});
    step = "ask_panel";
  }
  SECTION("there is no Panel") {
    w.panel.configured = false;
    step = "ask_panel";
  }
  SECTION("the disk of the backups is full") {
    w.backups.disk_free = 100;
    step = "receive";
  }
  SECTION("the disk of the volumes is full") {
    w.disk.free_space = 1;
    step = "unpack";
  }
  SECTION("the archive is hostile") {
    w.backups.fail_next("extract", {.code = fault_code::archive_refused,
                                    .what = "it climbs up"});
    step = "unpack";
  }
  SECTION("the volume cannot be put in its place") {
    w.disk.fail_next("replace", {.code = fault_code::io_error, .what = "disk"});
    step = "publish";
  }
  SECTION("the image cannot be had") {
    w.life.factory.registry = {"another:1"};
    step = "container";
  }
  SECTION("Docker is away") {
    w.docker.set_down(true);
    step = "container";
  }
  w.run_up_to(job, step);
  const auto why = failed(w.run(job, step));
  // A sender waits: nothing is tried again.
  CHECK(classify(why.code) == error_class::permanent);
  CHECK_FALSE(why.what.empty());
  w.docker.set_down(false);
  w.undo_all(job);
  w.undo_all(job);
  CHECK(w.is_clean());
  CHECK(w.heard("transfer status failure"));
  CHECK_FALSE(w.heard("transfer status success"));
  job.state = job_state::failed;
  CHECK(report_in(changes_at_end(receive_server, job)).path
        == "/servers/" + w.uuid() + "/transfer/failure");
}

TEST_CASE("contents over the quota are refused", "[kinds][transfers]") {
  target_node w;
  auto job = w.begin();
  w.send(w.good_body(w.archive(std::string(11 << 20, 'x'))));
  w.run_up_to(job, "unpack");
  CHECK(failed(w.run(job, "unpack")).code == fault_code::archive_refused);
  w.undo_all(job);
  CHECK(w.is_clean());
}

TEST_CASE("files that nobody knows are not replaced", "[kinds][transfers]") {
  target_node w;
  auto job = w.begin();
  SECTION("a directory with files is in the way") {
    w.disk.put(w.id, {.files = 1, .bytes = 1});
    const auto why = failed(w.run(job, "begin"));
    CHECK(why.code == fault_code::volume_obstructed);
    CHECK(why.what.find("move it away") != std::string::npos);
    CHECK(w.disk.live.at(w.id).files == 1);
    done(w.undo(receive_server, job, "begin"));
    CHECK(w.disk.live.at(w.id).files == 1);
  }
  SECTION("an empty one is not") {
    w.disk.put(w.id, {});
    done(w.run(job, "begin"));
  }
}

TEST_CASE("after a crash no step before the end goes on",
          "[kinds][transfers]") {
  // The process that held the request is gone; the ledger has the step.
  const auto step = GENERATE(as<std::string>{}, "receive", "unpack", "publish",
                             "container", "activate");
  const bool has_run = GENERATE(false, true);
  INFO(step << (has_run ? ", whose effect is there" : ""));
  target_node w;
  auto job = w.begin();
  w.send(w.good_body());
  w.run_up_to(job, step);
  if (has_run) // and its commit is not
    done(w.run(job, step));
  w.incoming.forget(the_request);
  const auto why = failed(w.run(job, step));
  CHECK(why.code == fault_code::upload_failed);
  CHECK(classify(why.code) == error_class::permanent);
  w.undo_all(job);
  CHECK(w.is_clean());
}

TEST_CASE("past its pivot a transfer is finished without its sender",
          "[kinds][transfers]") {
  target_node w;
  auto job = w.begin();
  w.send(w.good_body());
  w.run_up_to(job, "clean_up");
  w.incoming.forget(the_request);
  done(w.run(job, "clean_up"));
  done(w.run(job, "clean_up"));
  done(w.run(job, "announce"));
  CHECK(w.disk.live.contains(w.id));
  job.state = job_state::failed; // given up by an operator
  CHECK(changes_at_end(receive_server, job).empty());
}

TEST_CASE("a sender that hangs up ends its transfer", "[kinds][transfers]") {
  target_node w;
  auto job = w.begin();
  SECTION("in the middle of the body") {
    w.pipe->push(part("archive", "some").substr(0, 60));
    w.pipe->fail({.code = fault_code::upload_failed, .what = "gone"});
    w.announce();
    w.run_up_to(job, "receive");
    CHECK(failed(w.run(job, "receive")).code == fault_code::upload_failed);
  }
  SECTION("behind it") {
    w.send(w.good_body());
    w.run_up_to(job, "unpack");
    w.pipe->hang_up();
    CHECK(failed(w.run(job, "unpack")).code == fault_code::upload_failed);
  }
  SECTION("while it is unpacked") {
    w.send(w.good_body());
    w.run_up_to(job, "unpack");
    w.backups.before_tell = [&] { w.pipe->hang_up(); };
    CHECK(failed(w.run(job, "unpack")).code == fault_code::upload_failed);
  }
  SECTION("when everything is there") {
    w.send(w.good_body());
    w.run_up_to(job, "activate");
    w.pipe->hang_up();
    CHECK(failed(w.run(job, "activate")).code == fault_code::upload_failed);
  }
  w.undo_all(job);
  CHECK(w.is_clean());
}

TEST_CASE("a transfer that is cancelled stops", "[kinds][transfers]") {
  target_node w;
  auto job = w.begin();
  w.announce();
  w.run_up_to(job, "receive");
  w.stop.request_stop();
  CHECK(failed(w.run(job, "receive")).code == fault_code::interrupted);
  w.undo_all(job);
  CHECK(w.is_clean());
}

TEST_CASE("a request is taken once and waits until it is answered",
          "[transfers]") {
  incoming_transfers all;
  const auto pipe = std::make_shared<body_pipe>();
  CHECK_FALSE(all.take("a"));
  CHECK_FALSE(all.is_waiting("a"));
  all.announce("a", {.body = pipe, .boundary = "b", .length = 3});
  CHECK(all.is_waiting("a"));
  CHECK(all.take("a")->boundary == "b");
  CHECK_FALSE(all.take("a"));
  CHECK(all.is_waiting("a"));
  pipe->hang_up();
  CHECK_FALSE(all.is_waiting("a"));
  all.forget("a");
  CHECK_FALSE(all.is_waiting("a"));
}
