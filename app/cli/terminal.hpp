/// What people see: tables, sizes, times, bars, questions.
#pragma once

#include "app/cli/client.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace alula::app::cli {

/// Standard output is one.
bool is_terminal();

using row = std::vector<std::string>;

/// Columns as wide as they must be, two spaces between them; nothing is cut.
std::string table(const row& heads, const std::vector<row>& rows);

/// "1.2 GiB"; "-" for null.
std::string bytes_text(const json& number);
/// "3 min 20 s"
std::string duration_text(std::int64_t seconds);
/// "5 min ago", "in 2 h"; "-" for null.
std::string ago_text(const json& time);
/// RFC 3339 as Unix seconds; 0 when it is none.
std::int64_t seconds_of(const json& time);

/// "[###---] 50 %  1.2 GiB of 2.4 GiB  100 MiB/s  12 s left  40 of 90 files";
/// empty without progress.
std::string progress_line(const json& progress);

/// The text of a member, or `otherwise`.
std::string text_of(const json& in, const char* name,
                    const std::string& otherwise = "-");

/// Asks on the terminal; true without a terminal, and with --yes.
bool is_sure(const asked_node& asked, const std::string& question);
/// The same with a question that the node is asked about first, which it is not
/// where nobody is there to read it.
bool is_sure(const asked_node& asked,
             const std::function<std::string()>& question);

/// With a question mark for every control character but line ends and tabs:
/// names and messages are other people's, and must not steer a terminal.
std::string plain(std::string text);

/// Plain text to standard output.
void print(const std::string& text);
/// The same as it is.
void draw(const std::string& text);
void print_json(const json& value);

} // namespace alula::app::cli
