/// Walks a YAML document beside the table of known keys, fills a config, and
/// notes every problem with its line. Of app/ the only user of yaml-cpp besides
/// config_file.cpp, which writes.
#pragma once

#include "app/config.hpp"

#include <string>

namespace alula::app {

/// Problems come in the order of the file. A key that stands twice counts the
/// second time, as with Wings; a null leaves the default.
void read_yaml(const std::string& text, config_report& into);

} // namespace alula::app
