/// Any bytes as a tar: every entry, its checks and its content. Built with
/// libFuzzer by scripts/fuzz, and with run_inputs.cpp by everybody; the unit
/// tests replay its corpus.
#include "tests/backup/fuzz/tar_fuzz.hpp"

#include <algorithm>
#include <cstdint>
#include <string_view>

extern "C" {
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                    std::size_t most, unsigned seed);
/// Of libFuzzer, or of run_inputs.cpp.
std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size,
                             std::size_t most);
}

namespace {

constexpr std::size_t block = 512;

/// Makes the sum of a header right (tar(5)), so that what is in it is looked
/// at.
void mend_sum(std::uint8_t* header) {
  constexpr std::size_t magic_at = 257, sum_at = 148, sum_size = 8;
  const std::string_view magic{reinterpret_cast<const char*>(header) + magic_at,
                               5};
  if (magic != "ustar")
    return;
  std::fill_n(header + sum_at, sum_size, std::uint8_t{' '});
  unsigned sum = 0;
  for (std::size_t i = 0; i < block; ++i)
    sum += header[i];
  header[sum_at + 6] = 0;
  for (auto at = sum_at + 6; at-- > sum_at; sum /= 8)
    header[at] = static_cast<std::uint8_t>('0' + sum % 8);
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  alula::backup::read_as_tar({reinterpret_cast<const std::byte*>(data), size});
  return 0;
}

std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                    std::size_t most, unsigned seed) {
  size = LLVMFuzzerMutate(data, size, most);
  constexpr unsigned one_of = 4; // some sums stay wrong
  if (seed % one_of != 0)
    for (std::size_t at = 1; at + block <= size; at += block)
      mend_sum(data + at);
  return size;
}
