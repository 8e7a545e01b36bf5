#include "app/cli/orphans.hpp"
#include "tests/app/temporary_directory.hpp"
#include "tests/doubles/fake_containers.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unistd.h>
#include <vector>

namespace alula::app::cli {

namespace {

namespace fs = std::filesystem;
using tests::temporary_directory;

const std::string lives = "01970000-0000-7000-8000-000000000001";
const std::string ended = "01970000-0000-7000-8000-000000000002";
const std::string nobody = "01970000-0000-7000-8000-000000000003";
const std::string untold = "01970000-0000-7000-8000-000000000004";

job_trace trace(const std::string& job) {
  const std::map<std::string, job_trace> known{{lives, job_trace::lives},
                                               {ended, job_trace::ended},
                                               {nobody, job_trace::unknown}};
  const auto found = known.find(job);
  return found == known.end() ? job_trace::untold : found->second;
}

/// What was found, one sentence a line; each says what to do.
std::string told(const findings& out) {
  std::string text;
  for (const auto& one : out.all) {
    CHECK(one.at("area") == "orphans");
    CHECK(one.at("level") == "warning");
    CHECK(one.at("to_do").is_string());
    text += one.at("what").get<std::string>() + "\n";
  }
  return text;
}

} // namespace

TEST_CASE("doctor finds what no job on record has put into the trash",
          "[app]") {
  const temporary_directory place;
  const auto& trash = place.path();
  for (const auto& name : {lives, ended, untold, nobody})
    fs::create_directory(trash / name);
  std::ofstream{trash / (nobody + ".list")} << "beside it";
  std::ofstream{trash / ".alula-store"} << "mark";
  std::ofstream{trash / ".alula-store.part"} << "ma"; // it died meanwhile
  findings out;
  CHECK_FALSE(look_at_trash(trash, trace, out));
  CHECK(told(out) == "no job on record has put " + nobody + " in the trash\n");
  CHECK(
      out.all[0].at("to_do").get<std::string>().find((trash / nobody).string())
      != std::string::npos);
}

TEST_CASE("doctor finds in the trash what no job would have named so",
          "[app]") {
  const temporary_directory place;
  fs::create_directory(place.path() / "old worlds");
  findings out;
  CHECK_FALSE(look_at_trash(place.path(), trace, out));
  CHECK(told(out) == "old worlds in the trash is not alula's\n");
}

TEST_CASE("doctor finds trees that no live job has staged", "[app]") {
  const temporary_directory place;
  for (const auto& name : {lives, ended, untold, nobody + ".old"})
    fs::create_directory(place.path() / name);
  findings out;
  CHECK_FALSE(look_at_staging(place.path(), trace, out));
  CHECK(told(out)
        == "a restore left " + ended
               + " in the staging\n"
                 "no job on record has put "
               + nobody + ".old in the staging\n");
}

TEST_CASE("a trash and a staging that are in order, or not there, are clean",
          "[app]") {
  const temporary_directory place;
  fs::create_directory(place.path() / lives);
  findings out;
  CHECK(look_at_trash(place.path(), trace, out));
  CHECK(look_at_staging(place.path(), trace, out));
  CHECK(look_at_trash(place.path() / "none", trace, out));
  CHECK(look_at_staging(place.path() / "none", trace, out));
  CHECK(out.all.empty());
}

TEST_CASE("a job that is not kept any more is as unknown as one that never was",
          "[app]") {
  CHECK(trace_in({.status = 404, .body = {}}) == job_trace::unknown);
  CHECK(trace_in({.status = 410, .body = {}}) == job_trace::unknown);
  CHECK(trace_in({.status = 200, .body = {{"done", true}}})
        == job_trace::ended);
  CHECK(trace_in({.status = 200, .body = {{"done", false}}})
        == job_trace::lives);
  for (const int status : {0, 401, 403, 429, 503})
    CHECK(trace_in({.status = status, .body = {}}) == job_trace::untold);
}

TEST_CASE("doctor holds the files here against the node here alone", "[app]") {
  config here;
  here.api.host = "0.0.0.0";
  here.api.port = 8'443;
  found_node asked;
  asked.url = "http://node7.example.org:8443";
  CHECK_FALSE(is_node_here(asked, here));
  asked.url = "http://127.0.0.1:8443"; // given, and the same
  CHECK(is_node_here(asked, here));
  asked.url = "http://127.0.0.1:8080";
  CHECK_FALSE(is_node_here(asked, here));
  asked.own_address = true; // it was not given
  CHECK(is_node_here(asked, here));
}

TEST_CASE("a node that listens everywhere is here by any name of this machine",
          "[app]") {
  config here;
  here.api.host = "0.0.0.0";
  here.api.port = 8'443;
  const auto is_here = [&](const std::string& url) {
    found_node asked;
    asked.url = url;
    return is_node_here(asked, here);
  };
  std::array<char, 256> name{};
  REQUIRE(gethostname(name.data(), name.size() - 1) == 0);
  const auto own_name = "http://" + std::string{name.data()};
  for (const auto* url : {"http://localhost:8443", "HTTP://LocalHost:8443",
                          "http://127.0.1.1:8443"})
    CHECK(is_here(url));
  CHECK(is_here(own_name + ":8443"));
  for (const auto* url :
       {"https://localhost:8443", "http://localhost:8080", "http://localhost",
        "http://localhost:8443/behind", "http://localhost:8443.example.org",
        "http://localhost@node7:8443", "http://127.0.0.1.example.org:8443",
        "http://[::1]:8443", "http://[::1", "localhost:8443", "http", "http://",
        ""})
    CHECK_FALSE(is_here(url));
  CHECK_FALSE(is_here(own_name + ".elsewhere:8443"));
  CHECK_FALSE(is_here(own_name + ":8080"));

  here.api.host = "::";
  for (const auto* url :
       {"http://[::1]:8443", "http://127.0.0.1:8443", "http://localhost:8443"})
    CHECK(is_here(url));

  here.api.host.clear();
  CHECK(is_here("http://127.0.1.1:8443"));

  here.api.host = "::";
  here.api.ssl.enabled = true;
  here.api.port = 443;
  CHECK(is_here("https://localhost"));
  CHECK(is_here(own_name.substr(0, 4) + "s" + own_name.substr(4)));
  CHECK_FALSE(is_here("http://localhost:443"));
}

TEST_CASE("a node that listens on one address is here at that address alone",
          "[app]") {
  config here;
  here.api.port = 8'080;
  const auto is_here = [&](const std::string& url) {
    found_node asked;
    asked.url = url;
    return is_node_here(asked, here);
  };
  here.api.host = "127.0.0.1";
  CHECK(is_here("http://localhost:8080"));
  CHECK_FALSE(is_here("http://127.0.0.2:8080")); // another node may be there
  CHECK_FALSE(is_here("http://[::1]:8080"));
  here.api.host = "localhost";
  CHECK(is_here("http://127.0.0.1:8080"));
  here.api.host = "Node7.example.org";
  CHECK(is_here("http://node7.example.org:8080"));
  CHECK_FALSE(is_here("http://localhost:8080"));
}

TEST_CASE("doctor finds files of servers that are gone once it has seen them",
          "[app]") {
  const std::string here = "3f1d3a0e-7a55-4c3c-9d4f-0a4f5c1f2b11";
  const std::string gone = "3f1d3a0e-7a55-4c3c-9d4f-0a4f5c1f2b12";
  const std::string leaves = "3f1d3a0e-7a55-4c3c-9d4f-0a4f5c1f2b13";
  const temporary_directory place;
  for (const auto& name : {here, gone, leaves, std::string{"lost+found"}})
    fs::create_directory(place.path() / name);
  const auto is_gone = [&](const std::string& server) {
    if (server == leaves) // its delete comes to an end meanwhile
      fs::remove(place.path() / leaves);
    return server != here;
  };
  findings out;
  CHECK_FALSE(look_at_volumes(place.path(), is_gone, out));
  CHECK(told(out) == "the files of " + gone + " belong to no server\n");
  fs::remove(place.path() / gone);
  findings after;
  CHECK(look_at_volumes(place.path(), is_gone, after));
  CHECK(after.all.empty());
}

TEST_CASE("doctor asks by name about servers that are not listed alone",
          "[app]") {
  int lists = 0;
  std::vector<std::string> asked;
  std::optional<std::set<std::string>> servers{{"a", "b"}};
  const auto lookup = [&] {
    return gone_by_list(
        [&] {
          ++lists;
          return servers;
        },
        [&](const std::string& server) {
          asked.push_back(server);
          return server == "d";
        });
  };
  const auto is_gone = lookup();
  CHECK(lists == 0); // what it is asked about was seen before
  for (const auto* known : {"a", "b", "a", "c"})
    CHECK_FALSE(is_gone(known));
  CHECK(is_gone("d"));
  CHECK(lists == 1);
  CHECK(asked == std::vector<std::string>{"c", "d"});
  servers.reset(); // the node does not answer
  CHECK_FALSE(lookup()("d"));
  CHECK(asked.size() == 2);
}

TEST_CASE("doctor finds containers of servers that are not registered",
          "[app]") {
  const std::string here = "3f1d3a0e-7a55-4c3c-9d4f-0a4f5c1f2b11";
  const std::string gone = "3f1d3a0e-7a55-4c3c-9d4f-0a4f5c1f2b12";
  jobs::fake_containers docker;
  docker.put("a1", here, true, {"alula.server=" + here});
  docker.put("b2", gone, true, {"alula.server=" + gone});
  docker.put("c3", gone + "_installer", false, {"alula.server=" + gone});
  docker.put("d4", "wings", true, {"Service=Pterodactyl"});
  docker.put("e5", "odd", true, {"alula.server=../../etc"});
  std::vector<std::string> asked;
  const auto is_gone = [&](const std::string& server) {
    asked.push_back(server);
    return server == gone;
  };
  findings out;
  CHECK_FALSE(look_at_containers(docker, is_gone, out));
  const auto text = told(out);
  CHECK(out.all.size() == 2);
  CHECK(text.find("the container " + gone + " (running) is of server " + gone)
        != std::string::npos);
  CHECK(text.find(gone + "_installer (exited)") != std::string::npos);
  CHECK(out.all[0].at("to_do").get<std::string>().find("`docker rm -fv ")
        != std::string::npos);
  CHECK(asked.size() == 3);
  CHECK(docker.has("b2")); // it only looks
}

TEST_CASE("a node whose containers are all of its servers is clean", "[app]") {
  jobs::fake_containers docker;
  const std::string here = "3f1d3a0e-7a55-4c3c-9d4f-0a4f5c1f2b11";
  docker.put("a1", here, true, {"alula.server=" + here});
  findings out;
  CHECK(look_at_containers(
      docker, [](const std::string&) { return false; }, out));
  CHECK(out.all.empty());
}

} // namespace alula::app::cli
