#include "app/options.hpp"

#include <CLI/CLI.hpp>

#include <sstream>

namespace alula::app {

namespace {

constexpr int usage_error = 64; // sysexits.h: EX_USAGE

void add_serve(CLI::App& app, options& into) {
  auto* serve = app.add_subcommand(
      "serve", "run the node; without --config on embedded defaults");
  auto* config =
      serve->add_option("--config", into.config, "a Wings config.yml");
  serve
      ->add_option("--data", into.data,
                   "directory for everything, when there is no --config")
      ->excludes(config);
  serve->add_option("--port", into.port,
                    "port to listen on, in place of api.port");
  serve->add_flag("--debug", into.debug, "log more, as debug: true does");
  serve->callback([&into] { into.what = options::verb::serve; });
}

void add_check_config(CLI::App& app, options& into) {
  auto* check = app.add_subcommand(
      "check-config", "print every warning and error of a config.yml; leaves "
                      "with 0 when alula would start with it, else with 1");
  check->add_option("FILE", into.config, "the file")->required();
  check->callback([&into] { into.what = options::verb::check_config; });
}

} // namespace

command_line parse_options(int argc, const char* const* argv) {
  options read;
  CLI::App app{"alula: a Wings-compatible node engine whose jobs survive "
               "crashes",
               "alula"};
  app.require_subcommand(1);
  add_serve(app, read);
  add_check_config(app, read);
  app.add_subcommand("version", "print the version")->callback([&read] {
    read.what = options::verb::version;
  });
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    std::ostringstream out;
    const int code = app.exit(e, out, out);
    return {std::nullopt, out.str(), code == 0 ? 0 : usage_error};
  }
  return {std::move(read), "", 0};
}

} // namespace alula::app
