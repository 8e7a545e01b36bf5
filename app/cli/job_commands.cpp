#include "app/cli/commands.hpp"
#include "app/cli/moving_lines.hpp"
#include "app/cli/terminal.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <thread>

namespace alula::app::cli {

namespace {

struct job_options {
  std::string job, server, kind, state, reason;
  bool live = false, waits = false;
  int limit = 20;
};
using job_options_ptr = std::shared_ptr<job_options>;

std::string job_path(const std::string& id) {
  return "/api/jobs/" + escaped(id);
}

std::string step_of(const json& job) {
  for (const auto& step : job.at("steps")) {
    const auto state = step.value("state", "");
    if (state == "started" || state == "undoing")
      return step.value("name", "");
  }
  return {};
}

/// Why it waits or failed, in one line.
std::string why_of(const json& job) {
  if (job.at("error").is_object())
    return job.at("error").value("detail", "");
  return text_of(job, "message", "");
}

/// How far it is, or what it waits for and since when.
std::string how_of(const json& job) {
  const auto& p = job.at("progress");
  const auto why = why_of(job);
  if (!why.empty() && !job.at("waiting_since").is_null())
    return why + " (since " + ago_text(job.at("waiting_since")) + ")";
  return p.is_object() ? progress_line(p) : why;
}

bool is_of_server(const json& job) {
  return job.at("server").is_string();
}

row line_of(const json& job, const server_names& names) {
  const auto how = how_of(job);
  return {job.at("id"),
          job.at("kind"),
          is_of_server(job) ? names.of(job.at("server")) : "-",
          job.at("state"),
          ago_text(job.at("created_at")),
          how};
}

int list_jobs(const asked_node& asked, const job_options& o) {
  client node{find_node(asked)};
  std::string path = "/api/jobs?limit=" + std::to_string(o.limit);
  if (!o.server.empty())
    path += "&server=" + escaped(find_server(node, o.server));
  if (!o.kind.empty())
    path += "&kind=" + escaped(o.kind);
  if (!o.state.empty())
    path += "&state=" + escaped(o.state);
  if (o.live)
    path += "&done=false";
  const auto page = node.get(path);
  if (asked.as_json) {
    print_json(page);
    return done;
  }
  const auto& jobs = page.at("items");
  const auto names = std::ranges::any_of(jobs, is_of_server)
                         ? server_names{node}
                         : server_names{};
  std::vector<row> rows;
  for (const auto& job : jobs)
    rows.push_back(line_of(job, names));
  print(rows.empty()
            ? "no jobs\n"
            : table({"JOB", "KIND", "SERVER", "STATE", "ACCEPTED", ""}, rows));
  if (page.value("has_more", false))
    print("there are more: --limit shows up to 200\n");
  return done;
}

void print_waiting(const json& job) {
  if (const auto why = why_of(job); !why.empty())
    print("  why     " + why + "\n");
  if (!job.at("waiting_since").is_null())
    print("  since   " + ago_text(job.at("waiting_since"))
          + (job.at("next_try_at").is_null()
                 ? ""
                 : ", next try " + ago_text(job.at("next_try_at")))
          + "\n");
  if (!job.at("advice").is_null())
    print("  to do   " + job.at("advice").get<std::string>() + "\n");
}

/// What can be done about it, as it is typed.
void print_acts(const json& job) {
  const auto id = job.at("id").get<std::string>();
  std::string head = "  can     ";
  for (const auto* what : {"cancel", "retry", "abandon", "undo"}) {
    if (!job.at("links").contains(what) || !job.at("links")[what].is_string())
      continue;
    const std::string_view verb = what;
    print(head + "alula jobs " + what + " " + id
          + (verb == "abandon" ? " --reason WHY" : "") + "\n");
    head = "          ";
  }
}

void print_job(const json& job) {
  print(job.at("kind").get<std::string>() + " "
        + job.at("id").get<std::string>() + ": "
        + job.at("state").get<std::string>() + "\n");
  print_waiting(job);
  print("  server  " + text_of(job, "server") + "\n  accepted "
        + ago_text(job.at("created_at")) + ", ended "
        + ago_text(job.at("finished_at")) + "\n");
  if (const auto bar = progress_line(job.at("progress")); !bar.empty())
    print("  " + bar + "\n");
  std::vector<row> steps;
  for (const auto& step : job.at("steps")) {
    const auto tries = step.value("attempt", 0);
    steps.push_back({"  " + step.value("name", ""), step.value("state", ""),
                     tries == 0 ? "" : std::to_string(tries) + " failed tries",
                     step.contains("error") && step["error"].is_object()
                         ? step["error"].value("detail", "")
                         : ""});
  }
  print(table({"  STEP", "STATE", "", ""}, steps));
  if (!job.at("result").is_null())
    print("  result  " + job.at("result").dump() + "\n");
  print_acts(job);
}

int show_job(const asked_node& asked, const job_options& o) {
  client node{find_node(asked)};
  const auto job = node.get(job_path(find_job(node, o.job)));
  if (asked.as_json)
    print_json(job);
  else
    print_job(job);
  return done;
}

// -- watching
// -------------------------------------------------------------------

std::string status_line(const json& job) {
  std::string out = job.at("kind").get<std::string>() + "  "
                    + job.at("state").get<std::string>();
  if (const auto step = step_of(job); !step.empty())
    out += "  " + step;
  const auto bar = progress_line(job.at("progress"));
  const auto why = why_of(job);
  if (!bar.empty())
    out += "  " + bar;
  else if (!why.empty())
    out += "  " + why;
  return out;
}

/// What was said last, where lines cannot move: said again when it changed.
std::string landmark_of(const json& job) {
  const auto& p = job.at("progress");
  const auto tenth = p.is_object() && p.at("percent").is_number()
                         ? std::to_string(p.at("percent").get<int>() / 10)
                         : "";
  return job.at("state").get<std::string>() + step_of(job)
         + text_of(job, "reason", "") + tenth;
}

int end_of(const json& job) {
  const auto state = job.at("state").get<std::string>();
  if (state == "succeeded")
    return done;
  return state == "parked" ? needs_you : failed;
}

/// An answer, also of a node that restarts meanwhile.
json ask_patiently(client& node, const std::string& path) {
  constexpr int most_tries = 120;
  for (int i = 0;; ++i) {
    auto answer = node.ask("GET", path);
    const bool may_come_back = answer.status == 0 || answer.status == 503;
    if (answer.status == 200)
      return std::move(answer.body);
    if (!may_come_back || i == most_tries)
      return node.get(path); // says what is wrong
    if (i == 0)
      std::fputs("the node does not answer; waiting for it\n", stderr);
    std::this_thread::sleep_for(std::chrono::seconds{1});
  }
}

int watch_all(const asked_node& asked) {
  client node{find_node(asked)};
  moving_lines screen{is_terminal() && !asked.as_json};
  std::map<std::string, std::string> said;
  for (;;) {
    const auto page = ask_patiently(node, "/api/jobs?done=false&limit=200");
    std::vector<std::string> lines;
    std::map<std::string, std::string> now;
    for (const auto& job : page.at("items")) {
      const auto id = job.at("id").get<std::string>();
      lines.push_back(id + "  " + status_line(job));
      now[id] = landmark_of(job);
      if (said[id] == now[id])
        continue;
      if (asked.as_json)
        print(job.dump() + "\n");
      else if (!is_terminal())
        print(lines.back() + "\n");
    }
    said = std::move(now);
    if (lines.empty())
      lines.emplace_back("nothing is under way (Ctrl-C ends)");
    screen.show(std::move(lines), !page.at("has_more").get<bool>());
    std::this_thread::sleep_for(std::chrono::seconds{1});
  }
}

/// What a question is about: "backup.create … of server …, running, accepted
/// 3 s ago".
std::string job_in_words(const json& job) {
  return job.at("kind").get<std::string>() + " "
         + job.at("id").get<std::string>()
         + (job.at("server").is_null()
                ? ""
                : " of server " + job.at("server").get<std::string>())
         + ", " + job.at("state").get<std::string>() + ", accepted "
         + ago_text(job.at("created_at"));
}

/// `question` is asked before, behind what it is about; empty: none is.
int act_on_job(const asked_node& asked, const job_options& o,
               const std::string& verb, const std::string& question,
               const std::string& body = {}) {
  client node{find_node(asked)};
  const auto path = job_path(find_job(node, o.job));
  const auto in_words = [&] {
    return job_in_words(node.get(path)) + ": " + question;
  };
  if (!question.empty() && !is_sure(asked, in_words))
    return failed;
  const auto job = node.start("POST", path + "/" + verb, body);
  const auto code = follow_started(node, asked, job, o.waits);
  // Cancelled is what was wanted.
  if (verb == "cancel" && o.waits && code == failed
      && node.get(path).at("state") == "cancelled")
    return done;
  return code;
}

void add_job_name(CLI::App& to, const job_options_ptr& o) {
  to.add_option("JOB", o->job, "the id of a job, or the beginning of it")
      ->required();
}

void add_wait(CLI::App& to, const job_options_ptr& o) {
  to.add_flag("--wait", o->waits, "shows how far it is until it has ended");
}

void add_lists(CLI::App& jobs, const reading& line, const job_options_ptr& o) {
  auto* list = jobs.add_subcommand("list", "the newest jobs");
  for (auto* to : {&jobs, list}) {
    to->add_option("--server", o->server, "of one server: uuid or name");
    to->add_option("--kind", o->kind, "of a kind, such as backup.*");
    to->add_option("--state", o->state, "in these states, with commas");
    to->add_flag("--live", o->live, "that have not ended");
    to->add_option("--limit", o->limit, "so many")->check(CLI::Range(1, 200));
  }
  const auto run = [line, o] {
    line.runs([=] { return list_jobs(*line.node, *o); });
  };
  list->callback(run);
  jobs.callback([&jobs, run] {
    if (jobs.get_subcommands().empty())
      run();
  });
}

void add_acts(CLI::App& jobs, const reading& line, const job_options_ptr& o) {
  struct act {
    const char *name, *what, *question;
  };
  for (const auto& [name, what, question] :
       {act{"cancel", "undo what a job did so far",
            "cancel it, and undo what it did?"},
        act{"retry", "another go for a parked or failed job", ""},
        act{"undo", "take a restore back",
            "take it back? The server is stopped."}}) {
    auto* one = jobs.add_subcommand(name, what);
    add_job_name(*one, o);
    add_wait(*one, o);
    one->callback([=, verb = std::string{name}, asks = std::string{question}] {
      line.runs([=] { return act_on_job(*line.node, *o, verb, asks); });
    });
  }
  auto* abandon = jobs.add_subcommand("abandon", "give a parked job up");
  add_job_name(*abandon, o);
  abandon->add_option("--reason", o->reason, "why; it is kept with the job")
      ->required();
  abandon->callback([=] {
    line.runs([=] {
      return act_on_job(*line.node, *o, "abandon",
                        "give it up? It becomes failed.",
                        json{{"reason", o->reason}}.dump());
    });
  });
}

} // namespace

int watch_job(client& node, const std::string& id, bool as_json) {
  moving_lines screen{is_terminal() && !as_json};
  std::string said;
  for (;;) {
    // Answers when it ends, in a second at the latest.
    auto job = ask_patiently(node, job_path(id) + "?wait=1s");
    const bool is_over =
        job.at("done").get<bool>() || job.at("state") == "parked";
    std::vector<std::string> lines{status_line(job)};
    if (!job.at("advice").is_null())
      lines.push_back("  to do: " + job.at("advice").get<std::string>());
    screen.show(lines);
    if (const auto now = landmark_of(job); now != said || is_over) {
      said = now;
      if (as_json)
        print(job.dump() + "\n");
      else if (!is_terminal())
        print(status_line(job) + "\n");
    }
    if (!is_over)
      continue;
    if (!as_json && end_of(job) != done)
      print_waiting(job);
    return end_of(job);
  }
}

int follow_started(client& node, const asked_node& asked, const json& job,
                   bool waits) {
  const auto id = job.at("id").get<std::string>();
  if (waits)
    return watch_job(node, id, asked.as_json);
  if (asked.as_json)
    print_json(job);
  else
    print(job.at("kind").get<std::string>() + " " + id + ": "
          + job.at("state").get<std::string>() + "\n");
  return done;
}

void add_job_commands(CLI::App& app, const reading& line) {
  const auto o = std::make_shared<job_options>();
  auto* jobs = app.add_subcommand("jobs", "what is under way, and what was");
  line.add_node_options(*jobs);
  add_lists(*jobs, line, o);
  auto* show = jobs->add_subcommand("show", "one job with its steps");
  add_job_name(*show, o);
  show->callback([=] { line.runs([=] { return show_job(*line.node, *o); }); });
  auto* watch =
      jobs->add_subcommand("watch", "a job until it ends, or all that live");
  watch->add_option("JOB", o->job, "the id of a job, or the beginning of it");
  watch->callback([=] {
    line.runs([=] {
      if (o->job.empty())
        return watch_all(*line.node);
      client node{find_node(*line.node)};
      return watch_job(node, find_job(node, o->job), line.node->as_json);
    });
  });
  add_acts(*jobs, line, o);
}

} // namespace alula::app::cli
