/// A block of lines that is drawn over itself.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace alula::app::cli {

/// The first of the lines on a terminal of so many rows, the last of which is
/// the cursor's; in the place of those without room, and of what there is
/// beyond the lines (`are_all` is false), one that says so.
std::vector<std::string> fitting(std::vector<std::string> lines,
                                 std::size_t rows, bool are_all);

class moving_lines {
public:
  /// Draws nothing where lines cannot move.
  explicit moving_lines(bool moves) : moves_(moves) {}
  void show(std::vector<std::string> lines, bool are_all = true);

private:
  const bool moves_;
  std::size_t shown_ = 0;
};

} // namespace alula::app::cli
