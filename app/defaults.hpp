/// A start without a configuration file: everything below one directory,
/// loopback only, a token of our own making, no Panel.
#pragma once

#include "app/config.hpp"
#include "jobs/result.hpp"

#include <filesystem>

namespace alula::app {

/// /var/lib/alula for root, else $XDG_STATE_HOME/alula or
/// ~/.local/state/alula. Empty when there is no home either.
std::filesystem::path default_data_directory();

struct embedded_start {
  config value;
  std::filesystem::path token_file;
  bool token_is_new = false; ///< made just now, so worth showing once
};

/// Makes the directory (0700) and `<data>/token` (0600, 64 hexadecimal digits
/// from the kernel) durable when they are missing. Two starts at once agree on
/// one token. Faults: io_error, insufficient_storage.
jobs::result<embedded_start>
embedded_defaults(const std::filesystem::path& data);

} // namespace alula::app
