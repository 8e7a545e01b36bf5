/// The object store that scripts/with-s3 has started, for tests tagged [s3].
#pragma once

#include "jobs/clock.hpp"
#include "remote/s3_store.hpp"

#include <atomic>
#include <cstdlib>
#include <string>
#include <unistd.h>

namespace alula::doubles {

/// Why there is none; empty when there is one.
inline std::string no_s3() {
  if (const char* reason = std::getenv("ALULA_NO_S3"))
    return reason;
  if (!std::getenv("ALULA_S3_ENDPOINT"))
    return "no object store is at hand; scripts/with-s3 brings one";
  return {};
}

/// A prefix of its own at every call.
inline remote::s3_settings real_s3() {
  static std::atomic<int> worlds = 0;
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string{value ? value : ""};
  };
  remote::s3_settings out;
  out.name = "real";
  out.endpoint = variable("ALULA_S3_ENDPOINT");
  out.region = variable("ALULA_S3_REGION");
  out.bucket = variable("ALULA_S3_BUCKET");
  out.prefix =
      "t" + std::to_string(getpid()) + "-" + std::to_string(++worlds) + "/";
  out.keys = {variable("ALULA_S3_KEY"), variable("ALULA_S3_SECRET"), {}};
  return out;
}

} // namespace alula::doubles
