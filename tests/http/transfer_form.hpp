/// What a node sends to another, as forms go.
#pragma once

#include "tests/doubles/fake_archives.hpp"

#include <string>

namespace alula::http {

inline const std::string form_boundary = "a-boundary-of-a-test";
inline const std::string form_type =
    "multipart/form-data; boundary=" + form_boundary;

inline std::string form_part(const std::string& name,
                             const std::string& content) {
  return "--" + form_boundary + "\r\nContent-Disposition: form-data; name=\""
         + name + "\"\r\n\r\n" + content + "\r\n";
}

/// An archive that the fake which unpacks it can read.
inline std::string archive_of(const std::string& content) {
  const std::string between(1, jobs::fake_archives::between);
  return "archive" + between + "level.dat" + between + content;
}

/// The whole body, with the checksum that this fake counts.
inline std::string transfer_form(jobs::fake_archives& sums,
                                 const std::string& archive) {
  const auto facts =
      sums.hash([&](const jobs::archive_sink& sink) { return sink(archive); });
  return form_part("archive", archive)
         + form_part("checksum", facts.value().sha256) + "--" + form_boundary
         + "--\r\n";
}

} // namespace alula::http
