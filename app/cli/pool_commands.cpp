#include "app/cli/commands.hpp"
#include "app/cli/terminal.hpp"

#include <CLI/CLI.hpp>

namespace alula::app::cli {

namespace {

struct pool_options {
  std::string pool, reason;
};

/// Since when, by whom and why; empty when it is not paused.
std::string pause_of(const json& pool) {
  if (pool.at("paused_at").is_null())
    return {};
  auto out = "paused " + ago_text(pool.at("paused_at"));
  if (const auto by = text_of(pool, "paused_by", ""); !by.empty())
    out += " by " + by;
  if (const auto why = text_of(pool, "pause_reason", ""); !why.empty())
    out += ": " + why;
  return out;
}

int list_pools(const asked_node& asked) {
  client node{find_node(asked)};
  const auto pools = node.get("/api/pools");
  if (asked.as_json) {
    print_json(pools);
    return done;
  }
  std::vector<row> rows;
  bool some_paused = false;
  for (const auto& pool : pools.at("items")) {
    const auto pause = pause_of(pool);
    some_paused |= !pause.empty();
    rows.push_back({pool.at("name"), pool.at("busy").dump(),
                    pool.at("workers").dump(), pool.at("waiting").dump(),
                    pause});
  }
  print(table({"POOL", "BUSY", "WORKERS", "WAITING", ""}, rows));
  if (some_paused)
    print("`alula pools resume POOL` lets one go on\n");
  return done;
}

void show(const asked_node& asked, const json& pool) {
  if (asked.as_json)
    return print_json(pool);
  const auto name = pool.at("name").get<std::string>();
  const auto pause = pause_of(pool);
  print("pool " + name + ": "
        + (pause.empty() ? "goes on"
                         : pause
                               + "\nWhat runs goes on to its end, and jobs "
                                 "that need it wait until `alula pools "
                                 "resume "
                               + name + "`.")
        + "\n");
}

int pause_pool(const asked_node& asked, const pool_options& o) {
  client node{find_node(asked)};
  const auto body =
      o.reason.empty() ? std::string{} : json{{"reason", o.reason}}.dump();
  show(asked,
       node.act("POST", "/api/pools/" + escaped(o.pool) + "/pause", body));
  return done;
}

int resume_pool(const asked_node& asked, const pool_options& o) {
  client node{find_node(asked)};
  show(asked, node.act("POST", "/api/pools/" + escaped(o.pool) + "/resume"));
  return done;
}

} // namespace

void add_pool_commands(CLI::App& app, const reading& line) {
  const auto o = std::make_shared<pool_options>();
  auto* pools = app.add_subcommand(
      "pools", "the queues of work: how busy they are, and which are paused");
  line.add_node_options(*pools);
  const auto list = [=] { line.runs([=] { return list_pools(*line.node); }); };
  pools->callback([=] {
    if (pools->get_subcommands().empty())
      list();
  });
  pools->add_subcommand("list", "all of them")->callback(list);
  auto* pause = pools->add_subcommand(
      "pause", "begin no step of one any more, also after a restart");
  pause->add_option("POOL", o->pool, "its name")->required();
  pause->add_option("--reason", o->reason, "why; jobs that wait show it");
  pause->callback(
      [=] { line.runs([=] { return pause_pool(*line.node, *o); }); });
  auto* resume = pools->add_subcommand("resume", "let a paused one go on");
  resume->add_option("POOL", o->pool, "its name")->required();
  resume->callback(
      [=] { line.runs([=] { return resume_pool(*line.node, *o); }); });
}

} // namespace alula::app::cli
