/// What a node sends to another, as forms go.
#pragma once

#include "tests/doubles/fake_archives.hpp"

#include <string>

namespace alula::doubles::forms {

inline const std::string mark = "x-boundary-x";
inline const std::string type = "multipart/form-data; boundary=" + mark;
inline const std::string last = "--" + mark + "--\r\n";

inline std::string part(const std::string& name, const std::string& content) {
  return "--" + mark + "\r\nContent-Disposition: form-data; name=\"" + name
         + "\"\r\n\r\n" + content + "\r\n";
}

/// An archive that the fake which unpacks it can read.
inline std::string archive(const std::string& content = "world") {
  const std::string between(1, jobs::fake_archives::between);
  return "archive" + between + "level.dat" + between + content;
}

/// As this fake counts it.
inline std::string sum_of(jobs::fake_archives& sums, const std::string& bytes) {
  return sums.hash([&](const jobs::archive_sink& sink) { return sink(bytes); })
      .value()
      .sha256;
}

/// The whole body, with the checksum.
inline std::string body(jobs::fake_archives& sums,
                        const std::string& bytes = archive()) {
  return part("archive", bytes) + part("checksum", sum_of(sums, bytes)) + last;
}

} // namespace alula::doubles::forms
