#include "tests/backup/hostile_archives.hpp"

#include "backup/archive_reader.hpp"
#include "tests/backup/hostile_parts.hpp"
#include "tests/backup/scratch_tree.hpp"

#include <algorithm>
#include <fcntl.h>

namespace alula::backup {

const std::vector<hostile_archive>& hostile_archives() {
  static const auto all = [] {
    hostile::list out;
    hostile::add_entries(out);
    hostile::add_headers(out);
    hostile::add_streams(out);
    return out;
  }();
  return all;
}

std::string fuzz_input_of(const hostile_archive& it) {
  const scratch_tree place{in_memory};
  place.write("a", it.bytes);
  const file_descriptor file{
      ::open((place.root / "a").c_str(), O_RDONLY | O_CLOEXEC)};
  std::string out(1, '\x7F');
  auto reader = archive_reader::open(file.get(), {});
  while (reader && out.size() < 64 * 1024) {
    auto piece = (*reader)->next();
    if (!piece || piece->empty())
      break;
    out.append(reinterpret_cast<const char*>(piece->data()), piece->size());
  }
  out.resize(std::min<std::size_t>(out.size(), 64 * 1024));
  return out;
}

} // namespace alula::backup
