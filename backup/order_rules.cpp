#include "backup/order_rules.hpp"

#include "backup/file_descriptor.hpp"
#include "backup/file_io.hpp"

#include <string>
#include <sys/stat.h>

namespace alula::backup {

namespace {

constexpr const char* ignore_file = ".pteroignore";
constexpr std::size_t largest_ignore_file = std::size_t{32} * 1024;

std::string volumes_own(int volume) {
  const auto fd =
      open_beneath(volume, ignore_file, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  struct stat seen {};
  bytes text;
  if (!fd.is_open() || ::fstat(fd.get(), &seen) != 0 || !S_ISREG(seen.st_mode)
      || seen.st_size > static_cast<off_t>(largest_ignore_file)
      || !read_at(fd.get(), 0, largest_ignore_file, text, ignore_file))
    return {};
  return std::string{text_of(text)};
}

} // namespace

order_rules rules_for(int volume, const jobs::archive_order& order) {
  order_rules out;
  if (order.is_whole)
    return out;
  auto text = order.ignore;
  if (!text.empty())
    out.source = ignore_source::request;
  else if (text = volumes_own(volume); !text.empty())
    out.source = ignore_source::pteroignore;
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
