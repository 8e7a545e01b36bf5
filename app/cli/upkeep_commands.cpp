#include "app/cli/commands.hpp"
#include "app/cli/terminal.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>

namespace alula::app::cli {

namespace {

struct upkeep_options {
  std::string job, state, report;
  bool no_wait = false;
};

int list_trash(const asked_node& asked) {
  client node{find_node(asked)};
  const auto trash = node.get("/api/trash");
  if (asked.as_json) {
    print_json(trash);
    return done;
  }
  std::vector<row> rows;
  for (const auto& one : trash.at("items"))
    rows.push_back(
        {one.at("job"), one.at("server"), text_of(one, "server_name"),
         one.at("state"), ago_text(one.at("detached_at")),
         ago_text(one.at("purge_after")),
         one.at("links").at("restore").is_null() ? "" : "can come back"});
  print(rows.empty()
            ? "the trash is empty\n"
            : table({"JOB", "SERVER", "NAME", "STATE", "DELETED", "PURGED", ""},
                    rows));
  return done;
}

int list_outbox(const asked_node& asked, const upkeep_options& o) {
  client node{find_node(asked)};
  const auto page = node.get("/api/outbox?limit=200"
                             + (o.state.empty() ? "" : "&state=" + o.state));
  if (asked.as_json) {
    print_json(page);
    return done;
  }
  std::vector<row> rows;
  for (const auto& r : page.at("items"))
    rows.push_back({r.at("report").dump(), r.at("subject"), r.at("state"),
                    r.at("tries").dump(), ago_text(r.at("created_at")),
                    ago_text(r.at("next_try_at")),
                    text_of(r, "last_error", "")});
  print(rows.empty() ? "the Panel knows everything, or there is none\n"
                     : table({"REPORT", "ABOUT", "STATE", "TRIES", "WRITTEN",
                              "NEXT TRY", "LAST ANSWER"},
                             rows));
  if (page.value("has_more", false))
    print("there are more than these 200\n");
  const auto has = [&](const char* state) {
    return std::ranges::any_of(page.at("items"), [state](const json& r) {
      return r.at("state") == state;
    });
  };
  if (has("waiting"))
    print("What waits is told by itself when the Panel answers at `remote`; "
          "`alula doctor` asks it.\n");
  if (has("dead"))
    print(
        "What is dead is told again by `alula outbox retry REPORT`, when what "
        "the Panel objected to is mended.\n");
  return done;
}

int retry_report(const asked_node& asked, const upkeep_options& o) {
  client node{find_node(asked)};
  const auto again =
      node.act("POST", "/api/outbox/" + escaped(o.report) + "/retry");
  if (asked.as_json)
    print_json(again);
  else
    print("the Panel is told again, by report " + again.at("report").dump()
          + ": " + again.at("subject").get<std::string>() + "\n");
  return done;
}

void add_outbox(CLI::App& app, const reading& line,
                const std::shared_ptr<upkeep_options>& o) {
  auto* outbox =
      app.add_subcommand("outbox", "what the Panel was not told yet, and why");
  line.add_node_options(*outbox);
  auto* list = outbox->add_subcommand("list", "all of it");
  for (auto* to : {outbox, list})
    to->add_option("--state", o->state, "open, dead or all")
        ->check(CLI::IsMember({"open", "dead", "all"}));
  const auto run = [=] {
    line.runs([=] { return list_outbox(*line.node, *o); });
  };
  list->callback(run);
  outbox->callback([outbox, run] {
    if (outbox->get_subcommands().empty())
      run();
  });
  auto* retry = outbox->add_subcommand(
      "retry", "tell the Panel again what it refused, when that is mended");
  retry->add_option("REPORT", o->report, "the number of a dead report")
      ->required();
  retry->callback(
      [=] { line.runs([=] { return retry_report(*line.node, *o); }); });
}

} // namespace

void add_upkeep_commands(CLI::App& app, const reading& line) {
  const auto o = std::make_shared<upkeep_options>();
  auto* trash =
      app.add_subcommand("trash", "deleted servers that can come back");
  line.add_node_options(*trash);
  const auto list = [=] { line.runs([=] { return list_trash(*line.node); }); };
  trash->callback([=] {
    if (trash->get_subcommands().empty())
      list();
  });
  trash->add_subcommand("list", "all of it")->callback(list);
  auto* restore = trash->add_subcommand("restore", "bring a server back");
  restore
      ->add_option("JOB", o->job,
                   "the job that deleted it, or the beginning of its id")
      ->required();
  restore->add_flag("--no-wait", o->no_wait, "leaves when it is accepted");
  restore->callback([=] {
    line.runs([=] {
      client node{find_node(*line.node)};
      const auto job = node.start(
          "POST", "/api/trash/" + escaped(find_job(node, o->job)) + "/restore");
      return follow_started(node, *line.node, job, !o->no_wait);
    });
  });
  add_outbox(app, line, o);
}

} // namespace alula::app::cli
