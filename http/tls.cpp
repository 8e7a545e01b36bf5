#include "http/tls.hpp"

#include <asio/ssl/context.hpp>
#include <openssl/ssl.h>

#include <array>
#include <cerrno>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace alula::http {

namespace {

/// Wings' suites (wings-protocol 1.1): AEAD with forward secrecy only.
constexpr auto suites = "ECDHE-ECDSA-AES128-GCM-SHA256:"
                        "ECDHE-RSA-AES128-GCM-SHA256:"
                        "ECDHE-ECDSA-AES256-GCM-SHA384:"
                        "ECDHE-RSA-AES256-GCM-SHA384:"
                        "ECDHE-ECDSA-CHACHA20-POLY1305:"
                        "ECDHE-RSA-CHACHA20-POLY1305";

constexpr std::array<unsigned char, 9> http_1_1{8,   'h', 't', 't', 'p',
                                                '/', '1', '.', '1'};

/// A client that speaks only h2 is told so (RFC 7301, 3.2).
int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* size,
                    const unsigned char* offered, unsigned int offered_size,
                    void*) {
  unsigned char* found = nullptr;
  if (SSL_select_next_proto(&found, size, http_1_1.data(), http_1_1.size(),
                            offered, offered_size)
      != OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *chosen = found;
  return SSL_TLSEXT_ERR_OK;
}

jobs::fault cannot_use(std::string what, const std::string& file) {
  return {jobs::fault_code::io_error, std::move(what), file};
}

/// OpenSSL says "unsupported" where the system knows better.
jobs::status check_readable(std::string_view what, const std::string& file) {
  struct stat about {};
  int why = 0;
  if (::stat(file.c_str(), &about) != 0 || ::access(file.c_str(), R_OK) != 0)
    why = errno;
  else if (S_ISDIR(about.st_mode))
    why = EISDIR;
  if (why == 0)
    return {};
  return cannot_use("the TLS " + std::string{what} + " " + file
                        + " cannot be read: "
                        + std::generic_category().message(why),
                    file);
}

void harden(SSL_CTX* context) {
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(context, suites);
  SSL_CTX_set1_groups_list(context, "X25519:P-256");
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION
                                   | SSL_OP_CIPHER_SERVER_PREFERENCE);
  // An idle connection gives its 34 KiB of buffers back.
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);
}

} // namespace

jobs::result<std::shared_ptr<asio::ssl::context>>
load_tls(const tls_files& files) {
  auto context =
      std::make_shared<asio::ssl::context>(asio::ssl::context::tls_server);
  harden(context->native_handle());
  const auto certificate = files.certificate.string();
  const auto key = files.key.string();
  if (auto readable = check_readable("certificate", certificate); !readable)
    return std::move(readable).error();
  if (auto readable = check_readable("key", key); !readable)
    return std::move(readable).error();
  std::error_code ec;
  context->use_certificate_chain_file(certificate, ec);
  if (ec)
    return cannot_use("the TLS certificate " + certificate
                          + " cannot be used: " + ec.message(),
                      certificate);
  context->use_private_key_file(key, asio::ssl::context::pem, ec);
  if (ec)
    return cannot_use("the TLS key " + key + " cannot be used with the "
                          + "certificate " + certificate + ": " + ec.message(),
                      key);
  if (SSL_CTX_check_private_key(context->native_handle()) != 1)
    return cannot_use("the TLS key " + key + " does not belong to the "
                          + "certificate " + certificate,
                      key);
  return context;
}

} // namespace alula::http
