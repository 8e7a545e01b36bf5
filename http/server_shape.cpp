#include "http/server_shape.hpp"

#include "http/text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <limits>

namespace alula::http {

namespace {

using json = nlohmann::json;

// -- the table ----------------------------------------------------------------

constexpr std::int64_t any = std::numeric_limits<std::int32_t>::max();

constexpr member meta[]{{"name", shape::text}, {"description", shape::text}};

// Megabytes, percent, and Docker's blkio weight; 0 leaves it to Docker.
constexpr member build[]{{"memory_limit", shape::integer, 0, any},
                         {"swap", shape::integer, -1, any},
                         {"io_weight", shape::integer, 0, 1'000},
                         {"cpu_limit", shape::integer, 0, any},
                         {"threads", shape::text},
                         {"disk_space", shape::integer, 0, any},
                         {"oom_disabled", shape::flag}};

constexpr member container[]{{"image", shape::text},
                             {"oom_disabled", shape::flag},
                             {"requires_rebuild", shape::flag}};

constexpr member default_address[]{{"ip", shape::text},
                                   {"port", shape::integer, 0, 65'535}};

constexpr member allocations[]{
    {"force_outgoing_ip", shape::flag},
    {"default", shape::object, 0, 0, default_address},
    {"mappings", shape::ports}};

constexpr member mount[]{{"source", shape::name, 0, 0, {}, true},
                         {"target", shape::name, 0, 0, {}, true},
                         {"read_only", shape::flag}};

constexpr member egg[]{{"id", shape::text}, {"file_denylist", shape::texts}};

constexpr member settings[]{{"uuid", shape::name},
                            {"meta", shape::object, 0, 0, meta},
                            {"suspended", shape::flag},
                            {"environment", shape::scalars},
                            {"invocation", shape::text},
                            {"skip_egg_scripts", shape::flag},
                            {"build", shape::object, 0, 0, build},
                            {"container", shape::object, 0, 0, container},
                            {"allocations", shape::object, 0, 0, allocations},
                            {"mounts", shape::objects, 0, 0, mount},
                            {"egg", shape::object, 0, 0, egg},
                            {"labels", shape::labels},
                            {"crash_detection_enabled", shape::flag}};

constexpr member startup[]{{"done", shape::texts},
                           {"user_interaction", shape::texts},
                           {"strip_ansi", shape::flag}};

// "" and "stop" are the node's own additions.
constexpr std::string_view stop_types[]{"command", "signal", "stop", ""};
constexpr member stop[]{{"type", shape::text, 0, 0, {}, false, stop_types},
                        {"value", shape::text}};

constexpr std::string_view parsers[]{"file", "yaml", "yml", "properties",
                                     "ini",  "json", "xml"};
// Old eggs say `value` instead of `replace_with`.
constexpr member replacement[]{{"match", shape::name, 0, 0, {}, true},
                               {"if_value", shape::text},
                               {"replace_with", shape::scalar},
                               {"value", shape::scalar}};
constexpr member config_file[]{
    {"parser", shape::name, 0, 0, {}, true, parsers},
    {"file", shape::name, 0, 0, {}, true},
    {"replace", shape::objects, 0, 0, replacement, true}};

constexpr member process[]{{"startup", shape::object, 0, 0, startup},
                           {"stop", shape::object, 0, 0, stop},
                           {"configs", shape::objects, 0, 0, config_file}};

// -- holding a value against it -----------------------------------------------

class conformer {
public:
  explicit conformer(std::vector<jobs::field_error>& errors)
    : errors_(errors) {}

  json object(const json& in, std::span<const member> members,
              const std::string& at) {
    if (!in.is_object())
      return reject(at, "must be an object");
    json out = json::object();
    for (const auto& item : in.items()) {
      const auto* known = find(members, item.key());
      if (known == nullptr)
        out[item.key()] = item.value();
      else if (!item.value().is_null())
        out[std::string{known->name}] =
            one(item.value(), *known, at + "/" + escape_pointer(item.key()));
    }
    for (const auto& m : members)
      if (m.required && !out.contains(m.name))
        reject(at + "/" + std::string{m.name}, "is required");
    return out;
  }

private:
  static const member* find(std::span<const member> members,
                            std::string_view key) {
    for (const auto& m : members)
      if (equal_ignoring_case(m.name, key))
        return &m;
    return nullptr;
  }

  json reject(const std::string& pointer, std::string detail) {
    if (errors_.size() < max_field_errors)
      errors_.push_back({pointer, std::move(detail)});
    return nullptr;
  }

  json one(const json& in, const member& m, const std::string& at) {
    switch (m.is) {
    case shape::text:
    case shape::name:
      return text(in, m, at);
    case shape::flag:
      return in.is_boolean() ? in : reject(at, "must be true or false");
    case shape::integer:
      return integer(in, m.least, m.most, at);
    case shape::scalar:
      return is_scalar(in) ? in
                           : reject(at, "must be a string, number or boolean");
    case shape::texts:
      return each(in, at, [this](const json& item, const std::string& where) {
        return item.is_string() ? item : reject(where, "must be a string");
      });
    case shape::objects:
      return each(in, at, [&](const json& item, const std::string& where) {
        return object(item, m.inside, where);
      });
    case shape::object:
      return object(in, m.inside, at);
    case shape::scalars:
    case shape::labels:
    case shape::ports:
      return map(in, m.is, at);
    }
    return in;
  }

  static bool is_scalar(const json& in) {
    return in.is_string() || in.is_number() || in.is_boolean();
  }

  json text(const json& in, const member& m, const std::string& at) {
    if (!in.is_string())
      return reject(at, "must be a string");
    const auto& value = in.get_ref<const std::string&>();
    if (m.is == shape::name && value.empty())
      return reject(at, "must not be empty");
    if (m.words.empty() || std::ranges::find(m.words, value) != m.words.end())
      return in;
    std::string list;
    for (const auto word : m.words)
      list += (list.empty() ? "\"" : ", \"") + std::string{word} + '"';
    return reject(at, "must be one of " + list);
  }

  json integer(const json& in, std::int64_t least, std::int64_t most,
               const std::string& at) {
    // An unsigned number above the signed range reads as a negative one.
    const bool fits =
        in.is_number_integer()
        && (!in.is_number_unsigned()
            || in.get<std::uint64_t>() <= static_cast<std::uint64_t>(most));
    if (fits && in.get<std::int64_t>() >= least
        && in.get<std::int64_t>() <= most)
      return in;
    return reject(at, "must be an integer from " + std::to_string(least)
                          + " to " + std::to_string(most));
  }

  template<class Check>
  json each(const json& in, const std::string& at, Check check) {
    if (!in.is_array())
      return reject(at, "must be a list");
    json out = json::array();
    for (std::size_t i = 0; i < in.size(); ++i)
      out.push_back(check(in[i], at + "/" + std::to_string(i)));
    return out;
  }

  json map(const json& in, shape of, const std::string& at) {
    if (!in.is_object())
      return reject(at, "must be an object");
    json out = json::object();
    for (const auto& [key, value] : in.items())
      out[key] = entry(value, of, at + "/" + escape_pointer(key));
    return out;
  }

  json entry(const json& in, shape of, const std::string& at) {
    if (of == shape::ports)
      return each(in, at, [this](const json& port, const std::string& where) {
        return integer(port, 1, 65'535, where);
      });
    if (of == shape::labels)
      return in.is_string() ? in : reject(at, "must be a string");
    return in.is_null() || is_scalar(in)
               ? in
               : reject(at, "must be a string, number, boolean or null");
  }

  std::vector<jobs::field_error>& errors_;
};

} // namespace

std::span<const member> settings_shape() {
  return settings;
}

std::span<const member> process_shape() {
  return process;
}

json conform(const json& value, std::span<const member> members,
             const std::string& pointer,
             std::vector<jobs::field_error>& errors) {
  return conformer{errors}.object(value, members, pointer);
}

} // namespace alula::http
