// What an appliance sends, and what becomes of it.
#include "jobs/measures.hpp"
#include "tests/http/systems_world.hpp"

#include <map>

using namespace alula;
using namespace alula::http;

TEST_CASE("an upload is stored and told of", "[http][systems]") {
  systems_world w;
  const auto answer = w.upload("d1c1", "all of it",
                               {{"X-Filename", "dir/nightly [1].tar.gz"},
                                {"Content-Type", "application/gzip"}});
  CHECK(answer.status == 201);
  CHECK(message_of(answer) == "backup stored");
  const auto data = data_of(answer);
  CHECK(data.size() == 6);
  CHECK(data.at("filename") == "nightly__1_.tar.gz");
  CHECK(data.at("size") == 9);
  CHECK(data.at("mimetype") == "application/gzip");
  const std::string id = data.at("id");
  CHECK(id.ends_with(".tar.gz"));
  CHECK(jobs::canonical_system_backup_id(id) == id);
  CHECK(header_of(answer, "Location").empty());
  CHECK(header_of(answer, "Operation-Location").starts_with("/api/jobs/"));
  CHECK(w.objects.published.at(id) == "all of it");
  CHECK(w.objects.reserved.empty());
}

TEST_CASE("names and types of uploads", "[http][systems]") {
  systems_world w;
  struct name {
    const char* given;
    const char* shown;
    const char* ending;
  };
  for (const auto& one :
       std::vector<name>{{"daily.tar.gz", "daily.tar.gz", ".tar.gz"},
                         {"../../etc/passwd", "passwd", ".bin"},
                         {"C:\\evil\\dump.gpg", "dump.gpg", ".gpg"},
                         {"dir/", "", ".bin"},
                         {"a.TGZ", "a.TGZ", ".bin"},
                         {"b.GPG", "b.GPG", ".gpg"}}) {
    INFO(one.given);
    w.clock.advance(std::chrono::minutes{2});
    const auto answer = w.upload("d1c1", "x", {{"X-Filename", one.given}});
    REQUIRE(answer.status == 201);
    CHECK(data_of(answer).at("filename") == one.shown);
    CHECK(data_of(answer).at("id").get<std::string>().ends_with(one.ending));
    CHECK(data_of(answer).at("mimetype") == "application/octet-stream");
  }
  w.clock.advance(std::chrono::minutes{2});
  const auto unnamed = data_of(w.upload("d1c1", "x"));
  CHECK(unnamed.at("filename")
        == "backup-" + unnamed.at("id").get<std::string>().substr(0, 36));
}

TEST_CASE("an upload without a length is 411 and counts for nothing",
          "[http][systems]") {
  systems_world w{{.per_minute = 1}};
  for (int i = 0; i < 3; ++i) {
    const auto answer = w.upload("d1c1", "");
    CHECK(answer.status == 411);
    CHECK(message_of(answer) == "Content-Length required");
  }
  CHECK(w.upload("d1c1", "x").status == 201);
}

TEST_CASE("an upload that is too large is 413 with the limit",
          "[http][systems]") {
  systems_world w{{.upload = 16, .bytes = 100}};
  const auto answer = w.upload("d1c1", std::string(128, 'x'));
  CHECK(answer.status == 413);
  CHECK(message_of(answer) == "backup exceeds max upload size");
  CHECK(data_of(answer) == json{{"max_bytes", 16}});
  CHECK(w.upload("d1c1", std::string(16, 'x')).status == 201);
}

