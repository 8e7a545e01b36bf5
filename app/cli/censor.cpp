#include "app/cli/censor.hpp"

#include <algorithm>
#include <re2/re2.h>
#include <string_view>
#include <utility>

namespace alula::app::cli {

namespace {

/// RE2, because what is read comes from logs and files of any size: it neither
/// recurses nor goes back. Latin 1, so that a byte that is no UTF-8 does not
/// end a secret.
const RE2::Options& by_the_byte() {
  static const RE2::Options options{RE2::Latin1};
  return options;
}

const std::string secret_key =
    R"re(["']?[A-Za-z0-9_.\-]*(?:token|password|secret|key|webhook))re"
    R"re([A-Za-z0-9_]*["']?[ \t]*:[ \t]*)re";

std::string read_line(std::string line) {
  static const RE2 of_block{
      R"re((?i)^([ \t\-]*)re" + secret_key + R"re()(\S.*))re", by_the_byte()};
  // Members of {…}: to the next comma, or to the end of their quotes.
  static const RE2 of_flow{R"re((?i)([{,][ \t]*)re" + secret_key
                               + R"re()("[^"]*"|'[^']*'|[^,}\s][^,}]*))re",
                           by_the_byte()};
  static const RE2 of_links{
      R"re((token=|Bearer |X-Amz-Signature=|X-Amz-Credential=|X-Amz-Security-Token=)[^\s"&@]+)re",
      by_the_byte()};
  static const RE2 of_users{R"re((://[^/@\s:"]+:)[^/@\s"]+@)re", by_the_byte()};
  RE2::GlobalReplace(&line, of_block, R"(\1(hidden))");
  RE2::GlobalReplace(&line, of_flow, R"(\1(hidden))");
  RE2::GlobalReplace(&line, of_links, R"(\1(hidden))");
  RE2::GlobalReplace(&line, of_users, R"(\1(hidden)@)");
  return line;
}

} // namespace

void censor::hide(const std::string& secret) {
  constexpr std::size_t shortest = 4;
  if (secret.size() >= shortest)
    secrets_.push_back(secret);
}

std::string censor::read(std::string text) const {
  constexpr std::string_view instead = "(hidden)";
  for (const auto& secret : secrets_) {
    std::string out;
    std::size_t from = 0;
    for (auto at = text.find(secret); at != std::string::npos;
         at = text.find(secret, from)) {
      out.append(text, from, at - from).append(instead);
      from = at + secret.size();
    }
    if (from > 0)
      text = std::move(out.append(text, from));
  }
  std::string out;
  out.reserve(text.size());
  for (std::size_t from = 0; from < text.size();) {
    const auto end = std::min(text.find('\n', from), text.size());
    out += read_line(text.substr(from, end - from)) + '\n';
    from = end + 1;
  }
  return out;
}

} // namespace alula::app::cli
