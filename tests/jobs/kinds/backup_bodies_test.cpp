// What clients may send to the jobs about backups, and what they must not.
#include "tests/jobs/kinds/backup_world.hpp"

using namespace alula::jobs;
using json = nlohmann::json;

namespace {

const std::vector<const kind*> backup_kinds{
    &create_backup, &restore_backup, &undo_restore, &remove_replaced,
    &delete_backup, &verify_backup,  &index_backup, &rotate_backups};

const std::string first_backup = backup_world::backup(1).to_string();

fault refusal(backup_world& w, const kind& k, const std::string& body) {
  INFO(k.name << " " << body.substr(0, 200));
  const auto draft = w.read(k, body);
  REQUIRE_FALSE(draft);
  return draft.error();
}

fault refusal(backup_world& w, const kind& k, const json& body) {
  return refusal(w, k, body.dump());
}

std::string pointer_of(const fault& why) {
  CHECK(why.code == fault_code::validation);
  REQUIRE(why.fields.size() == 1);
  CHECK_FALSE(why.fields[0].detail.empty());
  return why.fields[0].pointer;
}

} // namespace

TEST_CASE("what is not a JSON object is malformed", "[kinds]") {
  backup_world w;
  for (const auto* k : backup_kinds)
    for (const std::string& body :
         {std::string{"["}, std::string{"[]"}, std::string{"7"},
          std::string{"\"\xff\""}, std::string{"{\"a\":\"\xc3\x28\"}"},
          std::string{"{} {}"}, std::string{"{\0}", 3},
          std::string(100'000, '[')})
      CHECK(refusal(w, *k, body).code == fault_code::malformed);
}

TEST_CASE("a wrong id is pointed at", "[kinds]") {
  backup_world w;
  const std::vector<json> wrong_ids{json(),
                                    7,
                                    "",
                                    "x",
                                    "../../../etc/passwd",
                                    json::array(),
                                    json::object(),
                                    "0B5D3B1E-1111-4C3C-9D4F-000000000001",
                                    first_backup + "/..",
                                    first_backup + '\0',
                                    std::string(1 << 20, 'a'),
                                    true};
  for (const auto& id : wrong_ids) {
    CHECK(pointer_of(
              refusal(w, create_backup, {{"adapter", "wings"}, {"uuid", id}}))
          == "/uuid");
    CHECK(pointer_of(refusal(w, restore_backup,
                             {{"adapter", "wings"}, {"backup", id}}))
          == "/backup");
    for (const auto* k : {&delete_backup, &verify_backup, &index_backup})
      CHECK(pointer_of(refusal(w, *k, {{"backup", id}})) == "/backup");
    for (const auto* k : {&undo_restore, &remove_replaced})
      CHECK(pointer_of(refusal(w, *k, {{"restore", id}})) == "/restore");
  }
}

TEST_CASE("fields of a backup are checked", "[kinds]") {
  backup_world w;
  const json good{
      {"adapter", "wings"}, {"uuid", first_backup}, {"ignore", "*.log"}};
  REQUIRE(w.read(create_backup, good.dump()));
  const auto with = [&](const char* field, json value) {
    auto body = good;
    body[field] = std::move(value);
    return body;
  };
  CHECK(pointer_of(refusal(w, create_backup, with("adapter", "ftp")))
        == "/adapter");
  CHECK(pointer_of(refusal(w, create_backup, with("adapter", 7)))
        == "/adapter");
  CHECK(w.read(create_backup, with("adapter", "s3").dump()));
  CHECK(pointer_of(refusal(w, create_backup, with("adapter", "store")))
        == "/store");
  CHECK(pointer_of(refusal(w, create_backup, with("store", "offsite")))
        == "/store");
  auto to_store = with("adapter", "store");
  to_store["store"] = "offsite";
  CHECK(w.read(create_backup, to_store.dump()));
  to_store["keep_local"] = 1;
  CHECK(pointer_of(refusal(w, create_backup, to_store)) == "/keep_local");
  CHECK(pointer_of(refusal(w, create_backup, with("ignore", 7))) == "/ignore");
  CHECK(pointer_of(
            refusal(w, create_backup, with("ignore", std::string(65'537, '#'))))
        == "/ignore");
  CHECK(w.read(create_backup, with("ignore", std::string(65'536, '#')).dump()));
  CHECK(w.read(create_backup, with("ignore", nullptr).dump()));
  CHECK(
      pointer_of(refusal(w, create_backup, with("exclude_denied_files", "yes")))
      == "/exclude_denied_files");
}

TEST_CASE("fields of a restore are checked", "[kinds]") {
  backup_world w;
  const json good{{"adapter", "wings"}, {"backup", first_backup}};
  REQUIRE(w.read(restore_backup, good.dump()));
  const auto with = [&](const char* field, json value) {
    auto body = good;
    body[field] = std::move(value);
    return body;
  };
  // As Wings answers them: 400.
  CHECK(refusal(w, restore_backup, with("adapter", "ftp")).code
        == fault_code::malformed);
  CHECK(refusal(w, restore_backup, {{"backup", first_backup}}).code
        == fault_code::malformed);
  CHECK(refusal(w, restore_backup, with("adapter", "s3")).code
        == fault_code::malformed); // no download_url
  CHECK(pointer_of(refusal(w, restore_backup, with("truncate_directory", 1)))
        == "/truncate_directory");
  CHECK(pointer_of(refusal(w, restore_backup, with("paths", "world")))
        == "/paths");
  CHECK(pointer_of(refusal(w, restore_backup, with("paths", json::array())))
        == "/paths");
  CHECK(pointer_of(refusal(w, restore_backup,
                           with("paths", json::array({"world", 7}))))
        == "/paths/1");
  for (const json& path : {json(""), json(std::string(4'097, 'a')),
                           json(std::string{"a\0b", 3}), json(json::array())})
    CHECK(pointer_of(
              refusal(w, restore_backup, with("paths", json::array({path}))))
          == "/paths/0");
  CHECK(pointer_of(refusal(w, restore_backup,
                           with("paths", std::vector<std::string>(1'001, "a"))))
        == "/paths");
  auto both = with("paths", json::array({"world"}));
  both["truncate_directory"] = true;
  CHECK(pointer_of(refusal(w, restore_backup, both)) == "/truncate_directory");
  // The same in base64: "a\xff", which no JSON can hold.
  CHECK(w.read(restore_backup, with("paths64", json::array({"Yf8="})).dump()));
  CHECK(pointer_of(refusal(w, restore_backup, with("paths64", "Yf8=")))
        == "/paths64");
  CHECK(pointer_of(refusal(w, restore_backup, with("paths64", json::array())))
        == "/paths64");
  for (const json& path :
       {json(""), json("Yf8"), json("Y*8="), json("AGE="),
        // Bits of no byte are left over in these two.
        json("QR=="), json("Yf9="), json(std::string(5'464, 'A')), json(7)})
    CHECK(pointer_of(
              refusal(w, restore_backup, with("paths64", json::array({path}))))
          == "/paths64/0");
  both = with("paths64", json::array({"Yf8="}));
  both["truncate_directory"] = true;
  CHECK(pointer_of(refusal(w, restore_backup, both)) == "/truncate_directory");
}

TEST_CASE("jobs that need a server are refused without one", "[kinds]") {
  backup_world w;
  const auto code_of = [&](const kind& k, const json& body) {
    const auto draft = w.read(k, body.dump(), false);
    REQUIRE_FALSE(draft);
    return draft.error().code;
  };
  const auto restore = make_job_id(w.now);
  CHECK(
      code_of(restore_backup, {{"adapter", "wings"}, {"backup", first_backup}})
      == fault_code::server_not_found);
  CHECK(code_of(undo_restore, {{"restore", restore.view()}})
        == fault_code::server_not_found);
  CHECK(code_of(rotate_backups, {{"policy", {{"keep_last", 1}}}})
        == fault_code::server_not_found);
  CHECK(code_of(create_backup, {{"adapter", "wings"}, {"uuid", first_backup}})
        == fault_code::server_not_found);
}

TEST_CASE("odd configurations of a server stop no backup", "[kinds]") {
  backup_world w;
  for (const auto* config :
       {"", "null", "[]", R"({"settings":[]})", R"({"settings":{"egg":[]}})",
        R"({"settings":{"egg":{"file_denylist":{"a":1}}}})",
        R"({"settings":{"build":[],"egg":7}})",
        R"({"settings":{"build":{"disk_space":"much"}}})",
        R"({"settings":{"build":{"disk_space":-5}}})"}) {
    w.server.config = config;
    INFO(config);
    CHECK(w.read(create_backup, json{{"adapter", "wings"},
                                     {"uuid", first_backup},
                                     {"exclude_denied_files", true}}
                                    .dump()));
    const auto restore =
        w.read(restore_backup,
               json{{"adapter", "wings"}, {"backup", first_backup}}.dump());
    REQUIRE(restore);
    CHECK(json::parse(restore->input).at("quota") == 0);
  }
}