TEST_CASE("an upload above what its system may have is refused and nothing "
          "is lost",
          "[http][systems]") {
  systems_world w{{.upload = 1'000, .bytes = 100}};
  const auto kept = w.stored("d1c1", std::string(60, 'x'));
  const auto answer = w.upload("d1c1", std::string(101, 'x'));
  CHECK(answer.status == 413);
  CHECK(data_of(answer) == json{{"max_bytes", 100}});
  CHECK(w.objects.published.contains(kept));
}

TEST_CASE("uploads come as often as they may", "[http][systems]") {
  systems_world w{{.per_minute = 2, .per_hour = 3}};
  CHECK(w.upload("d1c1", "x").status == 201);
  CHECK(w.upload("d1c1", "x").status == 201);
  const auto answer = w.upload("d1c1", "x");
  CHECK(answer.status == 429);
  CHECK(message_of(answer) == "upload rate limit exceeded");
  const auto seconds =
      data_of(answer).at("retry_after_seconds").get<std::int64_t>();
  CHECK(seconds >= 1);
  CHECK(seconds <= 60);
  CHECK(header_of(answer, "Retry-After") == std::to_string(seconds));
  CHECK(w.upload("d1c2", "x").status == 201);
  w.clock.advance(std::chrono::seconds{seconds});
  CHECK(w.upload("d1c1", "x").status == 201);
  CHECK(w.upload("d1c1", "x").status == 429);
}

TEST_CASE("an organisation has as much as it may have", "[http][systems]") {
  systems_world w{{.organization = 10}};
  CHECK(w.upload("d1c1", std::string(6, 'x')).status == 201);
  const auto answer = w.upload("d1c1", std::string(5, 'x'));
  CHECK(answer.status == 413);
  CHECK(message_of(answer) == "organization backup quota exceeded");
  CHECK(data_of(answer).is_null());
  CHECK(w.upload("d1c2", std::string(5, 'x')).status == 201);
  CHECK(w.upload("d1c1", std::string(4, 'x')).status == 201);
}

TEST_CASE("the oldest go when there are too many and never the newest",
          "[http][systems]") {
  systems_world w{{.count = 2, .bytes = 100, .per_minute = 0, .per_hour = 0}};
  const auto a = w.stored("d1c1"), b = w.stored("d1c1"), c = w.stored("d1c1");
  CHECK_FALSE(w.objects.published.contains(a));
  CHECK(w.objects.published.contains(b));
  CHECK(w.objects.published.contains(c));
  const auto d = w.stored("d1c1", std::string(98, 'x'));
  CHECK(w.objects.published.size() == 1);
  CHECK(w.objects.published.contains(d));
  const auto list =
      w.ask(systems_world::appliance("d1c1"), "GET", "/api/systems/backups");
  CHECK(data_of(list).at("backups").size() == 1);
}

TEST_CASE("a victim that cannot be removed costs nobody else",
          "[http][systems]") {
  systems_world w{{.count = 1, .per_minute = 0, .per_hour = 0}};
  const auto a = w.stored("d1c1");
  w.objects.before = [](std::string_view call) -> jobs::status {
    if (call == "remove")
      return jobs::fault{jobs::fault_code::io_error, "EIO"};
    return {};
  };
  CHECK(w.upload("d1c1", "x").status == 201);
  CHECK(w.objects.published.contains(a));
  CHECK(w.objects.published.size() == 2);
}

TEST_CASE("a disk without room says so before the body", "[http][systems]") {
  systems_world w;
  w.objects.free = 3;
  const auto answer = w.upload("d1c1", "four");
  CHECK(answer.status == 507);
  CHECK(message_of(answer) == "insufficient storage for backup");
  CHECK(w.engine.all_jobs().empty());
}

TEST_CASE("an upload that cannot be written leaves nothing",
          "[http][systems]") {
  systems_world w;
  const std::string broken = GENERATE("write", "publish");
  w.objects.before = [broken](std::string_view call) -> jobs::status {
    if (call == broken)
      return jobs::fault{jobs::fault_code::io_error, "EIO /secret"};
    return {};
  };
  const auto answer = w.upload("d1c1", "x");
  CHECK(answer.status == 502);
  CHECK(message_of(answer) == "backup upload failed");
  CHECK(answer.body.find("secret") == std::string::npos);
  CHECK(w.objects.is_empty());
  CHECK(w.store->system_backups.empty());
  CHECK(w.objects.reserved.empty());
}

TEST_CASE("refused uploads are counted by reason", "[http][systems]") {
  jobs::system_limits limits;
  limits.upload = 10;
  limits.organization = 12;
  limits.per_minute = 3;
  systems_world w{limits};
  std::map<std::string, double> counted;
  jobs::set_measure_sink(
      [&](jobs::measure what, double value, std::string_view why) {
        if (what == jobs::measure::system_refusal)
          counted[std::string{why}] += value;
      });
  CHECK(w.upload("d1c1", "").status == 411);
  CHECK(w.upload("d1c1", std::string(11, 'x')).status == 413);
  CHECK(w.upload("d1c1", std::string(10, 'x')).status == 201);
  CHECK(w.upload("d1c1", std::string(10, 'x')).status == 413);
  w.objects.free = 1;
  CHECK(w.upload("d1c1", "xx").status == 507);
  CHECK(w.upload("d1c1", "xx").status == 429);
  jobs::set_measure_sink(nullptr);
  CHECK(counted
        == std::map<std::string, double>{{"no_length", 1},
                                         {"too_large", 1},
                                         {"quota", 1},
                                         {"no_room", 1},
                                         {"too_often", 1}});
}

TEST_CASE("a ledger that cannot count fails closed", "[http][systems]") {
  systems_world w;
  w.engine.refuse_submit =
      jobs::fault{jobs::fault_code::journal_unavailable, "no"};
  const auto answer = w.upload("d1c1", "x");
  CHECK(answer.status == 503);
  CHECK(message_of(answer) == "backup quota service unavailable, retry later");
  CHECK(w.objects.is_empty());
}

TEST_CASE("a download has the bytes whole or in ranges and no encoding",
          "[http][systems]") {
  systems_world w;
  const auto id = w.stored("d1c1", "0123456789", "a b.tar.gz");
  const auto own = systems_world::appliance("d1c1");
  const auto path = "/api/systems/backups/" + id;
  auto answer =
      w.ask(own, "GET", path, {}, {{"Accept-Encoding", "gzip, deflate"}});
  CHECK(answer.status == 200);
  CHECK(answer.body == "0123456789");
  CHECK(header_of(answer, "Content-Type") == "application/octet-stream");
  CHECK(header_of(answer, "X-Content-Type-Options") == "nosniff");
  CHECK(header_of(answer, "Content-Encoding").empty());
  CHECK(header_of(answer, "Content-Disposition")
        == "attachment; filename=\"a_b.tar.gz\"");
  const auto etag = header_of(answer, "ETag");
  answer = w.ask(own, "GET", path, {}, {{"Range", "bytes=3-5"}});
  CHECK(answer.status == 206);
  CHECK(answer.body == "345");
  answer = w.ask(own, "GET", path, {}, {{"Range", "bytes=99-"}});
  CHECK(answer.status == 416);
  CHECK(message_of(answer) == "range not satisfiable");
  CHECK(header_of(answer, "Content-Range") == "bytes */10");
  answer = w.ask(own, "GET", path, {}, {{"If-Match", "\"another\""}});
  CHECK(answer.status == 412);
  CHECK(message_of(answer) == "precondition failed");
  answer = w.ask(own, "GET", path, {}, {{"If-Match", etag}});
  CHECK(answer.status == 200);
  answer = w.ask(own, "GET", path, {}, {{"If-None-Match", etag}});
  CHECK(answer.status == 304);
  answer = w.ask(own, "HEAD", path);
  CHECK(answer.status == 200);
  CHECK(answer.body.empty());
  CHECK(header_of(answer, "Content-Length") == "10");
}
