# alula_embed_migrations(<target> <file>...)
#
# Compiles numbered SQL files (NNNN_name.sql, in order) into <target>, with the
# SHA-256 of each, as alula::storage::embedded_migrations(). Editing a file
# runs CMake again, so text and checksum cannot part.
function(alula_embed_migrations target)
  set(entries "")
  foreach(file IN LISTS ARGN)
    cmake_path(ABSOLUTE_PATH file BASE_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}
      NORMALIZE OUTPUT_VARIABLE path)
    cmake_path(GET path STEM stem)
    if(NOT stem MATCHES "^([0-9][0-9][0-9][0-9])_([a-z0-9_]+)$")
      message(FATAL_ERROR "a migration is named NNNN_name.sql, not ${path}")
    endif()
    set(name ${CMAKE_MATCH_2})
    string(REGEX REPLACE "^0+" "" version ${CMAKE_MATCH_1})
    file(READ ${path} text)
    file(SHA256 ${path} checksum)
    string(APPEND entries
      "    {${version}, \"${name}\", \"${checksum}\",\n"
      "     R\"alula_sql(${text})alula_sql\"},\n")
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${path})
  endforeach()
  set(source ${CMAKE_CURRENT_BINARY_DIR}/embedded_migrations.cpp)
  file(CONFIGURE OUTPUT ${source} @ONLY CONTENT
"#include \"storage/migrator.hpp\"

#include <array>

namespace alula::storage {

std::span<const migration> embedded_migrations() {
  static constexpr auto all = std::to_array<migration>({
@entries@  });
  return all;
}

} // namespace alula::storage
")
  target_sources(${target} PRIVATE ${source})
endfunction()
