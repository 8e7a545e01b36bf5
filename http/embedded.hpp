/// Files that the binary carries (cmake/embed_files.cmake).
#pragma once

#include <span>
#include <string_view>

namespace alula::http {

struct embedded_file {
  std::string_view name; ///< without a directory
  std::string_view text;
};

/// The status page: web/.
std::span<const embedded_file> page_files();

/// The description of the API, in parts: http/openapi/.
std::span<const embedded_file> description_parts();

} // namespace alula::http
