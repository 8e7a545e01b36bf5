// Every field that the description of the API names is given every type there
// is, over a real connection. A route that is new is held to it as soon as it
// is described.
#include "http/server.hpp"
#include "http/socket_hub.hpp"
#include "tests/doubles/raw_client.hpp"
#include "tests/http/backup_world.hpp"
#include "tests/http/systems_world.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cctype>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace alula;
using namespace alula::http;
using doubles::raw_answer;
using doubles::raw_client;

namespace {

// -- the door -----------------------------------------------------------------

/// A node on which whatever a path names is there, so that bodies are read.
struct described_door : backup_world {
  described_door() {
    engine.reads_requests = true;
    engine.ticket = {job, jobs::accept_outcome::created};
    jobs::summary::pool pool;
    pool.name = "backup";
    engine.counters.pools.push_back(pool);
    processes.put(jobs::server_id::parse(some_server).value(),
                  jobs::process_state::running);

    api_settings settings;
    settings.check_node = [](const std::string&) { return jobs::status{}; };
    auto all = all_parts(std::move(settings));
    all.deny_tokens = make_deny_handler(hub, engine);
    all.deauthorize = make_deauthorize_handler(hub);
    all.systems.records = &records;
    all.systems.put = [](const jobs::put_system&, const auto& done) {
      done(jobs::status{});
    };
    server_settings how;
    how.port = 0;
    how.token = "secret";
    how.limits.keyed_requests_per_second = 0;
    door = std::make_unique<server>(std::move(how),
                                    http::make_routes(std::move(all)));
    if (const auto started = door->start(); !started)
      throw std::runtime_error{started.error().what};
  }
  ~described_door() { door.reset(); }

  /// Nothing when the door has ended the connection instead.
  std::optional<raw_answer> tell(const std::string& method,
                                 const std::string& target,
                                 const std::string& body = {}) {
    if (!peer)
      peer.emplace(door->port());
    auto answer = peer->ask(method + " " + target
                            + " HTTP/1.1\r\nHost: node\r\n"
                              "Authorization: Bearer secret\r\n"
                              "Content-Length: "
                            + std::to_string(body.size()) + "\r\n\r\n" + body);
    if (!answer || equal_ignoring_case(answer->header("Connection"), "close"))
      peer.reset();
    return answer;
  }

  /// The path of the description with things that are there.
  std::string address_of(std::string path) const {
    const std::map<std::string, std::string> known{
        {"server", some_server}, {"backup", some_backup},
        {"pool", "backup"},      {"system", "d1c1"},
        {"place", "local"},      {"job", job->record().id.to_string()}};
    for (auto from = path.find('{'); from != std::string::npos;
         from = path.find('{')) {
      const auto name = path.substr(from + 1, path.find('}') - from - 1);
      INFO(path << " needs a value for " << name);
      REQUIRE(known.contains(name));
      path.replace(from, name.size() + 2, known.at(name));
    }
    return path;
  }

  const jobs::job_view_ptr job =
      engine.put(ended(make_job(), job_state::succeeded));
  std::shared_ptr<doubles::fake_store> store =
      std::make_shared<doubles::fake_store>();
  failing_records records{store};
  socket_hub hub{
      {"key", "https://panel.example", {}}, {.own_thread = false}, clock};
  std::unique_ptr<server> door;
  std::optional<raw_client> peer;
};

// -- the description ----------------------------------------------------------

struct operation {
  std::string method, path;
  json schema; ///< of its JSON body
};

struct field {
  std::string pointer;
  std::set<std::string> types; ///< none: all are allowed
};

class description {
public:
  explicit description(const std::string& text) : whole_(json::parse(text)) {}

  std::vector<operation> operations() const {
    std::vector<operation> out;
    for (const auto& [path, methods] : whole_.at("paths").items())
      for (const auto& [method, how] : methods.items()) {
        if (!how.contains("requestBody"))
          continue;
        const auto content = resolve(how.at("requestBody")).at("content");
        if (!content.contains("application/json"))
          continue;
        std::string name;
        for (const char c : method)
          name += static_cast<char>(std::toupper(c));
        out.push_back(
            {name, path, resolve(content.at("application/json").at("schema"))});
      }
    return out;
  }

  /// All members, with those of members and one item of each list.
  std::vector<field> fields_of(const json& schema,
                               const std::string& inside = {}) const {
    std::vector<field> out;
    const auto members = members_of(schema);
    for (const auto& [name, raw] : members.items()) {
      const auto member = resolve(raw);
      const auto pointer = inside + '/' + name;
      out.push_back({pointer, types_of(member)});
      if (member.contains("items"))
        out.push_back({pointer + "/0", types_of(resolve(member.at("items")))});
      const auto inner = fields_of(member, pointer);
      out.insert(out.end(), inner.begin(), inner.end());
    }
    return out;
  }

