#include "storage/purge_tally.hpp"

#include <array>
#include <charconv>
#include <cstdio>
#include <fcntl.h>
#include <string_view>
#include <unistd.h>

namespace alula::storage {

namespace {

/// Two numbers of one width: a newer text covers an older one whole, in one
/// write of less than a page.
constexpr int digits = 19;
constexpr std::size_t text_size = 2 * digits + 2;

/// -1 unless it is a number and nothing else.
std::int64_t number_of(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value);
  const bool is_whole =
      error == std::errc{} && end == text.data() + text.size();
  return is_whole ? value : -1;
}

purge_tally::sums read_sums(const directory& trash, const std::string& name) {
  const file_descriptor file{::openat(trash.fd.get(), name.c_str(),
                                      O_RDONLY | O_NOFOLLOW | O_CLOEXEC)};
  std::array<char, text_size> text{};
  if (!file.is_open()
      || ::read(file.get(), text.data(), text.size())
             != static_cast<ssize_t>(text.size()))
    return {};
  const std::string_view all{text.data(), text.size()};
  const purge_tally::sums found{number_of(all.substr(0, digits)),
                                number_of(all.substr(digits + 1, digits))};
  return found.entries < 0 || found.bytes < 0 ? purge_tally::sums{} : found;
}

} // namespace

std::string tally_beside(const std::string& entry) {
  return entry + ".gone";
}

purge_tally::purge_tally(const directory& trash, const std::string& entry)
  : trash_(trash), name_(tally_beside(entry)),
    before_(read_sums(trash, name_)) {}

void purge_tally::keep(const sums& so_far) {
  if (!file_.is_open())
    file_ = file_descriptor{
        ::openat(trash_.fd.get(), name_.c_str(),
                 O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600)};
  if (!file_.is_open())
    return;
  std::array<char, text_size + 1> text{};
  std::snprintf(text.data(), text.size(), "%0*lld %0*lld\n", digits,
                static_cast<long long>(so_far.entries), digits,
                static_cast<long long>(so_far.bytes));
  [[maybe_unused]] const auto put =
      ::pwrite(file_.get(), text.data(), text_size, 0);
}

} // namespace alula::storage
