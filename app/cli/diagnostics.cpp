// What somebody who helps wants to see, as one text file that the operator can
// read before it is sent.
#include "app/cli/censor.hpp"
#include "app/cli/commands.hpp"
#include "app/cli/terminal.hpp"
#include "app/config_file.hpp"

#include <CLI/CLI.hpp>

#include <array>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <system_error>
#include <unistd.h>

namespace alula::app::cli {

namespace {

namespace fs = std::filesystem;

/// All that a configuration keeps secret, wherever it turns up.
void hide_all(censor& black, const config& settings) {
  black.hide(token_of(settings));
  black.hide(settings.alerts.token);
  black.hide(settings.alerts.webhook);
  black.hide(settings.api.jwt.secret);
  for (const auto* words :
       {&settings.docker.registries.password, &settings.stores.access_key,
        &settings.stores.secret_key})
    for (const auto& [name, word] : *words)
      black.hide(word);
}

std::string output_of(const char* command) {
  std::string out;
  FILE* pipe = popen(command, "r");
  if (!pipe)
    return "(cannot be run)\n";
  std::array<char, 4'096> buffer{};
  constexpr std::size_t most = std::size_t{2} << 20;
  std::size_t got = 0;
  while (out.size() < most
         && (got = fread(buffer.data(), 1, buffer.size(), pipe)) > 0)
    out.append(buffer.data(), got);
  pclose(pipe);
  return out;
}

std::string text_of_file(const fs::path& file) {
  std::ifstream in{file};
  return {std::istreambuf_iterator<char>{in}, {}};
}

std::string answers(client& node) {
  std::string out;
  for (const auto* path :
       {"/healthz", "/readyz", "/api/system", "/api/system?v=2",
        "/api/jobs/summary", "/api/jobs?done=false&limit=200",
        "/api/jobs?state=failed&limit=50", "/api/outbox?limit=50",
        "/api/backups/usage", "/api/trash"}) {
    const auto answer = node.ask("GET", path);
    out += "-- GET " + std::string{path} + ": " + std::to_string(answer.status)
           + "\n"
           + answer.body.dump(1, ' ', false, json::error_handler_t::replace)
           + "\n";
  }
  return out;
}

std::string machine() {
  utsname about{};
  uname(&about);
  return std::string{about.sysname} + " " + about.release + " " + about.machine
         + "\n" + text_of_file("/etc/os-release");
}

void add(std::string& out, const std::string& title, const std::string& text) {
  out += "\n==== " + title + "\n" + text + (text.ends_with('\n') ? "" : "\n");
}

std::string collect(const asked_node& asked) {
  censor black;
  found_node where;
  std::string trouble;
  try {
    where = find_node(asked);
  } catch (const leave& why) {
    trouble = why.what();
  }
  black.hide(where.token);
  // Of one that cannot be used, too: it is shown all the same.
  const auto file = find_config(asked);
  if (where.settings)
    hide_all(black, *where.settings);
  else if (!file.empty())
    hide_all(black, load_config(file).value);
  std::string out = "diagnostics of alula " ALULA_VERSION "\n"
                    "Read it before you send it: tokens and passwords are "
                    "hidden, names of servers and paths are not.\n";
  if (!trouble.empty())
    add(out, "the config", trouble);
  add(out, "machine", machine());
  add(out, "doctor",
      examine(asked).dump(1, ' ', false, json::error_handler_t::replace));
  if (!file.empty())
    add(out, file.string(), text_of_file(file));
  client node{where};
  add(out, "API", answers(node));
  add(out, "disks", output_of("df -hT 2>&1; df -hi 2>&1"));
  add(out, "memory", text_of_file("/proc/meminfo"));
  add(out, "log",
      output_of("journalctl -u alula -n 2000 --no-pager -o short-iso 2>&1"));
  return black.read(std::move(out));
}

int diagnose(const asked_node& asked, fs::path to) {
  if (to.empty()) {
    std::array<char, 64> name{};
    const auto now = std::time(nullptr);
    std::tm parts{};
    gmtime_r(&now, &parts);
    std::strftime(name.data(), name.size(),
                  "alula-diagnostics-%Y%m%d-%H%M%S.txt", &parts);
    to = name.data();
  }
  const auto text = collect(asked);
  if (to == "-") {
    print(text);
    return done;
  }
  const int fd =
      ::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0)
    throw leave{failed, "cannot make " + to.string() + ": "
                            + std::generic_category().message(errno)};
  const auto written = ::write(fd, text.data(), text.size());
  ::close(fd);
  if (written != static_cast<ssize_t>(text.size()))
    throw leave{failed, "cannot write " + to.string()};
  if (asked.as_json)
    print_json({{"file", to.string()}, {"bytes", text.size()}});
  else
    print(to.string() + ", " + bytes_text(text.size())
          + ": read it before you send it\n");
  return done;
}

} // namespace

void add_diagnostics(CLI::App& app, const reading& line) {
  auto* diagnostics = app.add_subcommand(
      "diagnostics", "a text file for those who help, without secrets");
  line.add_node_options(*diagnostics);
  const auto to = std::make_shared<fs::path>();
  diagnostics->add_option("-o,--output", *to, "where to; - is standard output");
  diagnostics->callback(
      [=] { line.runs([=] { return diagnose(*line.node, *to); }); });
}

} // namespace alula::app::cli
