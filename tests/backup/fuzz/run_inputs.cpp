/// Runs a fuzzer's target without libFuzzer: over its corpus, and over inputs
/// that are made from it, the same ones on every run. What it cannot do is look
/// which lines an input reaches; scripts/fuzz does.
///
///   tar_fuzz CORPUS [INPUTS] [SECONDS]      default: 20,000 in 5 s at most
///
/// The input that a target falls over is left in <program>.input.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <unistd.h>
#include <vector>

extern "C" {
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
/// Of targets that have one.
std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                    std::size_t most, unsigned seed)
    __attribute__((weak));
/// What libFuzzer gives to those.
std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size,
                             std::size_t most);
}

namespace {

constexpr std::size_t most_bytes = 65'536;
constexpr unsigned longest_input_seconds = 60; ///< then it hangs

std::mt19937_64 dice{20'261'130};

std::size_t roll(std::size_t sides) {
  return static_cast<std::size_t>(dice() % sides);
}

/// What text formats, lengths and numbers have at their edges.
constexpr std::array<std::string_view, 12> words{
    "0",    "-1",       "9223372036854775808",
    "../",  "\n",       "\\",
    "*",    "[",        "{\"a\":",
    "null", "\xff\xfe", "/"};

void change(std::string& input) {
  const auto at = roll(input.size() + 1);
  const auto some = [&] {
    return roll(std::min<std::size_t>(64, input.size() - at) + 1);
  };
  switch (roll(6)) {
  case 0:
    if (at < input.size())
      input[at] = static_cast<char>(input[at] ^ (1U << roll(8)));
    break;
  case 1:
    if (at < input.size())
      input[at] = static_cast<char>(roll(256));
    break;
  case 2:
    input.insert(at, words[roll(words.size())]);
    break;
  case 3:
    input.erase(at, some());
    break;
  case 4:
    input.insert(at, input.substr(roll(input.size() + 1), some()));
    break;
  default:
    input.resize(at);
  }
}

std::vector<std::string> read_corpus(const std::filesystem::path& directory) {
  std::vector<std::filesystem::path> files;
  for (const auto& each : std::filesystem::directory_iterator{directory})
    files.push_back(each.path());
  std::ranges::sort(files); // whatever order the disk has them in
  std::vector<std::string> out;
  for (const auto& path : files) {
    std::ifstream file{path, std::ios::binary};
    out.emplace_back(std::istreambuf_iterator<char>{file},
                     std::istreambuf_iterator<char>{});
  }
  return out;
}

std::string made_from(const std::vector<std::string>& corpus) {
  std::string input = corpus[roll(corpus.size())];
  if (roll(8) == 0) // the beginning of one and the end of another
    input = input.substr(0, roll(input.size() + 1))
            + corpus[roll(corpus.size())].substr(0, most_bytes);
  input.resize(std::min(input.size(), most_bytes / 2));
  auto size = input.size();
  input.resize(most_bytes);
  auto* data = reinterpret_cast<std::uint8_t*>(input.data());
  size = LLVMFuzzerCustomMutator ? LLVMFuzzerCustomMutator(
             data, size, most_bytes, static_cast<unsigned>(dice()))
                                 : LLVMFuzzerMutate(data, size, most_bytes);
  input.resize(size);
  return input;
}

/// One input at a time, kept for as long as it runs.
class runner {
public:
  explicit runner(std::string kept_in) : kept_in_(std::move(kept_in)) {}
  ~runner() { std::filesystem::remove(kept_in_); }
  runner(const runner&) = delete;
  runner& operator=(const runner&) = delete;

  void run(const std::string& input) {
    std::ofstream{kept_in_, std::ios::binary} << input;
    ::alarm(longest_input_seconds);
    // In memory of its own, so that a sanitizer sees its end.
    const std::vector<std::uint8_t> bytes(input.begin(), input.end());
    LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
    ::alarm(0);
  }

private:
  const std::string kept_in_;
};

} // namespace

std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size,
                             std::size_t most) {
  std::string input(reinterpret_cast<const char*>(data), size);
  for (auto left = 1 + roll(8); left > 0; --left)
    change(input);
  input.resize(std::min(input.size(), most));
  std::ranges::copy(input, reinterpret_cast<char*>(data));
  return input.size();
}

int main(int count, char** given) {
  if (count < 2 || count > 4) {
    std::fprintf(stderr, "%s CORPUS [INPUTS] [SECONDS]\n", given[0]);
    return 64;
  }
  const long inputs = count > 2 ? std::atol(given[2]) : 20'000;
  const std::chrono::seconds limit{count > 3 ? std::atol(given[3]) : 5};
  const auto corpus = read_corpus(given[1]);
  if (corpus.empty()) {
    std::fprintf(stderr, "%s holds no inputs\n", given[1]);
    return 1;
  }
  runner target{std::string{given[0]} + ".input"};
  for (const auto& input : corpus)
    target.run(input);
  const auto end = std::chrono::steady_clock::now() + limit;
  long made = 0;
  for (; made < inputs && std::chrono::steady_clock::now() < end; ++made)
    target.run(made_from(corpus));
  std::printf("%zu inputs of the corpus and %ld made from them did no harm\n",
              corpus.size(), made);
  return 0;
}
