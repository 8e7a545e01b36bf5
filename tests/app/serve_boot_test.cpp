// Who is answered while a node starts, and what it has kept for them.
#include "tests/app/node_directory.hpp"

#include <catch2/catch.hpp>

#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <sstream>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

using namespace alula::tests;
using Catch::Contains;

namespace {

/// "12 job.step" for each event of the job that a stream has told so far.
std::vector<std::string> events_of(std::string_view job,
                                   const std::string& stream) {
  constexpr std::string_view field = "data: ";
  std::vector<std::string> out;
  std::istringstream in{stream};
  // A line without an end is not there yet.
  for (std::string line; std::getline(in, line) && !in.eof();) {
    if (line.rfind(field, 0) != 0)
      continue;
    const auto event = json::parse(line.substr(field.size()));
    if (event.contains("seq") && event["job"] == job)
      out.push_back(std::to_string(event["seq"].get<std::int64_t>()) + " "
                    + event["type"].get<std::string>());
  }
  return out;
}

/// Whether the newest event of the job is of this type.
auto has_told(std::string job, std::string_view type) {
  return [job = std::move(job),
          end = " " + std::string{type}](const std::string& stream) {
    const auto told = events_of(job, stream);
    return !told.empty() && told.back().ends_with(end);
  };
}

/// What recovery reads first, and waits for: a FIFO in its place is a disk as
/// slow as a test wants it.
class slow_last_words {
public:
  explicit slow_last_words(const node_directory& of)
    : file_(of.dir.path() / "alula" / "ledger.db.last-words") {
    REQUIRE(std::filesystem::remove(file_));
    REQUIRE(mkfifo(file_.c_str(), 0600) == 0);
  }
  ~slow_last_words() { close(fd_); }
  slow_last_words(const slow_last_words&) = delete;
  slow_last_words& operator=(const slow_last_words&) = delete;

  /// Whether recovery waits already or not (fifo(7): neither waits for it).
  void come() {
    fd_ = open(file_.c_str(), O_RDWR | O_CLOEXEC);
    REQUIRE(write(fd_, "\n", 1) == 1);
  }

private:
  std::filesystem::path file_;
  int fd_ = -1;
};

std::string id_in(const std::string& location) {
  return location.substr(location.rfind('/') + 1);
}

} // namespace

TEST_CASE("a stream goes on behind its last event after a restart", "[app]") {
  scripted_dockerd dockerd;
  have_no_containers(dockerd);
  node_directory here;
  here.docker_at = dockerd.socket();
  here.fill_volume(50);
  std::string deletion;
  std::vector<std::string> told;
  {
    const auto alula = here.start();
    REQUIRE(alula->port() != 0);
    const client node{alula->port(), here.token};
    have_server(node);
    const connection stream{alula->port()};
    stream.send(node.request("GET", "/api/events"));
    const auto begin = stream.receive_until([](const std::string& text) {
      return text.find("id: ") != std::string::npos;
    });
    const auto deleted = node.send("DELETE", "/api/servers/" + uuid);
    REQUIRE(deleted.status == 204);
    deletion = deleted.header("Location");
    const auto job = id_in(deletion);
    told = events_of(
        job, begin + stream.receive_until(has_told(job, "job.succeeded")));
    alula->send(SIGTERM);
    CHECK(alula->end() == 0);
  }
  REQUIRE(told.size() > 2);
  REQUIRE(told.front().ends_with(" job.accepted"));
  const auto accept = told.front().substr(0, told.front().find(' '));
  const std::vector<std::string> later{told.begin() + 1, told.end()};

  const auto again = here.start();
  REQUIRE(again->port() != 0);
  const client node{again->port(), here.token};
  const auto resumed = [&](const std::string& path) {
    return node.request("GET", path, {}, "Last-Event-ID: " + accept + "\r\n");
  };
  const connection all{again->port()};
  all.send(resumed("/api/events"));
  // What comes now comes behind all that was missed.
  const auto next = id_in(register_server(node).header("Location"));
  CHECK(events_of(id_in(deletion),
                  all.receive_until(has_told(next, "job.succeeded")))
        == later);
  const connection of_job{again->port()};
  of_job.send(resumed(deletion + "/events"));
  const auto rest = of_job.receive_until([](const std::string& text) {
    return text.ends_with("\r\n0\r\n\r\n"); // the job's last event ends it
  });
  CHECK(events_of(id_in(deletion), rest) == later);
}

TEST_CASE("the door is open before the jobs of the last boot are taken up",
          "[app]") {
  node_directory here;
  {
    const auto alula = here.start();
    REQUIRE(alula->port() != 0);
    have_server(client{alula->port(), here.token});
    alula->send(SIGTERM);
    REQUIRE(alula->end() == 0);
  }
  slow_last_words words{here};
  const auto alula = here.start();
  const auto opened = alula->line_with("door-open");
  REQUIRE(opened);
  const auto port = static_cast<std::uint16_t>(
      std::stoi(opened->substr(opened->find(" port=") + 6)));
  const client anybody{port, ""};
  const client node{port, here.token};
  CHECK(anybody.get("/healthz").status == 200);
  const auto unready = anybody.get("/readyz");
  CHECK(unready.status == 503);
  CHECK(unready.header("Retry-After") == "1");
  const auto early = node.get("/api/servers/" + uuid);
  CHECK(early.status == 503);
  CHECK(early.header("Retry-After") == "1");
  CHECK_THAT(alula->all_output(), !Contains("listening on"));

  words.come();
  REQUIRE(alula->port() == port);
  CHECK(anybody.get("/readyz").status == 200);
  CHECK(node.get("/api/servers/" + uuid).status == 200);
}

TEST_CASE("a Docker that hangs does not keep a node from becoming ready",
          "[app]") {
  scripted_dockerd dockerd;
  have_no_containers(dockerd);
  node_directory here;
  // Its own limit ends no call of this test.
  here.docker_at = dockerd.socket() + "\n  deadlines: {list: 10m}";
  {
    const auto alula = here.start();
    REQUIRE(alula->port() != 0);
    have_server(client{alula->port(), here.token});
    alula->send(SIGTERM);
    REQUIRE(alula->end() == 0);
  }
  for (const auto* route :
       {"GET /", "GET /v1.41/containers/", "GET /v1.41/containers/json"})
    dockerd.on(route, {scripted_dockerd::hangs()});
  const auto lists = dockerd.count("GET /v1.41/containers/json");
  const auto alula = here.start();
  CHECK(dockerd.saw("GET /v1.41/containers/json", lists + 1));
  REQUIRE(alula->port() != 0);
  const client node{alula->port(), here.token};
  CHECK(node.get("/readyz").status == 200);
  CHECK_THAT(node.get("/api/servers").body, Contains(uuid));
}
