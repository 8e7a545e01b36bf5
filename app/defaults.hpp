/// A start without a configuration file: everything below one directory,
/// loopback only, a token of our own making, no Panel.
#pragma once

#include "app/config.hpp"
#include "jobs/result.hpp"

#include <filesystem>
#include <string>

namespace alula::app {

/// /var/lib/alula for root, else $XDG_STATE_HOME/alula or
/// ~/.local/state/alula. Empty when there is no home either.
std::filesystem::path default_data_directory();

struct kept_token {
  std::string token;
  bool is_new = false; ///< made just now
};

/// What the file holds. When there is none it is made (0600, 64 hexadecimal
/// digits from the kernel; its directory 0700), durably; two starts at once
/// agree on one token. Faults: io_error, insufficient_storage; an empty file is
/// a fault.
jobs::result<kept_token> token_in(const std::filesystem::path& file);

struct embedded_start {
  config value;
  std::filesystem::path token_file;
  bool token_is_new = false; ///< made just now, so worth showing once
};

/// Makes the directory (0700) and `<data>/token` (token_in) when they are
/// missing. Faults: io_error, insufficient_storage.
jobs::result<embedded_start>
embedded_defaults(const std::filesystem::path& data);

} // namespace alula::app
