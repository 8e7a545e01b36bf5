#include "http/json_body.hpp"

#include "http/text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace alula::http {

namespace {

using json = nlohmann::json;

/// Deeper than any body of ours; keeps hostile nesting cheap.
constexpr int max_depth = 64;
constexpr std::size_t max_errors = 100;

jobs::fault malformed(std::string what) {
  return {jobs::fault_code::malformed, std::move(what)};
}

/// nlohmann's sentence without its own number in front.
std::string explain(const json::exception& e) {
  const std::string_view what{e.what()};
  const auto end = what.find("] ");
  return std::string{end == std::string_view::npos ? what
                                                   : what.substr(end + 2)};
}

struct extent {
  std::size_t size; ///< of the first value; all of the text when it never ends
  int depth;
};

/// Where the object at the start of `text` ends, and how deep it goes, without
/// judging it: what follows the first value is ignored.
extent measure(std::string_view text) {
  int open = 0, deepest = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\')
        ++i;
      else if (c == '"')
        quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == '{' || c == '[') {
      deepest = std::max(deepest, ++open);
    } else if ((c == '}' || c == ']') && --open == 0) {
      return {i + 1, deepest};
    }
  }
  return {text.size(), deepest};
}

/// The exact key wins over one that differs in case (wings-protocol 1.7).
const json* find_member(const json& object, std::string_view key) {
  if (auto exact = object.find(std::string{key}); exact != object.end())
    return &*exact;
  for (auto it = object.begin(); it != object.end(); ++it)
    if (equal_ignoring_case(it.key(), key))
      return &it.value();
  return nullptr;
}

} // namespace

struct json_object::document {
  json root;
  std::vector<jobs::field_error> errors;
};

struct json_object::position {
  std::shared_ptr<document> whole;
  const json* object;
  std::string pointer;

  std::string pointer_to(std::string_view key) const {
    return pointer + "/" + escape_pointer(key);
  }
  void report(std::string where, std::string detail) const {
    if (whole->errors.size() < max_errors)
      whole->errors.push_back({std::move(where), std::move(detail)});
  }
  /// The member when it is there and not null.
  const json* member(std::string_view key) const {
    const json* found = find_member(*object, key);
    return found && !found->is_null() ? found : nullptr;
  }
};

json_object::json_object(std::shared_ptr<const position> at)
  : at_(std::move(at)) {}

bool json_object::has(std::string_view key) const {
  return at_->member(key) != nullptr;
}

void json_object::reject(std::string_view key, std::string detail) const {
  at_->report(at_->pointer_to(key), std::move(detail));
}

std::optional<std::string> json_object::text(std::string_view key,
                                             std::size_t max_bytes) const {
  const json* found = at_->member(key);
  if (!found)
    return std::nullopt;
  if (!found->is_string()) {
    reject(key, "must be a string");
    return std::nullopt;
  }
  const auto& value = found->get_ref<const std::string&>();
  if (value.size() > max_bytes) {
    reject(key,
           "must not be longer than " + std::to_string(max_bytes) + " bytes");
    return std::nullopt;
  }
  return value;
}

std::string json_object::required_text(std::string_view key,
                                       std::size_t max_bytes) const {
  if (!has(key)) {
    reject(key, "is required");
    return {};
  }
  auto value = text(key, max_bytes);
  if (value && value->empty())
    reject(key, "must not be empty");
  return value.value_or(std::string{});
}

std::optional<bool> json_object::boolean(std::string_view key) const {
  const json* found = at_->member(key);
  if (!found)
    return std::nullopt;
  if (!found->is_boolean()) {
    reject(key, "must be true or false");
    return std::nullopt;
  }
  return found->get<bool>();
}

std::optional<std::int64_t> json_object::integer(std::string_view key,
                                                 std::int64_t least,
                                                 std::int64_t most) const {
  const json* found = at_->member(key);
  if (!found)
    return std::nullopt;
  const bool fits =
      found->is_number_integer()
      && !(found->is_number_unsigned()
           && found->get<std::uint64_t>() > static_cast<std::uint64_t>(
                  std::numeric_limits<std::int64_t>::max()));
  if (!fits) {
    reject(key, "must be a whole number");
    return std::nullopt;
  }
  const auto value = found->get<std::int64_t>();
  if (value < least || value > most) {
    reject(key, "must be between " + std::to_string(least) + " and "
                    + std::to_string(most));
    return std::nullopt;
  }
  return value;
}

