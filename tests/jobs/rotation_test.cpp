#include "jobs/rotation.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>
#include <map>
#include <random>
#include <set>

using namespace alula::jobs;
using Catch::Contains;

namespace {

using namespace std::chrono;

constexpr time_ms hour = 3'600'000;
constexpr time_ms one_day = 24 * hour;

time_ms at(year_month_day date, int hours = 12) {
  return duration_cast<milliseconds>(sys_days{date}.time_since_epoch()).count()
         + hours * hour;
}

backup_id number(int n) {
  auto digits = std::to_string(n);
  digits.insert(0, 12 - digits.size(), '0');
  return *backup_id::parse("0b5d3b1e-1111-4c3c-9d4f-" + digits);
}

backup_record good(int n, time_ms completed_at) {
  return {.row = n,
          .uuid = number(n),
          .state = backup_state::ready,
          .completed_at = completed_at};
}

/// One a day, at noon, number 1 on the first of November 2026, a Sunday.
std::vector<backup_record> daily(int count) {
  std::vector<backup_record> all;
  for (int i = 1; i <= count; ++i)
    all.push_back(good(i, at(2026y / November / 1) + (i - 1) * one_day));
  return all;
}

std::set<backup_id> kept(const std::vector<rotation_choice>& choices) {
  std::set<backup_id> out;
  for (const auto& c : choices)
    if (c.keep)
      out.insert(c.backup);
  return out;
}

std::set<backup_id> numbers(std::initializer_list<int> all) {
  std::set<backup_id> out;
  for (const int n : all)
    out.insert(number(n));
  return out;
}

std::string why(const std::vector<rotation_choice>& choices, int n) {
  const auto found =
      std::ranges::find(choices, number(n), &rotation_choice::backup);
  REQUIRE(found != choices.end());
  return found->why;
}

bool is_good(const backup_record& b) {
  return b.state == backup_state::ready && b.lost_at == 0 && b.damage.empty();
}

} // namespace

TEST_CASE("a policy of nothing removes nothing") {
  const auto choices = choose_for_rotation(daily(5), {});
  CHECK(kept(choices).size() == 5);
  CHECK_THAT(why(choices, 1), Contains("off"));
}

TEST_CASE("the last ones stay") {
  const auto choices = choose_for_rotation(daily(5), {.keep_last = 2});
  CHECK(kept(choices) == numbers({4, 5}));
  CHECK_THAT(why(choices, 5), Contains("last 2"));
  CHECK(why(choices, 1) == "no rule keeps it");
  // Newest first, whatever order they came in.
  CHECK(choices.front().backup == number(5));
}

TEST_CASE("the newest of each day stays, of days that have one") {
  auto all = daily(3);
  all.push_back(good(4, at(2026y / November / 3, 18)));
  all.push_back(good(5, at(2026y / November / 9)));
  const auto choices = choose_for_rotation(all, {.keep_daily = 3});
  CHECK(kept(choices) == numbers({5, 4, 2}));
  CHECK(why(choices, 4) == "daily 2026-11-03");
}

TEST_CASE("a day begins at midnight UTC") {
  const std::vector all{good(1, at(2026y / November / 3, 0) - 1),
                        good(2, at(2026y / November / 3, 0))};
  CHECK(kept(choose_for_rotation(all, {.keep_daily = 2})).size() == 2);
}

TEST_CASE("weeks are those of ISO 8601") {
  // 2026-11-01 is a Sunday: the last day of week 44.
  const auto choices = choose_for_rotation(daily(9), {.keep_weekly = 3});
  CHECK(kept(choices) == numbers({9, 8, 1}));
  CHECK_THAT(why(choices, 9), Contains("weekly 2026-W46"));
  CHECK(why(choices, 8) == "weekly 2026-W45");
  CHECK(why(choices, 1) == "weekly 2026-W44");
  const auto name = [](year_month_day date) {
    return choose_for_rotation({good(1, at(date))}, {.keep_weekly = 1})
        .front()
        .why;
  };
  CHECK_THAT(name(2027y / January / 3), Contains("2026-W53"));
  CHECK_THAT(name(2024y / December / 30), Contains("2025-W01"));
  CHECK_THAT(name(2021y / January / 1), Contains("2020-W53"));
}

