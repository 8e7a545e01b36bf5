/// Self-signed certificates, made by the openssl command.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

namespace alula::tests {

/// Writes `cert.pem` and `key.pem` into the directory, over those there.
inline void write_certificate(const std::filesystem::path& dir,
                              const std::string& common_name) {
  const auto command =
      "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 "
      "-nodes -days 2 -subj /CN="
      + common_name + " -keyout " + (dir / "key.pem").string() + " -out "
      + (dir / "cert.pem").string() + " >/dev/null 2>&1";
  if (std::system(command.c_str()) != 0)
    throw std::runtime_error{"openssl made no certificate"};
}

} // namespace alula::tests
