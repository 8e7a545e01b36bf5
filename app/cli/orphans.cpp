#include "app/cli/orphans.hpp"

#include "jobs/ascii.hpp"
#include "jobs/ids.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <memory>
#include <netinet/in.h>
#include <string_view>
#include <unistd.h>
#include <utility>

namespace alula::app::cli {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t id_length = 36;

/// Not of any job: the mark of the ledger, also one that was being written when
/// the node died, and what a file system makes itself.
bool is_furniture(const std::string& name) {
  return name == ".alula-store" || name == ".alula-store.part"
         || name == "lost+found";
}

std::set<std::string> entries_of(const fs::path& directory) {
  std::set<std::string> out;
  std::error_code error;
  for (fs::directory_iterator at{directory, error}, end; !error && at != end;
       at.increment(error))
    if (auto name = at->path().filename().string(); !is_furniture(name))
      out.insert(std::move(name));
  return out;
}

/// The job whose id an entry is named by; empty: no job makes such a name.
std::string job_of(const std::string& name) {
  if (name.size() > id_length && name[id_length] != '.')
    return {};
  const auto id = name.substr(0, id_length);
  return jobs::job_id::parse(id) ? id : std::string{};
}

/// It may have been put away by its job while that was asked for.
bool is_still_there(const fs::path& at) {
  std::error_code error;
  return fs::exists(fs::symlink_status(at, error));
}

/// Two of the same are answered by the same node.
struct origin {
  std::string scheme, host, port;
};

/// Of "http://host:port"; an address in brackets without them, the port of the
/// scheme when none is given. None for a URL with anything more in it.
std::optional<origin> origin_of(const std::string& url) {
  const auto text = jobs::lowered(url);
  const auto scheme = text.substr(0, text.find("://"));
  if ((scheme != "http" && scheme != "https") || scheme == text)
    return std::nullopt;
  auto rest = std::string_view{text}.substr(scheme.size() + 3);
  if (rest.find_first_of("/?#@\\") != std::string_view::npos)
    return std::nullopt;
  const bool has_brackets = rest.starts_with('[');
  const auto end = has_brackets ? rest.find(']') : rest.find(':');
  if (has_brackets && end == std::string_view::npos)
    return std::nullopt;
  origin out{scheme, std::string{rest.substr(0, end)},
             scheme == "https" ? "443" : "80"};
  rest.remove_prefix(std::min(end, rest.size()));
  if (has_brackets) {
    out.host.erase(0, 1);
    rest.remove_prefix(1);
  }
  if (!rest.empty() && !rest.starts_with(':'))
    return std::nullopt;
  if (rest.size() > 1)
    out.port = rest.substr(1);
  return out;
}

/// As the machine calls itself; empty when it does not say.
std::string machine_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0)
    return {};
  return jobs::lowered(name.data());
}

bool is_loopback_v4(const std::string& host) {
  in_addr v4{};
  return ::inet_pton(AF_INET, host.c_str(), &v4) == 1
         && (ntohl(v4.s_addr) >> 24) == 127;
}

/// The addresses that "localhost" leads to.
bool is_localhost(const std::string& host) {
  return host == "localhost" || host == "127.0.0.1" || host == "::1";
}

/// Whether a node that listens on `listens`, of which url_of() makes `own`,
/// answers this machine at `host`.
bool leads_here(const std::string& host, const std::string& own,
                const std::string& listens) {
  if (host == own)
    return true;
  if (listens.empty() || listens == "0.0.0.0" || listens == "::")
    return host == "localhost" || is_loopback_v4(host)
           || (host == "::1" && listens == "::") || host == machine_name();
  // On one address alone: at the same port of the others may be another node.
  return (host == "localhost" && is_localhost(own))
         || (own == "localhost" && is_localhost(host));
}

} // namespace

job_trace trace_in(const reply& answer) {
  constexpr int not_found = 404, not_kept = 410;
  if (answer.status == not_found || answer.status == not_kept)
    return job_trace::unknown;
  if (answer.status != 200)
    return job_trace::untold;
  return answer.body.value("done", false) ? job_trace::ended : job_trace::lives;
}

