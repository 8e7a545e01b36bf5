/// What doctor finds.
#pragma once

#include "app/cli/client.hpp"
#include "app/config.hpp"

#include <string>
#include <utility>

namespace alula::app::cli {

/// All that is found, in the order it was looked at.
class findings {
public:
  void good(const char* area, std::string what) {
    add("ok", area, std::move(what), {});
  }
  void note(const char* area, std::string what, std::string to_do) {
    add("warning", area, std::move(what), std::move(to_do));
  }
  void bad(const char* area, std::string what, std::string to_do) {
    add("bad", area, std::move(what), std::move(to_do));
  }
  json all = json::array();

private:
  void add(const char* level, const char* area, std::string what,
           std::string to_do) {
    all.push_back({{"level", level},
                   {"area", area},
                   {"what", std::move(what)},
                   {"to_do", to_do.empty() ? json(nullptr) : json(to_do)}});
  }
};

/// The ledger on disk, and the room that is kept for it.
void look_at_ledger(const config& c, findings& out);

/// The object stores of the configuration, one harmless question each.
void look_at_stores(const config& c, findings& out);

/// What only a running node knows: jobs, backups, files without a server.
void look_at_node(const asked_node& asked, const config& c, findings& out);

} // namespace alula::app::cli
