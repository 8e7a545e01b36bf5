/// Makes the corpus of the tar reader's fuzzer anew, from the hostile archives
/// of the tests:
///
///   ninja -C build/dev write_tar_corpus
///   build/dev/tests/backup/write_tar_corpus tests/backup/fuzz/tar
///
/// Look at the difference before you commit it; the unit tests replay all of
/// it.
#include "tests/backup/hostile_archives.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

namespace {

constexpr std::size_t least_input = 2;
constexpr std::size_t most_input = 4'096; // larger ones slow the fuzzer down

std::string file_name(std::string name) {
  std::ranges::replace(name, ' ', '-');
  std::erase_if(name, [](char c) { return c == ',' || c == '\''; });
  return name;
}

} // namespace

int main(int count, char** words) {
  if (count != 2) {
    std::fputs("write_tar_corpus: needs the directory of the corpus\n", stderr);
    return 2;
  }
  for (const auto& it : alula::backup::hostile_archives()) {
    const auto input = alula::backup::fuzz_input_of(it);
    if (input.size() < least_input || input.size() > most_input)
      continue;
    const auto path = std::filesystem::path{words[1]} / file_name(it.name);
    std::ofstream file{path, std::ios::binary};
    if (!(file << input).flush()) {
      std::fprintf(stderr, "write_tar_corpus: cannot write %s\n", path.c_str());
      return 1;
    }
  }
  return 0;
}
