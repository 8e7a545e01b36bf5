#include "app/cli/moving_lines.hpp"

#include "app/cli/terminal.hpp"

#include <algorithm>
#include <sys/ioctl.h>
#include <unistd.h>
#include <utility>

namespace alula::app::cli {

namespace {

struct extent {
  std::size_t width = 100, height = 24;
};

extent of_terminal() {
  winsize size{};
  extent out;
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0)
    return out;
  if (size.ws_col >= 20)
    out.width = size.ws_col;
  if (size.ws_row > 0)
    out.height = size.ws_row;
  return out;
}

std::string cut(std::string text, std::size_t width) {
  if (text.size() > width)
    text.resize(width);
  return text;
}

} // namespace

std::vector<std::string> fitting(std::vector<std::string> lines,
                                 std::size_t rows, bool are_all) {
  constexpr std::size_t fewest = 3;
  const auto room = std::max(rows, fewest) - 1;
  if (are_all && lines.size() <= room)
    return lines;
  const auto kept = std::min(lines.size(), room - 1);
  const auto left = lines.size() - kept;
  lines.resize(kept);
  lines.push_back("and " + (are_all ? std::to_string(left) + " " : "")
                  + "more (`alula jobs --live`)");
  return lines;
}

void moving_lines::show(std::vector<std::string> lines, bool are_all) {
  if (!moves_)
    return;
  const auto [width, height] = of_terminal();
  // What has left the top of the screen can never be drawn over.
  lines = fitting(std::move(lines), height, are_all);
  std::string out;
  // The terminal may have become lower.
  if (const auto up = std::min(shown_, height - 1); up > 0)
    out += "\x1b[" + std::to_string(up) + "A";
  for (const auto& line : lines)
    out += "\r\x1b[K" + cut(plain(line), width - 1) + "\n";
  out += "\x1b[J";
  shown_ = lines.size();
  draw(out);
}

} // namespace alula::app::cli
