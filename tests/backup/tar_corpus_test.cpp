#include "backup/file_io.hpp"
#include "tests/backup/fuzz/tar_fuzz.hpp"
#include "tests/backup/hostile_archives.hpp"
#include "tests/doubles/places.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

using namespace alula::backup;

TEST_CASE("the corpus of the tar reader's fuzzer is read without harm",
          "[hostile]") {
  int inputs = 0;
  for (const auto& each : std::filesystem::directory_iterator{
           alula::doubles::places::tar_corpus}) {
    INFO(each.path());
    std::ifstream file{each.path(), std::ios::binary};
    const std::string input{std::istreambuf_iterator<char>{file}, {}};
    read_as_tar(view_of(input));
    for (std::size_t at = 1; at < std::min<std::size_t>(input.size(), 1'536);
         at += 3) {
      auto changed = input;
      changed[at] = static_cast<char>(changed[at] ^ 1);
      read_as_tar(view_of(changed));
    }
    ++inputs;
  }
  CHECK(inputs >= 10);
}

TEST_CASE("hostile tars are read without harm at every length", "[hostile]") {
  for (const auto& it : hostile_archives()) {
    INFO(it.name);
    const auto input = fuzz_input_of(it);
    read_as_tar(view_of(input));
    for (std::size_t size = 1;
         size < std::min<std::size_t>(input.size(), 4'096); size += 97)
      read_as_tar(view_of(input.substr(0, size)));
  }
}
