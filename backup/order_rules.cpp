#include "backup/order_rules.hpp"

#include "backup/file_io.hpp"

#include <cerrno>
#include <string>
#include <utility>

namespace alula::backup {

namespace {

constexpr const char* ignore_file = ".pteroignore";
constexpr std::size_t largest_ignore_file = std::size_t{32} * 1024;

jobs::result<std::string> volumes_own(int volume,
                                      std::vector<jobs::file_note>& notes) {
  auto file = open_regular(volume, ignore_file);
  bytes text;
  if (file.seen.st_size > static_cast<off_t>(largest_ignore_file))
    return std::string{};
  if (file.fd.is_open()) {
    file.call = "pread";
    file.error = try_read_at(file.fd.get(), 0, largest_ignore_file, text);
  }
  if (is_shortage(file.error))
    return jobs::system_fault(file.error, file.call, ignore_file);
  if (file.error != 0 && file.error != ENOENT)
    notes.push_back({ignore_file, "cannot be read (" + error_text(file.error)
                                      + "), and keeps nothing out of the "
                                        "backup"});
  return std::string{file.error == 0 ? text_of(text) : std::string_view{}};
}

} // namespace

jobs::result<order_rules> rules_for(int volume,
                                    const jobs::archive_order& order) {
  order_rules out;
  if (order.is_whole)
    return out;
  auto text = order.ignore;
  if (!text.empty()) {
    out.source = ignore_source::request;
  } else {
    auto own = volumes_own(volume, out.notes);
    if (!own)
      return std::move(own).error();
    text = std::move(*own);
    if (!text.empty())
      out.source = ignore_source::pteroignore;
  }
  out.rules = ignore_rules{text};
  std::string denied;
  for (const auto& pattern : order.denied)
    denied += pattern + '\n';
  out.rules.add(denied);
  for (const auto& line : out.rules.dropped())
    out.notes.push_back({line, "is no pattern alula understands, and keeps "
                               "nothing out of the backup"});
  return out;
}

} // namespace alula::backup