gone_lookup gone_by_list(server_list list, gone_lookup by_name) {
  struct listed {
    bool is_asked_for = false;
    std::optional<std::set<std::string>> servers;
  };
  return [list = std::move(list), by_name = std::move(by_name),
          kept = std::make_shared<listed>()](const std::string& server) {
    if (!std::exchange(kept->is_asked_for, true))
      kept->servers = list();
    return kept->servers && !kept->servers->contains(server) && by_name(server);
  };
}

bool is_node_here(const found_node& asked, const config& here) {
  const auto own_url = url_of(here);
  if (asked.own_address || asked.url == own_url)
    return true;
  const auto at = origin_of(asked.url), own = origin_of(own_url);
  return at && own && at->scheme == own->scheme && at->port == own->port
         && leads_here(at->host, own->host, here.api.host);
}

bool look_at_volumes(const fs::path& volumes, const gone_lookup& is_gone,
                     findings& out) {
  bool clean = true;
  for (const auto& name : entries_of(volumes)) {
    const auto at = volumes / name;
    if (!jobs::server_id::parse(name) || !is_gone(name) || !is_still_there(at))
      continue;
    clean = false;
    out.note("orphans", "the files of " + name + " belong to no server",
             "Register the server again, or remove " + at.string() + ".");
  }
  return clean;
}

bool look_at_trash(const fs::path& trash, const job_lookup& ask,
                   findings& out) {
  bool clean = true;
  const auto names = entries_of(trash);
  for (const auto& name : names) {
    const auto job = job_of(name);
    // What stands beside an entry goes with it.
    if (job.empty() || (name != job && names.contains(job)))
      continue;
    const auto at = trash / name;
    if (ask(job) != job_trace::unknown || !is_still_there(at))
      continue;
    clean = false;
    out.note("orphans", "no job on record has put " + name + " in the trash",
             "Nothing will purge it. Look whose files they are (`ls -la "
                 + at.string() + "`), then remove " + at.string()
                 + ", or move them where they belong.");
  }
  for (const auto& name : names) {
    if (!job_of(name).empty())
      continue;
    clean = false;
    out.note("orphans", name + " in the trash is not alula's",
             "No job makes such a name, so nothing will purge it: move "
                 + (trash / name).string() + " away, or remove it.");
  }
  return clean;
}

bool look_at_staging(const fs::path& staging, const job_lookup& ask,
                     findings& out) {
  bool clean = true;
  for (const auto& name : entries_of(staging)) {
    const auto job = job_of(name);
    const auto trace = job.empty() ? job_trace::unknown : ask(job);
    const auto at = staging / name;
    if (trace == job_trace::lives || trace == job_trace::untold
        || !is_still_there(at))
      continue;
    clean = false;
    if (trace == job_trace::ended)
      out.note("orphans", "a restore left " + name + " in the staging",
               "The node removes it when it next looks through the backups "
               "(`backup.scan`, also at its start); if it stays, remove "
                   + at.string() + ".");
    else
      out.note("orphans",
               "no job on record has put " + name + " in the staging",
               "It is no server's: remove " + at.string() + ".");
  }
  return clean;
}

bool look_at_containers(jobs::containers& docker, const gone_lookup& is_gone,
                        findings& out) {
  constexpr auto label = "alula.server";
  const auto all = docker.list({});
  if (!all)
    return true; // the look at Docker has said so
  bool clean = true;
  for (const auto& one : *all) {
    const auto found = one.labels.find(label);
    if (found == one.labels.end() || !jobs::server_id::parse(found->second)
        || !is_gone(found->second))
      continue;
    // A delete that was under way takes it before it lets go of the server.
    const auto still = docker.inspect(one.id);
    if (!still || !*still)
      continue;
    clean = false;
    out.note("orphans",
             "the container " + one.name + " ("
                 + (one.running ? "running" : one.status) + ") is of server "
                 + found->second + ", which is not registered",
             "If another alula uses this dockerd, leave it be. Else register "
             "the server again, or `docker rm -fv "
                 + one.name + "`.");
  }
  return clean;
}

} // namespace alula::app::cli
