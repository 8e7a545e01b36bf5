#include "remote/s3_stores.hpp"

#include <cstdlib>
#include <fstream>
#include <utility>

namespace alula::remote {

namespace {

std::string trim(std::string text) {
  const auto first = text.find_first_not_of(" \t\r");
  const auto last = text.find_last_not_of(" \t\r");
  return first == std::string::npos ? "" : text.substr(first, last - first + 1);
}

std::string variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value ? value : "";
}

jobs::result<s3_keys> keys_in(const s3_key_source& from) {
  std::ifstream file{from.file};
  if (!file)
    return jobs::fault{.code = jobs::fault_code::io_error,
                       .what = "the keys of a store cannot be read",
                       .where = from.file};
  s3_keys keys;
  bool is_mine = false;
  for (std::string line; std::getline(file, line);) {
    line = trim(line);
    if (line.starts_with('[')) {
      is_mine = line == "[" + from.profile + "]";
      continue;
    }
    const auto equals = line.find('=');
    if (!is_mine || equals == std::string::npos)
      continue;
    const auto name = trim(line.substr(0, equals));
    auto value = trim(line.substr(equals + 1));
    if (name == "aws_access_key_id")
      keys.access = std::move(value);
    else if (name == "aws_secret_access_key")
      keys.secret = std::move(value);
    else if (name == "aws_session_token")
      keys.session = std::move(value);
  }
  return keys;
}

} // namespace

jobs::result<s3_keys> read_s3_keys(const s3_key_source& from) {
  s3_keys keys{from.access, from.secret, {}};
  std::string place = "access_key";
  if (keys.access.empty() && !from.file.empty()) {
    auto read = keys_in(from);
    if (!read)
      return read;
    keys = *std::move(read);
    place = from.file + ", [" + from.profile + "]";
  } else if (keys.access.empty()) {
    keys = {variable(from.environment + "_ACCESS_KEY_ID"),
            variable(from.environment + "_SECRET_ACCESS_KEY"),
            variable(from.environment + "_SESSION_TOKEN")};
    place = from.environment + "_ACCESS_KEY_ID";
  }
  if (keys.access.empty() || keys.secret.empty())
    return jobs::fault{.code = jobs::fault_code::validation,
                       .what = "a store has no access key or no secret key",
                       .where = place};
  return keys;
}

s3_stores::s3_stores(std::vector<s3_settings> settings,
                     const jobs::clock& clock) {
  for (auto& one : settings)
    stores_.push_back(std::make_unique<s3_store>(std::move(one), clock));
}

jobs::object_store* s3_stores::find(std::string_view name) {
  for (const auto& store : stores_)
    if (store->name() == name)
      return store.get();
  return nullptr;
}

std::vector<std::string> s3_stores::names() const {
  std::vector<std::string> out;
  for (const auto& store : stores_)
    out.push_back(store->name());
  return out;
}

} // namespace alula::remote
