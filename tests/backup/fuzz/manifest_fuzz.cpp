/// Any bytes as a manifest: read all of it, search it, browse it. Built with
/// libFuzzer by scripts/fuzz, and with run_inputs.cpp by everybody; the unit
/// tests replay its corpus.
#include "tests/backup/fuzz/manifest_fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  alula::backup::read_as_manifest(
      {reinterpret_cast<const std::byte*>(data), size});
  return 0;
}