  /// What is required, with values that are allowed.
  json good_body(const json& schema) const {
    auto out = json::object();
    const auto members = members_of(schema);
    for (const auto& name : schema.value("required", json::array()))
      out[name.get<std::string>()] =
          good_value(resolve(members.at(name.get<std::string>())));
    return out;
  }

private:
  json resolve(json thing) const {
    while (thing.is_object() && thing.contains("$ref"))
      thing = json(whole_.at(
          json::json_pointer{thing.at("$ref").get<std::string>().substr(1)}));
    return thing;
  }
  static json members_of(const json& schema) {
    return schema.value("properties", json::object());
  }
  static std::set<std::string> types_of(const json& schema) {
    const auto type = schema.find("type");
    if (type == schema.end())
      return {};
    if (type->is_string())
      return {type->get<std::string>()};
    return type->get<std::set<std::string>>();
  }
  json good_value(const json& schema) const {
    for (const auto* choice : {"enum", "x-extensible-enum"})
      if (schema.contains(choice))
        return schema.at(choice).at(0);
    const auto types = types_of(schema);
    const auto format = schema.value("format", std::string{});
    if (types.contains("string"))
      return format == "uuid"  ? some_server
             : format == "uri" ? "https://node.example/api/transfers"
                               : "text";
    if (types.contains("integer"))
      return schema.value("minimum", 1);
    if (types.contains("boolean"))
      return false;
    if (types.contains("array"))
      return json::array({good_value(resolve(schema.at("items")))});
    return good_body(schema);
  }

  const json whole_;
};

// -- what is sent -------------------------------------------------------------

struct sample {
  std::string text;
  std::set<std::string> types; ///< none: no JSON that is read at all
};

std::vector<sample> samples() {
  constexpr int deep = 2'000;
  std::string objects;
  for (int i = 0; i < deep; ++i)
    objects += R"({"a":)";
  return {{"null", {"null"}},
          {"true", {"boolean"}},
          {"1", {"integer", "number"}},
          {"1.5", {"number"}},
          {"123456789012345678901234567890", {"number"}},
          {R"("text")", {"string"}},
          {"[]", {"array"}},
          {R"([{"a":[1]}])", {"array"}},
          {"{}", {"object"}},
          {R"({"a":{"b":[1]}})", {"object"}},
          {"1e400", {}},
          {std::string(deep, '[') + std::string(deep, ']'), {}},
          {objects + "1" + std::string(deep, '}'), {}}};
}

/// The body with the text in the place of that field.
std::string with_field(json body, const std::string& pointer,
                       const std::string& text) {
  const std::string mark = "here it goes";
  body[json::json_pointer{pointer}] = mark;
  auto out = body.dump();
  return out.replace(out.find('"' + mark + '"'), mark.size() + 2, text);
}

bool is_allowed(const field& where, const sample& given) {
  // Absent and null are the same (wings-protocol 1.7).
  return where.types.empty() || given.types.contains("null")
         || std::ranges::any_of(given.types, [&](const auto& type) {
              return where.types.contains(type);
            });
}

/// Whether the answer says which field it is: by a pointer to it or into it,
/// or to its list. The API of systems has a form of its own, with names.
bool names(const raw_answer& answer, const std::string& pointer) {
  const auto body = json::parse(answer.body, nullptr, false);
  const auto name = pointer.substr(pointer.rfind('/') + 1);
  if (!answer.header("Content-Type").starts_with("application/problem+json"))
    return answer.body.find('"' + name + '"') != std::string::npos;
  if (!body.is_object() || !body.contains("errors"))
    return false;
  for (const auto& one : body.at("errors")) {
    const auto told = one.at("pointer").get<std::string>();
    if (told == pointer || told.starts_with(pointer + '/')
        || (name == "0" && told + "/0" == pointer))
      return true;
  }
  return false;
}

/// Empty when the answer is right.
std::string fault_of(const std::optional<raw_answer>& answer,
                     const field& where, const sample& given) {
  if (!answer)
    return "no answer";
  const auto status = std::to_string(answer->status);
  if (answer->status >= 500)
    return status + " " + answer->body;
  if (is_allowed(where, given))
    return {};
  if (answer->status < 400)
    return "is taken: " + status;
  if (given.types.empty() || names(*answer, where.pointer))
    return {};
  return "is not named: " + status + " " + answer->body;
}

} // namespace

TEST_CASE("no field of a described body takes a type that is not its own",
          "[http][door]") {
  described_door w;
  const auto told = w.tell("GET", "/api/openapi.json");
  REQUIRE(told);
  REQUIRE(told->status == 200);
  const description api{told->body};
  std::vector<std::string> wrong;
  const auto all = api.operations();
  CHECK(all.size() >= 18);
  for (const auto& one : all) {
    const auto target = w.address_of(one.path);
    const auto good = api.good_body(one.schema);
    for (const auto& where : api.fields_of(one.schema))
      for (const auto& given : samples()) {
        const auto why =
            fault_of(w.tell(one.method, target,
                            with_field(good, where.pointer, given.text)),
                     where, given);
        if (!why.empty())
          wrong.push_back(one.method + " " + one.path + " " + where.pointer
                          + " = " + given.text.substr(0, 40) + ": "
                          + why.substr(0, 300));
      }
  }
  CHECK(wrong == std::vector<std::string>{});
  CHECK(w.tell("GET", "/healthz")->status == 200);
}

TEST_CASE("no described route falls over a body that is no object",
          "[http][door]") {
  described_door w;
  const description api{w.tell("GET", "/api/openapi.json")->body};
  std::vector<std::string> wrong;
  for (const auto& one : api.operations())
    for (const auto& given : samples()) {
      const auto answer =
          w.tell(one.method, w.address_of(one.path), given.text);
      if (!answer || answer->status >= 500)
        wrong.push_back(one.method + " " + one.path + " "
                        + given.text.substr(0, 40) + ": "
                        + (answer ? std::to_string(answer->status) : "none"));
    }
  CHECK(wrong == std::vector<std::string>{});
  CHECK(w.tell("GET", "/healthz")->status == 200);
}
