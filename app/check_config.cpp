#include "app/commands.hpp"
#include "app/config.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>

namespace alula::app {

namespace {

using json = nlohmann::ordered_json;

bool is_error(const config_problem& problem) {
  return problem.grade == config_problem::severity::error;
}

json finding(const std::filesystem::path& file, const config_problem& problem) {
  return {{"file", file.string()},
          {"line", problem.line > 0 ? json(problem.line) : json(nullptr)},
          {"key", problem.key.empty() ? json(nullptr) : json(problem.key)},
          {"level", is_error(problem) ? "error" : "warning"},
          {"what", problem.what}};
}

} // namespace

int check_config(const std::filesystem::path& file, bool as_json) {
  auto report = load_config(file);
  if (auto problem = problem_of_token_file(report))
    report.problems.push_back(*std::move(problem));
  std::ranges::stable_sort(report.problems, {}, &config_problem::line);
  const auto& problems = report.problems;
  const auto errors = std::ranges::count_if(problems, is_error);
  const auto warnings = std::ssize(problems) - errors;
  if (as_json) {
    json out{{"file", file.string()},
             {"usable", report.is_usable()},
             {"errors", errors},
             {"warnings", warnings},
             {"findings", json::array()}};
    for (const auto& problem : problems)
      out["findings"].push_back(finding(file, problem));
    // A file may hold anything, and is quoted.
    std::puts(out.dump(2, ' ', false, json::error_handler_t::replace).c_str());
  } else {
    for (const auto& problem : problems)
      std::printf("%s\n", describe(file, problem).c_str());
    std::printf("%s: %td errors, %td warnings\n", file.c_str(), errors,
                warnings);
  }
  return report.is_usable() ? 0 : 1;
}

int print_version() {
  std::printf("alula %s\n", ALULA_VERSION);
  return 0;
}

} // namespace alula::app
