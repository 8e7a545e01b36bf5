/// Removing one entry of a directory that may forbid it: a server owns its
/// files' modes, and alula must get rid of them all the same.
#pragma once

#include <string>

namespace alula::storage {

/// unlinkat that gives itself the right to write in the directory; false with
/// errno when it did not help.
bool unlink_entry(int fd, const char* name, int flags);

/// u+rwx on an open directory; true when that changed something. errno stays
/// EACCES when it did not.
bool grant_access(int fd);

/// The same for a directory that cannot be opened for reading. A descriptor
/// without rights (O_PATH) pins what the chmod then goes to: no link can come
/// in between.
bool make_accessible(int parent_fd, const std::string& name);

} // namespace alula::storage
