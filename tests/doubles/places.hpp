/// Where things of this tree lie, for the tests that use them; each binary has
/// those that alula_places() of tests/CMakeLists.txt gives it. On the command
/// line of a compiler such paths would make every source of a binary unknown to
/// the compiler's cache in another clone.
#pragma once

namespace alula::doubles::places {

extern const char* const program;          ///< alula itself
extern const char* const door_server;      ///< of tests/http
extern const char* const tests_app;        ///< a directory
extern const char* const scripts;          ///< a directory
extern const char* const panel;            ///< panel.py
extern const char* const target_node;      ///< target_node.py
extern const char* const foreign_archives; ///< a directory
extern const char* const ignore_corpus;    ///< a directory
extern const char* const manifest_corpus;  ///< a directory
extern const char* const tar_corpus;       ///< a directory

} // namespace alula::doubles::places
