/// The TLS side of the listener: TLS 1.2 and 1.3, http/1.1 only.
#pragma once

#include "http/server.hpp"
#include "jobs/result.hpp"

#include <filesystem>
#include <memory>

namespace asio::ssl {
class context;
}

namespace alula::http {

/// Loads the certificate chain and its key. Fault: io_error naming the file
/// that cannot be read or parsed, or both when they do not belong together.
jobs::result<std::shared_ptr<asio::ssl::context>>
load_tls(const tls_files& files);

} // namespace alula::http
