# alula_embed_files(<target> <function> <file>...)
#
# Compiles text files into <target> as alula::http::<function>(), sorted as they
# are given (http/embedded.hpp). Editing a file runs CMake again.
function(alula_embed_files target function)
  set(entries "")
  foreach(file IN LISTS ARGN)
    cmake_path(ABSOLUTE_PATH file BASE_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}
      NORMALIZE OUTPUT_VARIABLE path)
    cmake_path(GET path FILENAME name)
    file(READ ${path} text)
    string(APPEND entries
      "    {\"${name}\",\n     R\"alula_text(${text})alula_text\"},\n")
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${path})
  endforeach()
  set(source ${CMAKE_CURRENT_BINARY_DIR}/embedded_${function}.cpp)
  # Not file(CONFIGURE): an @word@ in a style sheet is no variable of CMake.
  set(whole
"#include \"http/embedded.hpp\"

#include <array>

namespace alula::http {

std::span<const embedded_file> ${function}() {
  static constexpr auto all = std::to_array<embedded_file>({
${entries}  });
  return all;
}

} // namespace alula::http
")
  set(before "")
  if(EXISTS ${source})
    file(READ ${source} before)
  endif()
  if(NOT before STREQUAL whole)
    file(WRITE ${source} "${whole}")
  endif()
  target_sources(${target} PRIVATE ${source})
endfunction()
