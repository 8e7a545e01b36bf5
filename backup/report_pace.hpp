/// How often who reads or writes a whole tree or archive says how far it is:
/// often enough for a person, seldom enough to cost nothing.
#pragma once

#include <cstdint>

namespace alula::backup {

constexpr std::uint64_t files_between_reports = 256;
constexpr std::uint64_t bytes_between_reports = std::uint64_t{1024} * 1024;

} // namespace alula::backup
