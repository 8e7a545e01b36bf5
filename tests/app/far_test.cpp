// The binary, the Panel for tests and a real object store: run in
// scripts/with-s3.
#include "tests/app/node_directory.hpp"
#include "tests/doubles/counted_way.hpp"
#include "tests/doubles/panel_process.hpp"
#include "tests/doubles/real_s3.hpp"
#include "tests/doubles/skipped.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <csignal>
#include <random>

using namespace alula::tests;
using alula::doubles::panel_process;
namespace doubles = alula::doubles;
namespace remote = alula::remote;

namespace {

const std::string backup = "0b5d3b1e-5c47-4f0a-9b1e-0d3a2c000001";
constexpr std::int64_t part = std::int64_t{5} << 20; // S3's least

std::string url_of(const std::string& of = backup) {
  return "/api/servers/" + uuid + "/backup/" + of;
}

/// A server with 12 MB that do not compress, a Panel whose default store is the
/// real one, and the same bucket as a store of the node's own.
struct far_node {
  explicit far_node(const std::string& more = {}) {
    have_no_containers(dockerd);
    here.docker_at = dockerd.socket();
    here.token = panel_process::token;
    here.system = "  backups:\n    download_hosts: [127.0.0.1]\n" + more;
    here.extra =
        panel.config() + "stores:\n  offsite:\n    endpoint: " + real.endpoint
        + "\n    bucket: " + real.bucket + "\n    prefix: " + real.prefix
        + "\n    access_key: \"" + real.keys.access + "\"\n    secret_key: \""
        + real.keys.secret + "\"\n    part_size: 5\n";
    std::filesystem::create_directories(here.volume() / "world");
    std::mt19937_64 noise{7};
    std::ofstream file{here.volume() / "world" / "region"};
    for (int i = 0; i < 12 * 1024 * 128; ++i) {
      const auto word = noise();
      file.write(reinterpret_cast<const char*>(&word), sizeof word);
    }
    file.close();
    content = read_file(here.volume() / "world" / "region");
    panel.add_server(uuid);
    panel.add_backup(backup, uuid);
    sign_for(real.endpoint);
  }

  /// The Panel's links lead there.
  void sign_for(const std::string& endpoint) {
    panel.set({{"default_disk", "s3"},
               {"part_size", part},
               {"s3",
                {{"endpoint", endpoint},
                 {"region", real.region},
                 {"bucket", real.bucket},
                 {"prefix", real.prefix + "panel/"},
                 {"key", real.keys.access},
                 {"secret", real.keys.secret}}}});
  }

  std::unique_ptr<program> start() {
    auto alula = here.start();
    REQUIRE(alula->port() != 0);
    node.emplace(alula->port(), here.token);
    REQUIRE(alula->line_with("panel-synced"));
    const auto made =
        json::parse(node->get("/api/jobs?kind=server.create").body);
    for (const auto& job : made.at("items"))
      wait_for_end(*node, "/api/jobs/" + job.at("id").get<std::string>());
    return alula;
  }
  json run(const std::string& path, const json& body) {
    const auto asked = node->send("POST", path, body.dump());
    INFO(asked.body);
    REQUIRE((asked.status == 202 || asked.status == 204));
    return wait_for_end(*node, asked.header("Location"));
  }
  json make_backup(json body) {
    body["uuid"] = backup;
    return run("/api/servers/" + uuid + "/backup", body);
  }
  json shown() { return json::parse(node->get(url_of()).body); }
  std::vector<std::string> places() {
    std::vector<std::string> out;
    const auto seen = shown();
    for (const auto& place : seen.at("places"))
      out.push_back(place.at("place"));
    return out;
  }
  /// The scratch goes by itself: the job that removes it is waited for.
  bool comes_to_lie_in(const std::vector<std::string>& wanted) {
    const auto end =
        std::chrono::steady_clock::now() + std::chrono::seconds{30};
    while (places() != wanted) {
      if (std::chrono::steady_clock::now() > end) {
        UNSCOPED_INFO(shown().dump());
        UNSCOPED_INFO(node->get("/api/jobs?kind=backup.drop_copy").body);
        return false;
      }
      const auto jobs = json::parse(
          node->get("/api/jobs?kind=backup.drop_copy&done=false").body);
      for (const auto& job : jobs.at("items"))
        wait_for_end(*node, "/api/jobs/" + job.at("id").get<std::string>());
    }
    return true;
  }
  remote::s3_store store() { return {real, clock}; }
  remote::s3_store of_panel() {
    auto settings = real;
    settings.prefix += "panel/";
    return {settings, clock};
  }
  std::string content_now() {
    return read_file(here.volume() / "world" / "region");
  }
  void change() {
    std::ofstream{here.volume() / "world" / "region"} << "changed";
    std::ofstream{here.volume() / "new"} << "new";
  }

  remote::s3_settings real = doubles::real_s3();
  alula::jobs::system_clock clock;
  scripted_dockerd dockerd;
  panel_process panel;
  node_directory here;
  std::optional<client> node;
  std::string content;
};

} // namespace

