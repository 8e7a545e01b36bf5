# The Debian package: scripts/package.
# What is packed is built by scripts/package; not all of the tests besides.
set(CMAKE_SKIP_INSTALL_ALL_DEPENDENCY ON)
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME alula)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_CONTACT "alula developers <alula@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY
  "game server node whose jobs survive crashes")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
  "A node engine for game servers that speaks the HTTP contract of Wings and
 runs every lifecycle task as a durable job: accepted only once it is on disk,
 resumed after a crash, always there to be asked how far it is.")
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS ca-certificates)
set(CPACK_DEBIAN_PACKAGE_SUGGESTS docker.io)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(packaging ${PROJECT_SOURCE_DIR}/packaging)
file(WRITE ${PROJECT_BINARY_DIR}/packaging/conffiles
  "/etc/default/alula\n")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${packaging}/preinst ${packaging}/postinst
  ${packaging}/prerm
  ${packaging}/postrm ${PROJECT_BINARY_DIR}/packaging/conffiles)

install(FILES ${packaging}/alula.service DESTINATION /lib/systemd/system)
install(FILES ${packaging}/alula.tmpfiles DESTINATION lib/tmpfiles.d
  RENAME alula.conf)
install(FILES ${packaging}/alula.default DESTINATION /etc/default RENAME alula)
# The program writes its config, so dpkg must not keep it: postinst copies this.
install(FILES ${packaging}/config.yml DESTINATION share/alula)
# Made when it is packed, by the program that is packed: no target to build,
# so any build directory with a program in it will do.
install(CODE "
  execute_process(COMMAND gzip -9nc ${PROJECT_SOURCE_DIR}/docs/alula.1
    OUTPUT_FILE ${PROJECT_BINARY_DIR}/packaging/alula.1.gz
    COMMAND_ERROR_IS_FATAL ANY)
  execute_process(COMMAND $<TARGET_FILE:alula> completion bash
    OUTPUT_FILE ${PROJECT_BINARY_DIR}/packaging/alula.bash
    COMMAND_ERROR_IS_FATAL ANY)
  execute_process(COMMAND $<TARGET_FILE:alula> completion zsh
    OUTPUT_FILE ${PROJECT_BINARY_DIR}/packaging/alula.zsh
    COMMAND_ERROR_IS_FATAL ANY)")
install(FILES ${PROJECT_BINARY_DIR}/packaging/alula.1.gz
  DESTINATION share/man/man1)
install(FILES ${PROJECT_BINARY_DIR}/packaging/alula.bash
  DESTINATION share/bash-completion/completions RENAME alula)
install(FILES ${PROJECT_BINARY_DIR}/packaging/alula.zsh
  DESTINATION share/zsh/vendor-completions RENAME _alula)
install(FILES ${PROJECT_SOURCE_DIR}/README.md DESTINATION share/doc/alula)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/docs/ DESTINATION share/doc/alula
  FILES_MATCHING PATTERN "*.md" PATTERN "*.yml" PATTERN "*.json"
  PATTERN decisions EXCLUDE PATTERN changes EXCLUDE PATTERN screens EXCLUDE)
include(CPack)
