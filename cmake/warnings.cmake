# One target that every target of ours links: warnings are errors.
add_library(alula_warnings INTERFACE)
target_compile_options(alula_warnings INTERFACE
  -Wall -Wextra -Wpedantic
  # Of several sources in one piece, one may hide the file-local name of another,
  # and none is the one that unnamed namespaces belong to.
  $<IF:$<BOOL:$<TARGET_PROPERTY:ALULA_IN_PIECES>>,-Wno-shadow$<SEMICOLON>-Wno-subobject-linkage,-Wshadow>
  -Wnon-virtual-dtor -Werror
  -Wno-missing-field-initializers
  # g++ 12 sees uninitialized values inside std::stop_token that are not there.
  "$<$<CXX_COMPILER_ID:GNU>:-Wno-error=restrict;-Wno-maybe-uninitialized;-Wno-tsan>")
target_include_directories(alula_warnings INTERFACE ${PROJECT_SOURCE_DIR})
