#include "app/commands.hpp"
#include "app/config.hpp"

#include <algorithm>
#include <cstdio>

namespace alula::app {

int check_config(const std::filesystem::path& file) {
  const auto report = load_config(file);
  for (const auto& problem : report.problems)
    std::printf("%s\n", describe(file, problem).c_str());
  const auto errors = std::count_if(
      report.problems.begin(), report.problems.end(), [](const auto& problem) {
        return problem.grade == config_problem::severity::error;
      });
  const auto warnings =
      static_cast<std::ptrdiff_t>(report.problems.size()) - errors;
  std::printf("%s: %td errors, %td warnings\n", file.c_str(), errors, warnings);
  return report.is_usable() ? 0 : 1;
}

int print_version() {
  std::printf("alula %s\n", ALULA_VERSION);
  return 0;
}

} // namespace alula::app
