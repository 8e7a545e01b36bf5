# CI, the demo and the sanitizer presets build once and never edit: there sources that
# share most of what they include are compiled in a few pieces, for a third of
# the processor time. The dev preset keeps its sources apart, so that a change
# stays a matter of seconds. cmake/unity_groups.py keeps those apart that use one
# file-local name for two things.
option(ALULA_UNITY "compile sources in a few pieces" OFF)

function(alula_unity)
  if(NOT ALULA_UNITY)
    return()
  endif()
  find_package(Python3 REQUIRED COMPONENTS Interpreter)
  foreach(target IN LISTS ARGN)
    if(NOT TARGET ${target})
      continue()
    endif()
    get_target_property(all ${target} SOURCES)
    get_target_property(place ${target} SOURCE_DIR)
    set(sources ${all})
    list(FILTER sources INCLUDE REGEX "\\.cpp$")
    # What CMake has written has an absolute path, and stays a piece of its own;
    # so does what is compiled in another way.
    list(FILTER sources EXCLUDE REGEX "^/")
    foreach(source IN LISTS sources)
      get_source_file_property(apart ${place}/${source}
        TARGET_DIRECTORY ${target} COMPILE_DEFINITIONS)
      if(apart)
        list(REMOVE_ITEM sources ${source})
      endif()
    endforeach()
    list(REMOVE_ITEM all ${sources})
    # Pieces of ours and not CMake's, which include by absolute paths: a cache of
    # compilers would know none of them in another clone.
    execute_process(
      COMMAND ${Python3_EXECUTABLE} ${PROJECT_SOURCE_DIR}/cmake/unity_groups.py
        --write ${PROJECT_BINARY_DIR}/unity/${target} 8 ${sources}
      WORKING_DIRECTORY ${place}
      OUTPUT_VARIABLE pieces OUTPUT_STRIP_TRAILING_WHITESPACE
      COMMAND_ERROR_IS_FATAL ANY)
    string(REPLACE "\n" ";" pieces "${pieces}")
    set_target_properties(${target} PROPERTIES
      SOURCES "${all};${pieces}" ALULA_IN_PIECES ON)
  endforeach()
endfunction()
