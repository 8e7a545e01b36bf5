#include "jobs/config_files.hpp"

#include <nlohmann/json.hpp>

#include <optional>
#include <utility>

namespace alula::jobs {

namespace {

using json = nlohmann::json;

constexpr std::size_t max_files = 100;
constexpr std::size_t max_replacements = 1'000;

std::optional<std::string> text_of(const json& at) {
  if (at.is_string())
    return at.get<std::string>();
  if (at.is_number() || at.is_boolean()) // PHP makes numbers of such keys
    return at.dump();
  return std::nullopt;
}

std::optional<config_value> value_of(const json& at) {
  using type = config_value::type;
  if (at.is_string())
    return config_value{type::text, at.get<std::string>()};
  if (at.is_number())
    return config_value{type::number, at.dump()};
  if (at.is_boolean())
    return config_value{type::boolean, at.dump()};
  if (at.is_null())
    return config_value{type::null, ""};
  return std::nullopt;
}

std::optional<config_replacement> replacement_of(const json& at) {
  if (!at.is_object() || !at.contains("match"))
    return std::nullopt;
  auto match = text_of(at["match"]);
  if (!match || match->empty())
    return std::nullopt;
  config_replacement read;
  read.match = std::move(*match);
  if (at.contains("if_value") && !at["if_value"].is_null()) {
    auto wanted = text_of(at["if_value"]);
    if (!wanted)
      return std::nullopt;
    read.if_value = std::move(*wanted);
  }
  // Eggs older than Wings say "value".
  const auto* key = at.contains("replace_with") ? "replace_with" : "value";
  if (!at.contains(key))
    return std::nullopt;
  auto with = value_of(at[key]);
  if (!with)
    return std::nullopt;
  read.with = std::move(*with);
  return read;
}

std::vector<config_replacement>
replacements_of(const json& list, const std::string& path, config_plan& plan) {
  std::vector<config_replacement> all;
  if (!list.is_array()) {
    plan.notes.push_back("The replacements for " + path + " are no list.");
    return all;
  }
  std::size_t broken = 0;
  for (const auto& one : list) {
    if (all.size() == max_replacements) {
      plan.notes.push_back("Only the first " + std::to_string(max_replacements)
                           + " replacements for " + path + " are made.");
      break;
    }
    if (auto read = replacement_of(one))
      all.push_back(std::move(*read));
    else
      ++broken;
  }
  if (broken > 0)
    plan.notes.push_back(std::to_string(broken) + " of the replacements for "
                         + path
                         + " cannot be understood: each needs a \"match\" and "
                           "a \"replace_with\" that is no list or object.");
  return all;
}

void read_file(const json& at, config_plan& plan) {
  const auto has_text = [&](const char* key) {
    return at.is_object() && at.contains(key) && at[key].is_string()
           && !at[key].get_ref<const std::string&>().empty();
  };
  if (!has_text("file") || !has_text("parser") || !at.contains("replace")) {
    plan.notes.emplace_back("The egg names a configuration file without "
                            "\"file\", \"parser\" or \"replace\".");
    return;
  }
  config_file read;
  read.path = at["file"].get<std::string>();
  read.parser = at["parser"].get<std::string>();
  read.replacements = replacements_of(at["replace"], read.path, plan);
  plan.files.push_back(std::move(read));
}

} // namespace

config_plan read_config_plan(std::string_view configs_json) {
  config_plan plan;
  const auto list = json::parse(configs_json, nullptr, false);
  if (list.is_null())
    return plan;
  if (!list.is_array()) {
    plan.notes.emplace_back(
        "The egg's list of configuration files is no list.");
    return plan;
  }
  for (const auto& one : list) {
    if (plan.files.size() == max_files) {
      plan.notes.push_back("Only the first " + std::to_string(max_files)
                           + " configuration files are rewritten.");
      break;
    }
    read_file(one, plan);
  }
  return plan;
}

} // namespace alula::jobs
