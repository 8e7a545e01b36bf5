/// Configurations of a few lines, and what is wrong with them.
#pragma once

#include "app/config.hpp"

#include <catch2/catch.hpp>

#include <string>

namespace alula::app {

/// The problems of a file whose first line is a token, so that this is not
/// one of them.
inline config_report read(const std::string& yaml) {
  return parse_config("token: secret\n" + yaml);
}

inline config_problem only_problem(const config_report& report) {
  REQUIRE(report.problems.size() == 1);
  return report.problems.front();
}

} // namespace alula::app
