# One target that every target of ours links: warnings are errors.
add_library(alula_warnings INTERFACE)
target_compile_options(alula_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Werror
  -Wno-missing-field-initializers
  # g++ 12 sees uninitialized values inside std::stop_token that are not there.
  "$<$<CXX_COMPILER_ID:GNU>:-Wno-error=restrict;-Wno-maybe-uninitialized;-Wno-tsan>")
target_include_directories(alula_warnings INTERFACE ${PROJECT_SOURCE_DIR})
