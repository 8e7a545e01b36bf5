/// Leads a request whose body has not been read to its handler: the same door,
/// the same routes, and a way back that needs no HTTP library. I/O thread.
#pragma once

#include "http/connection.hpp"
#include "http/door.hpp"
#include "http/visit.hpp"

#include <cstddef>

namespace alula::http {

/// `most_pending`: more unanswered requests than that are an overload.
void admit_upload(connection& on, streamed_head head, door& entry,
                  visitors& everyone, std::size_t most_pending);

} // namespace alula::http
