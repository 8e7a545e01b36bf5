// Looks at everything a node needs, from beside it: also when it does not run.
#include "app/cli/commands.hpp"
#include "app/cli/findings.hpp"
#include "app/cli/terminal.hpp"
#include "app/places.hpp"
#include "app/storage_settings.hpp"
#include "jobs/descriptor.hpp"
#include "remote/http_client.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <ctime>
#include <fcntl.h>
#include <fstream>
#include <set>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

namespace alula::app::cli {

namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

/// A config as this node has it, read only: nothing is made.
config settings_here(const asked_node& asked, findings& out) {
  const auto file = find_config(asked);
  if (!file.empty()) {
    auto report = load_config(file);
    for (const auto& problem : report.problems) {
      const auto text = describe(file, problem);
      if (problem.grade == config_problem::severity::error)
        out.bad("config", text,
                "Mend that line; `alula check-config` says "
                "when it is good.");
      else
        out.note("config", text, "Take it out, or spell it right.");
    }
    if (const auto problem = problem_of_token_file(report)) {
      const auto text = describe(file, *problem);
      const auto token = report.value.token_file.string();
      if (problem->grade == config_problem::severity::error)
        out.bad("config", text,
                "Run doctor as the user of the node, or mend what is there; "
                "without a file the next start makes a new token.");
      else
        out.note("config", text,
                 "`chmod 600 " + token
                     + "`; another token, if somebody has read this one.");
    } else if (report.problems.empty())
      out.good("config", file.string() + " can be used");
    return report.value;
  }
  config c;
  const auto data = data_of(asked);
  c.api.host = "127.0.0.1";
  c.system.root_directory = data;
  c.system.data = data / "volumes";
  c.system.tmp_directory = data / "tmp";
  out.good("config",
           "no config file; the node keeps everything below " + data.string());
  return c;
}

struct place {
  const char* name;
  fs::path at;
  /// What the node refuses when the disk has no more room; empty: nothing, it
  /// writes there until the disk is full.
  const char* refused = "";
  bool is_made_at_start = true; ///< else by the first that needs it
};

std::vector<place> places_of(const config& c) {
  return {
      {"volumes", c.system.data, "restores are refused"},
      {"trash", trash_directory(c)},
      {"backups", backup_directory(c), "backups are refused"},
      {"ledger", ledger_directory(c)},
      {"systems", systems_directory(c), "what systems send is refused", false},
      {"installations", c.system.tmp_directory, "", false}};
}

/// A directory, or where it comes to lie.
fs::path nearest_of(fs::path at) {
  std::error_code error;
  while (!fs::exists(at, error) && at.has_relative_path())
    at = at.parent_path();
  return at;
}

/// As the node decides it, less what it has promised to jobs meanwhile.
void look_at_room(const place& where, const std::string& shown,
                  const jobs::disk_space& space, bool few_names,
                  findings& out) {
  const auto text = shown + ", " + bytes_text(space.unused) + " of "
                    + bytes_text(space.total) + " free, "
                    + bytes_text(space.kept_free)
                    + " of it for servers and ledger only";
  const std::string refused = where.refused;
  if (space.left() == jobs::room_left::none)
    out.bad("space", text,
            "Free space now: "
                + (refused.empty()
                       ? "what is written there fails when it is gone"
                       : refused)
                + ". `alula backups usage` says what takes it.");
  else if (space.left() == jobs::room_left::little)
    out.note("space", text,
             "Make room before it is gone: " + bytes_text(space.free)
                 + " more may be taken. `alula "
                   "backups usage` says what takes it.");
  else if (few_names)
    out.note("space", text + ", but few inodes",
             "Remove small files, or make the file system anew with more "
             "inodes.");
  else
    out.good("space", text);
}

void look_at_directories(const config& c, findings& out) {
  const auto room = room_of(c);
  for (const auto& where : places_of(c)) {
    const auto& [name, meant, refused, is_made_at_start] = where;
    std::error_code error;
    const auto shown = std::string{name} + ": " + meant.string();
    const auto at = is_made_at_start ? meant : nearest_of(meant);
    if (!fs::is_directory(at, error)) {
      out.note("directories", shown + " is not there",
               "The first start makes it. If the node has run before, a disk "
               "is not mounted: mount it.");
      continue;
    }
    if (::access(at.c_str(), R_OK | W_OK | X_OK) != 0) {
      out.bad("directories", shown + " cannot be written by this user",
              "Run doctor as the user of the node, or mend the owner and the "
              "mode.");
      continue;
    }
    struct statvfs disk {};
    if (statvfs(at.c_str(), &disk) != 0)
      continue;
    const bool few_names =
        disk.f_files > 0 && disk.f_favail * 50 < disk.f_files;
    const jobs::descriptor directory{
        ::open(at.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    const auto space = room->space(directory.get(), name);
    if ((disk.f_flag & ST_RDONLY) != 0)
      out.bad("directories", shown + " is on a disk mounted read-only",
              "Look for its errors in `dmesg`, then mount it writable.");
    else if (space)
      look_at_room(where, shown, *space, few_names, out);
  }
}

/// The mount of a directory; of one that the first start will make, where it
/// comes to lie. 0: unknown.
std::uint64_t mount_of(const fs::path& meant) {
  const auto at = nearest_of(meant);
  struct statx about {};
  return statx(AT_FDCWD, at.c_str(), 0, STATX_MNT_ID, &about) == 0
             ? about.stx_mnt_id
             : 0;
}

/// Files leave and come back by rename(2), which does not cross mounts.
void look_at_mounts(const config& c, findings& out) {
  const auto data = mount_of(c.system.data);
  const auto trash = mount_of(trash_directory(c));
  std::error_code error;
  if (data != 0 && trash != 0 && data != trash)
    out.bad("mounts",
            "the trash " + trash_directory(c).string()
                + " is on another mount than the volumes "
                + c.system.data.string(),
            "Set system.trash_directory to a directory on the same mount: "
            "deletes and restores rename, which does not cross mounts.");
  else if (fs::is_directory(c.system.data, error)
           && fs::is_directory(trash_directory(c), error))
    out.good("mounts", "volumes and trash are on one mount");
  const auto inside = [](const fs::path& of, const fs::path& in) {
    const auto tail =
        of.lexically_normal().lexically_relative(in.lexically_normal());
    return !tail.empty() && *tail.begin() != "..";
  };
  if (inside(backup_directory(c), c.system.data))
    out.bad("mounts", "the backups lie among the volumes",
            "Set system.backup_directory to a directory outside of "
                + c.system.data.string() + ".");
  std::set<std::string> marks;
  for (const auto& where : places_of(c)) {
    std::ifstream in{where.at / ".alula-store"};
    std::string id;
    if (in >> id)
      marks.insert(id);
  }
  if (marks.size() > 1)
    out.bad("mounts", "the directories carry the marks of different ledgers",
            "A disk of another node is mounted here, or the ledger was "
            "replaced: mount the right one.");
}

void look_at_docker(const config& c, findings& out) {
  const auto socket = docker_socket(c);
  if (!socket)
    return out.bad("docker", socket.error().what,
                   "Set docker.socket to the path of dockerd's socket.");
  remote::http_client http{{.unix_socket = *socket}};
  remote::http_request request;
  request.url = "http://docker/version";
  const auto outcome = http.send(request);
  const auto* answer = std::get_if<remote::http_answer>(&outcome);
  std::error_code error;
  const bool is_there = fs::is_socket(*socket, error);
  if (!answer)
    return out.bad("docker",
                   "dockerd does not answer at " + *socket + ": "
                       + (is_there ? std::get<remote::http_error>(outcome).what
                                   : "there is no such socket; is Docker "
                                     "installed and running?"),
                   "`systemctl status docker`; jobs that need containers wait "
                   "until it is there.");
  const auto said = json::parse(answer->body, nullptr, false);
  const auto word = [&said](const char* name) {
    const bool has_it =
        said.is_object() && said.contains(name) && said.at(name).is_string();
    return has_it ? said.at(name).get<std::string>() : "?";
  };
  if (answer->status != 200)
    return out.bad("docker",
                   "dockerd answers at " + *socket + ", but with "
                       + std::to_string(answer->status) + ": "
                       + word("message"),
                   "`journalctl -u docker`; what stands between alula and "
                   "dockerd, a proxy say, has to let everything through.");
  out.good("docker", "dockerd " + word("Version") + " answers at " + *socket);
}

void look_at_panel(const config& c, findings& out) {
  if (c.remote.empty())
    return out.good("panel", "no Panel is configured");
  const auto token = token_of(c);
  // The Panel would refuse, and would be right to.
  if (token.empty())
    return out.note("panel",
                    c.remote + " was not asked: there is no token to show it",
                    "See `token_file`: it has to hold the token by which the "
                    "Panel knows this node.");
  remote::http_client http{{}};
  remote::http_request request;
  auto base = c.remote;
  if (base.ends_with('/'))
    base.pop_back();
  request.url = base + "/api/remote/servers?page=0&per_page=1";
  request.headers = {{"Authorization", "Bearer " + c.token_id + "." + token},
                     {"Accept", "application/vnd.pterodactyl.v1+json"}};
  request.limit = seconds{15};
  const auto outcome = http.send(request);
  const auto* answer = std::get_if<remote::http_answer>(&outcome);
  if (!answer)
    return out.bad("panel",
                   c.remote + " does not answer: "
                       + std::get<remote::http_error>(outcome).what,
                   "Look at `remote`, DNS and the firewall. Reports to the "
                   "Panel wait meanwhile (`alula outbox`).");
  const auto status = std::to_string(answer->status);
  if (answer->status == 401 || answer->status == 403)
    return out.bad("panel", "the Panel does not know this node: HTTP " + status,
                   "Look at `token_id` and `token`; `alula configure` fetches "
                   "them anew.");
  if (answer->status != 200)
    return out.note("panel", "the Panel answered HTTP " + status,
                    "Look at its log.");
  out.good("panel", c.remote + " knows this node");
}

/// The user of the node sees whom it would take; others may see another.
void look_at_user(const config& c, findings& out) {
  if (geteuid() != 0 || c.system.user.rootless.enabled)
    return;
  if (file_owner(c).uid != 0)
    return out.good("user", "servers do not run as root");
  out.note("user",
           "there is no user " + c.system.username
               + ", so servers run as root in their containers",
           "`useradd --system --no-create-home " + c.system.username
               + "`, or set system.user.uid and gid; then restart the node and "
                 "the servers.");
}

void look_at_machine(findings& out) {
  timex clock{};
  const bool synced = adjtimex(&clock) >= 0 && (clock.status & STA_UNSYNC) == 0;
  if (synced)
    out.good("clock", "the clock is synchronised");
  else
    out.note("clock", "nobody synchronises the clock of this machine",
             "Enable NTP (`timedatectl set-ntp true`): the Panel's links and "
             "tokens carry times.");
  rlimit files{};
  constexpr rlim_t enough = 4'096;
  if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_max < enough)
    out.note("limits",
             "this shell may open " + std::to_string(files.rlim_max) + " files",
             "Give the service LimitNOFILE=65536.");
}

int doctor(const asked_node& asked) {
  const auto all = examine(asked);
  const auto of = [&](const char* level) {
    return std::count_if(all.begin(), all.end(), [&](const json& one) {
      return one.at("level") == level;
    });
  };
  if (asked.as_json) {
    print_json(all);
    return of("bad") > 0 ? failed : done;
  }
  for (const auto& one : all) {
    const auto level = one.at("level").get<std::string>();
    const auto mark = level == "ok"    ? "ok   "
                      : level == "bad" ? "BAD  "
                                       : "warn ";
    print(mark + one.at("area").get<std::string>() + ": "
          + one.at("what").get<std::string>() + "\n");
    if (one.at("to_do").is_string())
      print("     -> " + one.at("to_do").get<std::string>() + "\n");
  }
  const auto warnings = of("warning");
  print(std::to_string(of("bad")) + " bad, " + std::to_string(warnings)
        + (warnings == 1 ? " warning, " : " warnings, ")
        + std::to_string(of("ok")) + " ok\n");
  return of("bad") > 0 ? failed : done;
}

} // namespace

json examine(const asked_node& asked) {
  findings out;
  const auto c = settings_here(asked, out);
  look_at_directories(c, out);
  look_at_mounts(c, out);
  look_at_ledger(c, out);
  look_at_docker(c, out);
  look_at_panel(c, out);
  look_at_user(c, out);
  look_at_stores(c, out);
  look_at_machine(out);
  try {
    look_at_node(asked, c, out);
  } catch (const leave& why) {
    out.bad("node", why.what(),
            "Mend that first: what only the running node knows was not looked "
            "at.");
  }
  return out.all;
}

void add_doctor(CLI::App& app, const reading& line) {
  auto* doctor_command = app.add_subcommand(
      "doctor", "look at everything a node needs, and say what to do");
  line.add_node_options(*doctor_command);
  doctor_command->callback(
      [=] { line.runs([=] { return doctor(*line.node); }); });
}

} // namespace alula::app::cli
