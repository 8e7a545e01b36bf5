#include "app/cli/terminal.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <iostream>
#include <unistd.h>

namespace alula::app::cli {

namespace {

/// Characters, not bytes: continuation bytes of UTF-8 take no room.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80;
  }));
}

void add_row(std::string& out, const row& cells,
             const std::vector<std::size_t>& widths) {
  for (std::size_t i = 0; i < cells.size(); ++i) {
    out += cells[i];
    if (i + 1 < cells.size())
      out.append(widths[i] - width_of(cells[i]) + 2, ' ');
  }
  while (out.ends_with(' '))
    out.pop_back();
  out += '\n';
}

std::string amount(double value, const std::string& unit) {
  return unit == "bytes" ? bytes_text(value)
                         : std::to_string(std::llround(value)) + " " + unit;
}

/// What is counted beside the unit of a progress: "40 of 90 files".
std::string second_count(const json& counted, const std::string& unit) {
  const auto done = counted.value("done", 0.0);
  const auto total = counted.find("total");
  if (total == counted.end() || !total->is_number())
    return amount(done, unit);
  return (unit == "bytes" ? bytes_text(done)
                          : std::to_string(std::llround(done)))
         + " of " + amount(total->get<double>(), unit);
}

} // namespace

bool is_terminal() {
  return isatty(STDOUT_FILENO) == 1;
}

std::string table(const row& heads, const std::vector<row>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& head : heads)
    widths.push_back(width_of(head));
  for (const auto& cells : rows)
    for (std::size_t i = 0; i < cells.size(); ++i)
      widths[i] = std::max(widths[i], width_of(cells[i]));
  std::string out;
  add_row(out, heads, widths);
  for (const auto& cells : rows)
    add_row(out, cells, widths);
  return out;
}

std::string bytes_text(const json& number) {
  if (!number.is_number())
    return "-";
  constexpr std::array units{"B", "KiB", "MiB", "GiB", "TiB"};
  auto value = number.get<double>();
  std::size_t unit = 0;
  for (; value >= 1024 && unit + 1 < units.size(); ++unit)
    value /= 1024;
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(),
                unit == 0 || value >= 100 ? "%.0f %s" : "%.1f %s", value,
                units[unit]);
  return text.data();
}

std::string duration_text(std::int64_t s) {
  s = std::max<std::int64_t>(0, s);
  const auto two = [](std::int64_t a, const char* big, std::int64_t b,
                      const char* small) {
    return std::to_string(a) + big + std::to_string(b) + small;
  };
  if (s < 60)
    return std::to_string(s) + " s";
  if (s < 3'600)
    return two(s / 60, " min ", s % 60, " s");
  if (s < 86'400)
    return two(s / 3'600, " h ", s % 3'600 / 60, " min");
  return two(s / 86'400, " d ", s % 86'400 / 3'600, " h");
}

std::int64_t seconds_of(const json& time) {
  if (!time.is_string())
    return 0;
  std::tm parts{};
  const auto text = time.get<std::string>();
  if (strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &parts) == nullptr)
    return 0;
  return timegm(&parts);
}

std::string ago_text(const json& time) {
  const auto at = seconds_of(time);
  if (at == 0)
    return "-";
  const auto passed = std::time(nullptr) - at;
  if (passed >= -1 && passed <= 1)
    return "now";
  return passed < 0 ? "in " + duration_text(-passed)
                    : duration_text(passed) + " ago";
}

std::string progress_line(const json& p) {
  if (!p.is_object())
    return {};
  const auto unit = p.value("unit", "");
  const auto now = p.value("done", 0.0);
  std::string out;
  if (p.at("percent").is_number()) {
    constexpr int cells = 24;
    const int percent = p.at("percent").get<int>();
    const auto full = static_cast<std::size_t>(percent * cells / 100);
    out = "[" + std::string(full, '#') + std::string(cells - full, '-') + "] "
          + std::to_string(percent) + " %  " + amount(now, unit) + " of "
          + amount(p.at("total").get<double>(), unit);
  } else {
    out = amount(now, unit);
  }
  if (const auto rate = p.value("rate", 0.0); rate > 0)
    out += "  " + amount(rate, unit) + "/s";
  if (p.at("eta_seconds").is_number())
    out +=
        "  " + duration_text(p.at("eta_seconds").get<std::int64_t>()) + " left";
  for (const auto* other : {"files", "bytes"})
    if (const auto counted = p.find(other);
        counted != p.end() && counted->is_object())
      out += "  " + second_count(*counted, other);
  return out;
}

std::string text_of(const json& in, const char* name,
                    const std::string& otherwise) {
  const auto found = in.find(name);
  if (found == in.end() || found->is_null())
    return otherwise;
  return found->is_string() ? found->get<std::string>() : found->dump();
}

bool is_sure(const asked_node& asked, const std::string& question) {
  return is_sure(asked, [&] { return question; });
}

bool is_sure(const asked_node& asked,
             const std::function<std::string()>& question) {
  if (asked.yes || isatty(STDIN_FILENO) != 1)
    return true;
  std::fprintf(stderr, "%s [y/N] ", question().c_str());
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

std::string plain(std::string text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const auto next =
        i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0U;
    if (byte == 0xc2 && next >= 0x80 && next < 0xa0) // U+0080 to U+009F
      text.replace(i, 2, "?");
    else if ((byte < 0x20 && byte != '\n' && byte != '\t') || byte == 0x7f)
      text[i] = '?';
  }
  return text;
}

void print(const std::string& text) {
  draw(plain(text));
}

void draw(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

void print_json(const json& value) {
  draw(value.dump(2, ' ', false, json::error_handler_t::replace) + "\n");
}

} // namespace alula::app::cli
