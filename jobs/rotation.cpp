#include "jobs/rotation.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <functional>
#include <set>

namespace alula::jobs {

namespace {

using nlohmann::json;
using std::chrono::sys_days;

constexpr int most_kept = 10'000;

struct field {
  const char* name;
  int rotation_policy::*value;
};
constexpr std::array policy_fields{
    field{"keep_last", &rotation_policy::keep_last},
    field{"keep_daily", &rotation_policy::keep_daily},
    field{"keep_weekly", &rotation_policy::keep_weekly},
    field{"keep_monthly", &rotation_policy::keep_monthly},
    field{"min_keep", &rotation_policy::min_keep},
};

fault wrong(const std::string& pointer, std::string detail) {
  return {.code = fault_code::validation,
          .what = "the rotation policy is wrong: " + pointer + " " + detail,
          .fields = {{pointer, std::move(detail)}}};
}

/// A name as one token of a JSON pointer (RFC 6901, 3).
std::string token(const std::string& name) {
  std::string out;
  for (const char c : name)
    out += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  return out;
}

sys_days day_of(const backup_record& b) {
  return std::chrono::floor<std::chrono::days>(
      std::chrono::sys_time<std::chrono::milliseconds>{
          std::chrono::milliseconds{b.completed_at}});
}

std::string format(const char* pattern, int a, unsigned b, unsigned c = 0) {
  std::array<char, 48> out{};
  std::snprintf(out.data(), out.size(), pattern, a, b, c);
  return out.data();
}

std::string name_of_day(sys_days day) {
  const std::chrono::year_month_day date{day};
  return format("%04d-%02u-%02u", int{date.year()}, unsigned{date.month()},
                unsigned{date.day()});
}

/// The Thursday of an ISO week says which year the week belongs to (ISO 8601).
std::string name_of_week(sys_days day) {
  using std::chrono::days;
  const std::chrono::weekday weekday{day};
  const auto thursday = day + days{4} - days{weekday.iso_encoding()};
  const auto year = std::chrono::year_month_day{thursday}.year();
  const auto first = sys_days{year / std::chrono::January / 1};
  const auto week = (thursday - first).count() / 7 + 1;
  return format("%04d-W%02u", int{year}, static_cast<unsigned>(week));
}

std::string name_of_month(sys_days day) {
  const std::chrono::year_month_day date{day};
  return format("%04d-%02u", int{date.year()}, unsigned{date.month()});
}

/// Only such a one counts as a backup that a rule has kept.
bool is_good(const backup_record& b) {
  return b.state == backup_state::ready && b.lost_at == 0 && b.damage.empty()
         && !is_the_panels(b);
}

/// The newest of each of the last `most` periods that have one.
void keep_one_each(std::vector<rotation_choice>& choices,
                   const std::vector<backup_record>& backups, int most,
                   const std::string& rule,
                   const std::function<std::string(sys_days)>& name_of) {
  std::set<std::string> seen;
  for (std::size_t i = 0; i < backups.size(); ++i) {
    const auto& b = backups[i];
    if (!is_good(b))
      continue;
    const auto period = name_of(day_of(b));
    if (static_cast<int>(seen.size()) >= most || !seen.insert(period).second)
      continue;
    auto& choice = choices[i];
    choice.why += (choice.keep ? ", " : "") + rule + " " + period;
    choice.keep = true;
  }
}

} // namespace

result<rotation_policy> parse_rotation_policy(std::string_view text) {
  const auto read = json::parse(text, nullptr, false);
  if (!read.is_object())
    return fault{.code = fault_code::malformed,
                 .what = "a rotation policy is a JSON object"};
  rotation_policy policy;
  for (const auto& [name, value] : read.items()) {
    const auto known =
        std::ranges::find_if(policy_fields, [&name = name](const field& f) {
          return name == f.name;
        });
    if (known == policy_fields.end())
      return wrong("/" + token(name), "is not a member of a rotation policy");
    if (!value.is_number_integer() || value < 0 || value > most_kept)
      return wrong("/" + name,
                   "must be a number from 0 to " + std::to_string(most_kept));
    policy.*known->value = value.get<int>();
  }
  return policy;
}

std::string to_json(const rotation_policy& policy) {
  json out;
  for (const auto& f : policy_fields)
    out[f.name] = policy.*f.value;
  return out.dump();
}

std::optional<rotation_policy> own_policy(const server_record& server) {
  if (server.rotation.empty())
    return std::nullopt;
  auto policy = parse_rotation_policy(server.rotation);
  return policy ? *policy : rotation_policy{};
}

std::vector<rotation_choice>
choose_for_rotation(std::vector<backup_record> backups,
                    const rotation_policy& policy) {
  std::ranges::sort(backups, std::greater{}, [](const backup_record& b) {
    return std::pair{b.completed_at, b.row};
  });
  std::vector<rotation_choice> choices;
  int good = 0;
  for (const auto& b : backups) {
    auto& choice = choices.emplace_back();
    choice.backup = b.uuid;
    if (policy.is_off())
      choice.why = "rotation is off";
    else if (b.state != backup_state::ready)
      choice.why = std::string{to_string(b.state)};
    else if (b.pinned)
      choice.why = "pinned";
    else if (is_the_panels(b))
      choice.why = "it lies in the Panel's store";
    else if (b.lost_at != 0)
      choice.why = "its archive is missing";
    // What goes, goes from every place.
    else if (b.damaged_place() == local_place && b.any_store())
      choice.why = "its archive here is damaged, and a store has a copy";
    else if (!b.damage.empty() && b.has_good_copy_besides(b.damaged_place()))
      choice.why = "its copy in a store is damaged, and there is another one";
    else
      choice.keep = false;
    if (!is_good(b))
      continue;
    ++good;
    const auto keep = [&](const std::string& why) {
      choice.why += (choice.keep ? ", " : "") + why;
      choice.keep = true;
    };
    if (good <= policy.keep_last)
      keep("one of the last " + std::to_string(policy.keep_last));
    else if (good <= std::max(policy.min_keep, 1))
      keep("one of the " + std::to_string(std::max(policy.min_keep, 1))
           + " that always stay");
  }
  keep_one_each(choices, backups, policy.keep_daily, "daily", name_of_day);
  keep_one_each(choices, backups, policy.keep_weekly, "weekly", name_of_week);
  keep_one_each(choices, backups, policy.keep_monthly, "monthly",
                name_of_month);
  for (std::size_t i = 0; i < choices.size(); ++i)
    if (!choices[i].keep)
      choices[i].why =
          backups[i].damage.empty() ? "no rule keeps it" : "it is damaged";
  return choices;
}

} // namespace alula::jobs