TEST_CASE("the newest of each month stays") {
  const std::vector all{
      good(1, at(2026y / August / 31)), good(2, at(2026y / September / 1)),
      good(3, at(2026y / September / 30)), good(4, at(2026y / November / 1))};
  const auto choices = choose_for_rotation(all, {.keep_monthly = 2});
  CHECK(kept(choices) == numbers({4, 3}));
  CHECK(why(choices, 3) == "monthly 2026-09");
}

TEST_CASE("a backup stays when any rule wants it, and says which") {
  const auto choices =
      choose_for_rotation(daily(4), {.keep_last = 1, .keep_daily = 2});
  CHECK(kept(choices) == numbers({4, 3}));
  CHECK(why(choices, 4) == "one of the last 1, daily 2026-11-04");
}

TEST_CASE("never fewer good ones than min_keep are left") {
  // Five of one day: the daily rule alone would keep one.
  std::vector<backup_record> all;
  for (int i = 1; i <= 5; ++i)
    all.push_back(good(i, at(2026y / November / 1, i)));
  const auto keeping = [&](int min_keep) {
    return kept(
        choose_for_rotation(all, {.keep_daily = 1, .min_keep = min_keep}));
  };
  CHECK(keeping(3) == numbers({5, 4, 3}));
  CHECK(keeping(0) == numbers({5})); // the last good one always stays
  CHECK(keeping(100).size() == 5);
}

TEST_CASE("a pinned backup stays and takes nobody's place but its own") {
  auto all = daily(5);
  all[0].pinned = true;
  const auto choices = choose_for_rotation(all, {.keep_last = 2});
  CHECK(kept(choices) == numbers({5, 4, 1}));
  CHECK(why(choices, 1) == "pinned");
}

TEST_CASE("a damaged backup goes, and satisfies no rule") {
  auto all = daily(4);
  all[3].damage = "block 7";
  auto choices = choose_for_rotation(all, {.keep_last = 2, .keep_daily = 2});
  CHECK(kept(choices) == numbers({3, 2}));
  CHECK(why(choices, 4) == "it is damaged");
  all[3].pinned = true;
  choices = choose_for_rotation(all, {.keep_last = 2});
  CHECK(kept(choices) == numbers({4, 3, 2}));
}

TEST_CASE("a backup that is damaged here only stays for its copy in a store") {
  auto all = daily(4);
  all[1].damage = all[2].damage = "block 7";
  all[1].is_local = all[2].is_local = true;
  all[1].places = {{"offsite", "key", "etag", 1, 1}};
  auto choices = choose_for_rotation(all, {.keep_last = 1});
  CHECK(kept(choices) == numbers({4, 2}));
  CHECK(why(choices, 2)
        == "its archive here is damaged, and a store has a copy");
  all[1].is_local = false;
  all[1].damage = damage_in_store("offsite", "block 7");
  choices = choose_for_rotation(all, {.keep_last = 1});
  CHECK(kept(choices) == numbers({4}));
  all[1].places.push_back({"archive", "key", "etag", 1, 1});
  choices = choose_for_rotation(all, {.keep_last = 1});
  CHECK(kept(choices) == numbers({4, 2}));
  CHECK(why(choices, 2)
        == "its copy in a store is damaged, and there is another one");
}

TEST_CASE("a lost backup is left for the scan, and satisfies no rule") {
  auto all = daily(4);
  all[3].lost_at = 7;
  const auto choices = choose_for_rotation(all, {.keep_last = 1});
  CHECK(kept(choices) == numbers({4, 3}));
  CHECK(why(choices, 4) == "its archive is missing");
}

TEST_CASE("a backup that is not ready is not touched") {
  auto all = daily(3);
  all[2].state = backup_state::creating;
  all[0].state = backup_state::deleting;
  const auto choices = choose_for_rotation(all, {.keep_last = 1});
  CHECK(kept(choices) == numbers({1, 2, 3}));
  CHECK(why(choices, 3) == "creating");
}

