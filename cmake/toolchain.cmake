# ccache and mold when the machine has them; sanitizers by ALULA_SANITIZE.
find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  # Paths below the tree are hashed relative to it, so that clones share hits.
  set(launcher ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${PROJECT_SOURCE_DIR}
    CCACHE_NOHASHDIR=true ${CCACHE_PROGRAM})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
  set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
endif()
find_program(MOLD_PROGRAM mold)
if(MOLD_PROGRAM)
  add_link_options(-fuse-ld=mold)
endif()

set(ALULA_SANITIZE "" CACHE STRING "address, thread or empty")
if(ALULA_SANITIZE STREQUAL "address")
  # CAF 0.17.6 headers bind references to null while they register types, so
  # that check is off. The other three cost as much to compile as all the rest
  # together; what they find, AddressSanitizer finds, or x86 forgives.
  add_compile_options(-fsanitize=address,undefined
    -fno-sanitize=null,vptr,alignment,object-size
    -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
elseif(ALULA_SANITIZE STREQUAL "thread")
  add_compile_options(-fsanitize=thread -fno-omit-frame-pointer)
  add_link_options(-fsanitize=thread)
endif()
