// A server that comes from another node, step by step, on fakes.
#include "jobs/retry.hpp"
#include "tests/jobs/kinds/receiving_world.hpp"

#include <algorithm>

using namespace alula;
using namespace alula::jobs;

namespace {

tell_panel report_in(const std::vector<change>& changes) {
  for (const auto& each : changes)
    if (const auto* told = std::get_if<tell_panel>(&each))
      return *told;
  FAIL("the Panel is told nothing");
  return {};
}

} // namespace

TEST_CASE("a transfer takes the uuid with its accept", "[kinds][transfers]") {
  receiving_world w;
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
  receiving_world w;
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
  receiving_world w;
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
  receiving_world w;
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
  receiving_world w;
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
  receiving_world w;
  auto job = w.begin();
  w.send(w.good_body(w.archive(std::string(11 << 20, 'x'))));
  w.run_up_to(job, "unpack");
  CHECK(failed(w.run(job, "unpack")).code == fault_code::archive_refused);
  w.undo_all(job);
  CHECK(w.is_clean());
}

TEST_CASE("files that nobody knows are not replaced", "[kinds][transfers]") {
  receiving_world w;
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
