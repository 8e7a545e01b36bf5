/// The hand-written list of all job kinds: one line per kind. Written by hand
/// because a static library drops objects that nobody names.
#pragma once

#include "jobs/kind.hpp"

namespace alula::jobs {

extern const kind create_server;
extern const kind delete_server;
extern const kind undelete_server;

const catalog& standard_catalog();

} // namespace alula::jobs