TEST_CASE("backups of one moment are told apart by when they were made") {
  const auto when = at(2026y / November / 1);
  const auto choices =
      choose_for_rotation({good(1, when), good(2, when)}, {.keep_last = 1});
  CHECK(kept(choices) == numbers({2}));
}

TEST_CASE("no set of backups and no policy breaks the promises") {
  std::mt19937 random{20261120};
  const auto up_to = [&](int most) {
    return std::uniform_int_distribution{0, most}(random);
  };
  for (int round = 0; round < 3'000; ++round) {
    std::vector<backup_record> all;
    std::map<backup_id, backup_record> by_id;
    for (int i = 1, count = up_to(30); i <= count; ++i) {
      auto b = good(i, at(2026y / January / 1) + up_to(400) * one_day / 3);
      b.pinned = up_to(9) == 0;
      if (up_to(7) == 0)
        b.damage = "damaged";
      if (up_to(7) == 0)
        b.lost_at = 5;
      if (up_to(9) == 0)
        b.state =
            up_to(1) == 0 ? backup_state::creating : backup_state::deleting;
      by_id[b.uuid] = b;
      all.push_back(b);
    }
    const rotation_policy policy{.keep_last = up_to(5),
                                 .keep_daily = up_to(5),
                                 .keep_weekly = up_to(5),
                                 .keep_monthly = up_to(5),
                                 .min_keep = up_to(5)};
    const auto choices = choose_for_rotation(all, policy);
    REQUIRE(choices.size() == all.size());
    std::shuffle(all.begin(), all.end(), random);
    const auto again = choose_for_rotation(all, policy);
    std::int64_t good_ones = 0, good_left = 0, removed = 0;
    for (std::size_t i = 0; i < choices.size(); ++i) {
      const auto& c = choices[i];
      const auto& b = by_id.at(c.backup);
      // A dry run and the job agree, whatever order the ledger answers in.
      REQUIRE((again[i].backup == c.backup && again[i].keep == c.keep
               && again[i].why == c.why));
      REQUIRE_FALSE(c.why.empty());
      good_ones += is_good(b);
      good_left += is_good(b) && c.keep;
      removed += !c.keep;
      if (!c.keep)
        REQUIRE(
            (!b.pinned && b.state == backup_state::ready && b.lost_at == 0));
    }
    REQUIRE(good_left
            >= std::min<std::int64_t>(good_ones, std::max(policy.min_keep, 1)));
    if (policy.is_off())
      REQUIRE(removed == 0);
    // What is left is left by the next one, too.
    std::vector<backup_record> left;
    for (const auto& c : choices)
      if (c.keep)
        left.push_back(by_id.at(c.backup));
    for (const auto& c : choose_for_rotation(left, policy))
      REQUIRE(c.keep);
  }
}

TEST_CASE("a policy reads back as it was written") {
  const rotation_policy policy{.keep_last = 1,
                               .keep_daily = 2,
                               .keep_weekly = 3,
                               .keep_monthly = 4,
                               .min_keep = 5};
  CHECK(parse_rotation_policy(to_json(policy)).value() == policy);
  CHECK(parse_rotation_policy("{}").value() == rotation_policy{});
}

TEST_CASE("a wrong policy is refused and pointed at") {
  for (const auto* text : {"", "[]", "7", "null", "{\"keep_last\":"})
    CHECK(parse_rotation_policy(text).error().code == fault_code::malformed);
  const auto pointer = [](const std::string& text) {
    const auto read = parse_rotation_policy(text);
    REQUIRE_FALSE(read);
    CHECK(read.error().code == fault_code::validation);
    return read.error().fields.at(0).pointer;
  };
  for (const auto* value :
       {"-1", "10001", "1.5", "\"1\"", "null", "true", "1e3",
        "18446744073709551615", "-9223372036854775808"})
    CHECK(pointer("{\"keep_last\":" + std::string{value} + "}")
          == "/keep_last");
  CHECK(pointer(R"({"keep_hourly":1})") == "/keep_hourly");
  CHECK(pointer(R"({"a/b~c":1})") == "/a~1b~0c"); // RFC 6901
  CHECK(parse_rotation_policy(R"({"keep_last":10000})"));
}
