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
  check->add_flag("--json", into.as_json, "one JSON object, for programs");
  check->callback([&into] { into.what = options::verb::check_config; });
}

/// The same options as Wings' command of that name.
void add_configure(CLI::App& app, options& into) {
  auto* configure = app.add_subcommand(
      "configure", "fetch this node's configuration from the Panel and write "
                   "it to a file");
  configure
      ->add_option("-p,--panel-url", into.panel_url,
                   "the Panel, https://panel.example.com")
      ->required();
  configure
      ->add_option("-t,--token", into.token,
                   "a key of the Panel's application API")
      ->required();
  configure->add_option("-n,--node", into.node, "the node's number there")
      ->required()
      ->check(CLI::NonNegativeNumber);
  configure->add_option("-c,--config-path", into.config,
                        "the file that is written; by default "
                        "/etc/pterodactyl/config.yml");
  configure->add_flag("--override", into.override_config,
                      "replace a file that is there");
  // Panels in debug mode write it behind the command they show.
  configure->add_flag("--allow-insecure", into.allow_insecure,
                      "do not check the Panel's certificate, for this one "
                      "call");
  configure->callback([&into] {
    into.what = options::verb::configure;
    if (into.config.empty())
      into.config = "/etc/pterodactyl/config.yml";
  });
}

} // namespace

command_line parse_options(int argc, const char* const* argv,
                           void (*add_more)(CLI::App&, options&)) {
  options read;
  CLI::App app{"alula: a Wings-compatible node engine whose jobs survive "
               "crashes",
               "alula"};
  app.require_subcommand(1);
  add_serve(app, read);
  add_check_config(app, read);
  add_configure(app, read);
  app.add_subcommand("version", "print the version")->callback([&read] {
    read.what = options::verb::version;
  });
  if (add_more)
    add_more(app, read);
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
