// What people type and read in place of a whole id.
#include "app/cli/commands.hpp"
#include "app/cli/terminal.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace alula::app::cli {

namespace {

constexpr std::size_t uuid_length = 36;

struct candidate {
  std::string id;
  std::string about; ///< for people, may be empty
};

/// The one whose id begins so, or that is meant by a name.
std::string the_one_of(const std::vector<candidate>& fit,
                       const std::string& what, const std::string& nobody,
                       const std::string& more_than_one) {
  if (fit.size() == 1)
    return fit.front().id;
  if (fit.empty())
    throw leave{not_found, nobody};
  constexpr std::size_t most_named = 20;
  std::string all;
  for (std::size_t i = 0; i < std::min(fit.size(), most_named); ++i)
    all +=
        "\n  " + fit[i].id + (fit[i].about.empty() ? "" : "  " + fit[i].about);
  if (fit.size() > most_named)
    all += "\n  and more";
  throw leave{usage, "\"" + what + "\" fits more than one " + more_than_one
                         + ":" + all};
}

/// Shorter ones are those of all jobs of a day, whose ids begin with their
/// time; an empty one, of a script's variable that nobody set, is of
/// everything.
bool is_beginning(const std::string& text) {
  constexpr std::size_t fewest = 8;
  return text.size() >= fewest && text.size() <= uuid_length
         && std::ranges::all_of(text, [](char c) {
              return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')
                     || c == '-';
            });
}

void expect_beginning(const std::string& text, const std::string& thing,
                      const std::string& id) {
  if (!is_beginning(text))
    throw leave{usage, thing + " is named by " + id
                           + ", or by the first 8 or more characters of it: \""
                           + text + "\" is neither"};
}

} // namespace

std::string find_server(client& node, const std::string& what) {
  if (what.size() == uuid_length)
    return what;
  if (what.empty())
    throw leave{usage, "a server is named by its uuid, the first 8 or more "
                       "characters of it, or its name: \"\" is none of them"};
  std::vector<candidate> fit;
  const bool may_begin = is_beginning(what);
  for (const auto& server : node.get("/api/servers")) {
    const auto& about = server.at("configuration");
    const auto uuid = about.at("uuid").get<std::string>();
    const auto name = about.at("meta").value("name", "");
    if ((may_begin && uuid.starts_with(what)) || name == what)
      fit.push_back({uuid, name});
  }
  return the_one_of(fit, what,
                    may_begin ? "no server's uuid begins with \"" + what
                                    + "\", and none has that name"
                              : "no server has the name \"" + what
                                    + "\"; the beginning of a uuid has 8 or "
                                      "more characters",
                    "server");
}

std::string find_job(client& node, const std::string& what) {
  if (what.size() == uuid_length)
    return what;
  expect_beginning(what, "a job", "its id");
  std::vector<candidate> fit;
  // A server whose uuid begins so has its jobs found, too.
  for (const auto& job : all_pages(node, "/api/jobs?limit=200&q=" + what))
    if (const auto id = job.at("id").get<std::string>(); id.starts_with(what))
      fit.push_back({id, job.at("kind").get<std::string>() + " "
                             + job.at("state").get<std::string>()});
  return the_one_of(fit, what, "no job's id begins with \"" + what + "\"",
                    "job");
}

std::string find_backup(client& node, const std::string& server,
                        const std::string& what) {
  if (what.size() == uuid_length)
    return what;
  expect_beginning(what, "a backup", "its uuid");
  std::vector<candidate> fit;
  for (const auto& one :
       all_pages(node, "/api/servers/" + escaped(server) + "/backup?limit=200"))
    if (const auto uuid = one.at("uuid").get<std::string>();
        uuid.starts_with(what))
      fit.push_back({uuid, "made " + ago_text(one.at("created_at"))});
  return the_one_of(fit, what,
                    "no backup of that server has a uuid that begins with \""
                        + what + "\"",
                    "backup");
}

server_names::server_names(client& node) {
  const auto servers = node.ask("GET", "/api/servers");
  if (servers.status != 200)
    return;
  for (const auto& server : servers.body) {
    const auto& about = server.at("configuration");
    auto name = about.at("meta").value("name", "");
    if (!name.empty())
      by_uuid_[about.at("uuid")] = std::move(name);
  }
}

std::string server_names::of(const std::string& uuid) const {
  constexpr std::size_t enough_to_name_it = 8;
  const auto at = by_uuid_.find(uuid);
  return at == by_uuid_.end()
             ? uuid
             : at->second + " (" + uuid.substr(0, enough_to_name_it) + ")";
}

json all_pages(client& node, const std::string& first) {
  json all = json::array();
  std::string cursor;
  constexpr std::size_t enough = 10'000;
  do {
    const auto page =
        node.get(first + (cursor.empty() ? "" : "&cursor=") + escaped(cursor));
    for (const auto& one : page.at("items"))
      all.push_back(one);
    cursor = text_of(page, "next", "");
  } while (!cursor.empty() && all.size() < enough);
  return all;
}

} // namespace alula::app::cli
