#include "tests/backup/backup_place.hpp"
#include "tests/backup/fuzz/manifest_fuzz.hpp"
#include "tests/doubles/places.hpp"

#include <catch2/catch.hpp>

using namespace alula;
using namespace alula::backup;

TEST_CASE("the corpus of the manifest's fuzzer is read without harm",
          "[manifest]") {
  int inputs = 0;
  for (const auto& each :
       std::filesystem::directory_iterator{doubles::places::manifest_corpus}) {
    INFO(each.path());
    const auto input = content_of(each.path());
    read_as_manifest(view_of(input));
    // And changed at every byte.
    for (std::size_t at = 1; at < std::min<std::size_t>(input.size(), 400);
         ++at) {
      auto changed = input;
      changed[at] = static_cast<char>(changed[at] ^ 1);
      read_as_manifest(view_of(changed));
    }
    ++inputs;
  }
  CHECK(inputs >= 10);
}
