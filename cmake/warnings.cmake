# One target that every target of ours links: warnings are errors.
add_library(alula_warnings INTERFACE)
target_compile_options(alula_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Werror
  -Wno-missing-field-initializers
  $<$<CXX_COMPILER_ID:GNU>:-Wno-error=restrict -Wno-tsan>)
target_include_directories(alula_warnings INTERFACE ${PROJECT_SOURCE_DIR})
