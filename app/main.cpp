#include "app/client_commands.hpp"
#include "app/commands.hpp"
#include "app/options.hpp"

#include <cstdio>
#include <exception>

namespace {

int run(const alula::app::options& asked) {
  using verb = alula::app::options::verb;
  switch (asked.what) {
  case verb::serve:
    return alula::app::serve(asked);
  case verb::check_config:
    return alula::app::check_config(asked.config, asked.as_json);
  case verb::configure:
    return alula::app::configure(asked);
  case verb::version:
    return alula::app::print_version();
  case verb::client:
    return asked.client();
  }
  return 70;
}

} // namespace

int main(int argc, char** argv) {
  try {
    const auto line =
        alula::app::parse_options(argc, argv, alula::app::add_client_commands);
    if (line.value)
      return run(*line.value);
    std::fputs(line.text.c_str(), line.exit_code == 0 ? stdout : stderr);
    return line.exit_code;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "alula: %s\n", e.what());
    return 70; // sysexits.h: EX_SOFTWARE
  }
}