TEST_CASE(
    "a backup goes to a real store by the Panel's links and comes back by "
    "one",
    "[app][s3]") {
  if (doubles::is_skipped(doubles::no_s3()))
    return;
  const auto mode = GENERATE(as<std::string>{}, "", "    s3_stream: true\n");
  CAPTURE(mode);
  far_node w{mode};
  const auto alula = w.start();
  const auto made = w.make_backup({{"adapter", "s3"}});
  REQUIRE(made.at("state") == "succeeded");
  const auto told = w.panel.wait_for("POST", "/backups/" + backup);
  REQUIRE_FALSE(told.is_null());
  CHECK(told.at("status") == 204);
  CHECK(told.at("body").at("parts").size() == 3);
  REQUIRE(w.comes_to_lie_in({"panel"}));
  const auto files = w.here.dir.path() / "backups";
  CHECK_FALSE(
      std::filesystem::exists(files / ("backup-" + backup + ".tar.gz")));
  CHECK(w.of_panel().list_uploads("", {})->empty());
  // What lies there is what was told.
  const auto there = w.of_panel().head(uuid + "/" + backup + ".tar.gz", {});
  REQUIRE(there);
  REQUIRE(*there);
  CHECK((*there)->size == w.shown().at("size"));
  // Its files can be listed without it.
  CHECK(w.node->get(url_of() + "/files?path=world").status == 200);
  w.change();
  const auto link = w.of_panel().presign_get(uuid + "/" + backup + ".tar.gz",
                                             std::chrono::seconds{600});
  const auto restored =
      w.run(url_of() + "/restore", {{"adapter", "s3"},
                                    {"truncate_directory", true},
                                    {"download_url", link}});
  REQUIRE(restored.at("state") == "succeeded");
  CHECK(w.content_now() == w.content);
  CHECK_FALSE(std::filesystem::exists(w.here.volume() / "new"));
  alula->send(SIGTERM);
  CHECK(alula->end() == 0);
  const auto said = alula->all_output();
  CHECK(said.find("X-Amz-Signature") == std::string::npos);
}

TEST_CASE("an upload goes on after kill -9, and sends no part twice that is on "
          "record",
          "[app][s3]") {
  if (doubles::is_skipped(doubles::no_s3()))
    return;
  doubles::counted_way way{doubles::real_s3().endpoint};
  far_node w{"    s3_parallel: 1\n    s3_upload_limit: 4\n"};
  w.sign_for(way.endpoint());
  {
    const auto alula = w.start();
    const auto asked =
        w.node->send("POST", "/api/servers/" + uuid + "/backup",
                     json{{"adapter", "s3"}, {"uuid", backup}}.dump());
    REQUIRE(asked.status == 202);
    // Until the first part is through, as its job shows.
    for (int i = 0; i < 600; ++i) {
      const auto seen = json::parse(
          w.node->get(asked.header("Location") + "?wait=250ms").body);
      if (seen.value("step", "") == "upload"
          && seen.value("/progress/done"_json_pointer, std::int64_t{0}) > part)
        break;
    }
    alula->send(SIGKILL);
    alula->end();
  }
  const auto alula = w.start();
  const auto jobs =
      json::parse(w.node->get("/api/jobs?kind=backup.create").body);
  const auto job = wait_for_end(
      *w.node, "/api/jobs/" + jobs.at("items")[0].at("id").get<std::string>());
  REQUIRE(job.at("state") == "succeeded");
  // The first part was on record; of the others one at most was under way.
  const auto sent = way.parts();
  REQUIRE(sent.size() == 3);
  CHECK(sent.at(1) == 1);
  CHECK(sent.at(2) + sent.at(3) <= 3);
  // One upload only, and it is the one that was completed.
  std::size_t asked = 0;
  for (const auto& call : w.panel.calls())
    asked += call.at("method") == "GET"
                     && call.at("path").get<std::string>().find("/backups/")
                            != std::string::npos
                 ? 1
                 : 0;
  CHECK(asked == 1);
  CHECK(w.comes_to_lie_in({"panel"}));
  CHECK(w.of_panel().list_uploads("", {})->empty());
}

TEST_CASE("a backup lives in a real store of the node's own", "[app][s3]") {
  if (doubles::is_skipped(doubles::no_s3()))
    return;
  const auto mode = GENERATE(as<std::string>{}, "", "    s3_stream: true\n");
  CAPTURE(mode);
  far_node w{mode};
  const auto alula = w.start();
  const auto made = w.make_backup({{"adapter", "store"}, {"store", "offsite"}});
  REQUIRE(made.at("state") == "succeeded");
  REQUIRE(w.comes_to_lie_in({"offsite"}));
  auto store = w.store();
  CHECK(store.list_uploads("", {})->empty());
  const auto key = uuid + "/" + backup + ".tar.gz";
  REQUIRE(*store.head(key, {}));

  // Browsed and read from there, by the piece.
  CHECK(w.node->get(url_of() + "/files?path=world").status == 200);
  const auto file = w.node->get(url_of() + "/files/content?path=world/region");
  CHECK(file.status == 200);
  CHECK((file.body == w.content)); // 12 MB that nobody wants printed
  const auto download = w.node->get(url_of() + "/download");
  CHECK(download.status == 302);

  w.change();
  const auto restored =
      w.run(url_of() + "/restore",
            {{"adapter", "wings"}, {"truncate_directory", true}});
  REQUIRE(restored.at("state") == "succeeded");
  CHECK(w.content_now() == w.content);

  REQUIRE(w.run(url_of() + "/copy", {{"to", "local"}}).at("state")
          == "succeeded");
  CHECK(w.places() == std::vector<std::string>{"local", "offsite"});
  REQUIRE(w.run(url_of() + "/verify", json::object()).at("state")
          == "succeeded");
  CHECK(w.node->send("DELETE", url_of(), "").status == 204);
  CHECK_FALSE(*store.head(key, {}));
  CHECK_FALSE(*store.head(key + ".manifest", {}));
  alula->send(SIGTERM);
  CHECK(alula->end() == 0);
}
