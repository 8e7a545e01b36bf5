/// The JSON of requests, read field by field with faults that point at the
/// field, and of what jobs keep. For the sources of kinds only.
#pragma once

#include "jobs/engine.hpp"
#include "jobs/ids.hpp"
#include "jobs/job.hpp"
#include "jobs/result.hpp"

#include <nlohmann/json.hpp>

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace alula::jobs {

inline fault no_such_server(const submission& request) {
  return {.code = fault_code::server_not_found,
          .what = "there is no server " + request.server.to_string()
                  + " on this node"};
}

} // namespace alula::jobs

namespace alula::jobs::fields {

using nlohmann::json;

inline fault wrong(std::string pointer, std::string detail) {
  return {.code = fault_code::validation,
          .what = "a field of the request is wrong: " + pointer + " " + detail,
          .fields = {{std::move(pointer), std::move(detail)}}};
}

/// What a step of the job, which is done, has said.
inline json told_by(const job_record& job, std::string_view step) {
  return json::parse(job.find_step(step)->output);
}

/// For what a job keeps and tells: a path or a fault's sentence in it may be
/// in any bytes, those that are no text are replaced.
inline std::string as_text(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

/// An empty body is an empty object.
inline result<json> object(std::string_view body) {
  auto read = body.empty() ? json::object() : json::parse(body, nullptr, false);
  if (!read.is_object())
    return fault{.code = fault_code::malformed,
                 .what = "the body is not a JSON object"};
  return read;
}

inline result<std::string> text(const json& in, const char* name,
                                std::size_t most) {
  const auto found = in.find(name);
  if (found == in.end() || found->is_null())
    return std::string{};
  if (!found->is_string())
    return wrong('/' + std::string{name}, "must be a string");
  auto value = found->get<std::string>();
  if (value.size() > most)
    return wrong('/' + std::string{name},
                 "may have at most " + std::to_string(most) + " bytes");
  return value;
}

inline result<bool> flag(const json& in, const char* name, bool otherwise) {
  const auto found = in.find(name);
  if (found == in.end() || found->is_null())
    return otherwise;
  if (!found->is_boolean())
    return wrong('/' + std::string{name}, "must be true or false");
  return found->get<bool>();
}

template<class Id>
result<Id> id(const json& in, const char* name) {
  auto value = text(in, name, 64);
  if (!value)
    return std::move(value).error();
  const auto parsed = Id::parse(*value);
  if (!parsed)
    return wrong('/' + std::string{name}, "must be a lower-case UUID");
  return *parsed;
}

/// The member of a server's configuration at this path of names; null when
/// there is none, whatever the configuration looks like.
inline json at(const std::string& config,
               std::initializer_list<const char*> names) {
  auto here = json::parse(config, nullptr, false);
  for (const auto* name : names) {
    const auto found = here.is_object() ? here.find(name) : here.end();
    if (!here.is_object() || found == here.end())
      return {};
    here = json(*found);
  }
  return here;
}

/// The end of a natural key: no server joins a job about another's backup.
inline std::string owned(const submission& request, const backup_id& backup) {
  return (request.target ? request.target->uuid.to_string() : "node") + ':'
         + backup.to_string();
}

/// What the accept has checked: reads it out of a job's input.
template<class Id>
Id known_id(const std::string& input, const char* name) {
  return Id::parse(json::parse(input).at(name).get<std::string>()).value();
}

} // namespace alula::jobs::fields
