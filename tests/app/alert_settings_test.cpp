#include "app/job_settings.hpp"

#include <catch2/catch.hpp>

using namespace alula::app;

TEST_CASE("links in alerts lead to where people reach the node", "[app]") {
  config c;
  c.api.host = "10.0.0.7";
  CHECK(alert_settings_of(c).links == "http://10.0.0.7:8080/#/");
  c.api.ssl.enabled = true;
  c.api.host = "fd00::7";
  CHECK(alert_settings_of(c).links == "https://[fd00::7]:8080/#/");
  c.alerts.page_url = "https://node1.example/alula";
  CHECK(alert_settings_of(c).links == "https://node1.example/alula/#/");
  c.api.status_page = false;
  CHECK(alert_settings_of(c).links == "https://node1.example/alula/api/");
}

TEST_CASE("a node that only its own machine reaches is linked to where it is "
          "told",
          "[app]") {
  config c;
  for (const auto* host : {"127.0.0.1", "127.0.0.53", "::1", "localhost"}) {
    c.api.host = host;
    CHECK(alert_settings_of(c).links.empty());
  }
  c.alerts.page_url = "https://node1.example";
  CHECK(alert_settings_of(c).links == "https://node1.example/#/");
}

TEST_CASE("a node that listens everywhere is linked to by its name", "[app]") {
  config c;
  c.api.host = "0.0.0.0";
  const auto links = alert_settings_of(c).links;
  CHECK(links.find("0.0.0.0") == std::string::npos);
  CHECK(links.size() > std::string{"http://:8080/#/"}.size());
  c.api.port = 0; // the system chooses it later
  CHECK(alert_settings_of(c).links.empty());
}