std::optional<double> json_object::number(std::string_view key) const {
  const json* found = at_->member(key);
  if (!found)
    return std::nullopt;
  if (!found->is_number()) {
    reject(key, "must be a number");
    return std::nullopt;
  }
  return found->get<double>();
}

std::optional<std::vector<std::string>>
json_object::texts(std::string_view key, std::size_t max_items,
                   std::size_t max_bytes_each) const {
  const json* found = at_->member(key);
  if (!found)
    return std::nullopt;
  if (!found->is_array()) {
    reject(key, "must be a list of strings");
    return std::nullopt;
  }
  if (found->size() > max_items) {
    reject(key,
           "must not have more than " + std::to_string(max_items) + " items");
    return std::nullopt;
  }
  std::vector<std::string> values;
  bool good = true;
  for (std::size_t i = 0; i < found->size(); ++i) {
    const auto& item = (*found)[i];
    const auto* text = item.get_ptr<const json::string_t*>();
    if (text && text->size() <= max_bytes_each) {
      values.push_back(*text);
      continue;
    }
    good = false;
    at_->report(at_->pointer_to(key) + "/" + std::to_string(i),
                text ? "is too long" : "must be a string");
  }
  if (!good)
    return std::nullopt;
  return values;
}

std::optional<std::string>
json_object::one_of(std::string_view key,
                    std::initializer_list<std::string_view> allowed) const {
  auto value = text(key);
  if (!value)
    return std::nullopt;
  std::string list;
  for (const auto choice : allowed) {
    if (*value == choice)
      return value;
    list += (list.empty() ? "" : ", ") + std::string{choice};
  }
  reject(key, "must be one of: " + list);
  return std::nullopt;
}

std::optional<json_object> json_object::object(std::string_view key) const {
  const json* found = at_->member(key);
  if (!found)
    return std::nullopt;
  if (!found->is_object()) {
    reject(key, "must be an object");
    return std::nullopt;
  }
  return json_object{std::make_shared<const position>(
      position{at_->whole, found, at_->pointer_to(key)})};
}

std::optional<std::vector<json_object>>
json_object::objects(std::string_view key, std::size_t max_items) const {
  const json* found = at_->member(key);
  if (!found)
    return std::nullopt;
  if (!found->is_array() || found->size() > max_items) {
    reject(key, found->is_array() ? "must not have more than "
                                        + std::to_string(max_items) + " items"
                                  : "must be a list of objects");
    return std::nullopt;
  }
  std::vector<json_object> values;
  const auto known = at_->whole->errors.size();
  for (std::size_t i = 0; i < found->size(); ++i) {
    auto pointer = at_->pointer_to(key) + "/" + std::to_string(i);
    if (!(*found)[i].is_object())
      at_->report(std::move(pointer), "must be an object");
    else
      values.push_back(json_object{std::make_shared<const position>(
          position{at_->whole, &(*found)[i], std::move(pointer)})});
  }
  if (at_->whole->errors.size() > known)
    return std::nullopt;
  return values;
}

std::string json_object::raw(std::string_view key) const {
  const json* found = find_member(*at_->object, key);
  return found ? found->dump() : std::string{};
}

jobs::result<json_body> json_body::parse(std::string_view text) {
  const auto start = text.find_first_not_of(" \t\r\n");
  if (start == std::string_view::npos)
    return malformed("the body is empty, a JSON object is needed");
  text.remove_prefix(start);
  auto whole = std::make_shared<json_object::document>();
  if (text.substr(0, 4) == "null") {
    whole->root = json::object();
  } else if (text.front() != '{') {
    return malformed("the body must be a JSON object");
  } else {
    const auto extent = measure(text);
    if (extent.depth > max_depth)
      return malformed("the body is nested deeper than "
                       + std::to_string(max_depth) + " levels");
    const auto value = text.substr(0, extent.size);
    try {
      whole->root = json::parse(value.begin(), value.end());
    } catch (const json::exception& e) {
      return malformed("the body is not valid JSON: " + explain(e));
    }
  }
  const json* object = &whole->root;
  return json_body{json_object{std::make_shared<const json_object::position>(
      json_object::position{std::move(whole), object, {}})}};
}

jobs::status json_body::check() const {
  const auto& errors = root_.at_->whole->errors;
  if (errors.empty())
    return {};
  jobs::fault why{jobs::fault_code::validation,
                  errors.front().pointer + " " + errors.front().detail};
  if (errors.size() > 1)
    why.what += " (and " + std::to_string(errors.size() - 1) + " more)";
  why.fields = errors;
  return why;
}

} // namespace alula::http
