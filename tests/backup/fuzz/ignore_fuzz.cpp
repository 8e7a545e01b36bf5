/// Any bytes as ignore rules and a path. Built with libFuzzer by scripts/fuzz,
/// and with run_inputs.cpp by everybody; the unit tests replay its corpus.
#include "tests/backup/fuzz/ignore_fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  alula::backup::read_as_ignore_rules(
      {reinterpret_cast<const std::byte*>(data), size});
  return 0;
}
