/// Certificates for an hour, and a client that speaks TLS.
#pragma once

#include "tests/doubles/raw_client.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>
#include <sys/time.h>

namespace alula::http {

using doubles::raw_client;

/// A self-signed certificate and its key, as files.
struct identity {
  std::filesystem::path certificate, key;
};

class tls_folder {
public:
  tls_folder()
    : root_(std::filesystem::temp_directory_path()
            / ("alula-tls-" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(root_);
  }
  ~tls_folder() { std::filesystem::remove_all(root_); }

  identity make(const std::string& name) {
    identity made{root_ / (name + ".pem"), root_ / (name + ".key")};
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* certificate = X509_new();
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3'600);
    X509_set_pubkey(certificate, key);
    auto* subject = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(
        subject, "CN", MBSTRING_ASC,
        reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    X509_set_issuer_name(certificate, subject);
    X509_sign(certificate, key, EVP_sha256());
    FILE* file = std::fopen(made.certificate.c_str(), "w");
    PEM_write_X509(file, certificate);
    std::fclose(file);
    file = std::fopen(made.key.c_str(), "w");
    PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(file);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return made;
  }

private:
  std::filesystem::path root_;
};

/// A TLS client over a raw one.
class tls_client {
public:
  explicit tls_client(std::uint16_t port, int max_version = TLS1_3_VERSION,
                      std::string_view protocols = {})
    : raw_(port), context_(SSL_CTX_new(TLS_client_method())) {
    SSL_CTX_set_min_proto_version(context_, TLS1_VERSION);
    SSL_CTX_set_security_level(context_, 0);
    SSL_CTX_set_max_proto_version(context_, max_version);
    ssl_ = SSL_new(context_);
    if (!protocols.empty())
      SSL_set_alpn_protos(
          ssl_, reinterpret_cast<const unsigned char*>(protocols.data()),
          static_cast<unsigned>(protocols.size()));
    const timeval limit{20, 0};
    ::setsockopt(raw_.descriptor(), SOL_SOCKET, SO_RCVTIMEO, &limit,
                 sizeof limit);
    SSL_set_fd(ssl_, raw_.descriptor());
    is_open = SSL_connect(ssl_) == 1;
  }
  ~tls_client() {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
  }
  tls_client(const tls_client&) = delete;
  tls_client& operator=(const tls_client&) = delete;

  std::string ask(std::string_view request, std::string_view last = "polled") {
    SSL_write(ssl_, request.data(), static_cast<int>(request.size()));
    std::string all;
    char buffer[65'536];
    while (!all.ends_with(last)) {
      const int n = SSL_read(ssl_, buffer, sizeof buffer);
      if (n <= 0)
        break;
      all.append(buffer, static_cast<std::size_t>(n));
    }
    return all;
  }

  std::string peer_name() {
    X509* certificate = SSL_get1_peer_certificate(ssl_);
    char name[64] = "";
    if (certificate)
      X509_NAME_get_text_by_NID(X509_get_subject_name(certificate),
                                NID_commonName, name, sizeof name);
    X509_free(certificate);
    return name;
  }

  std::string chosen_protocol() {
    const unsigned char* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl_, &name, &size);
    return {reinterpret_cast<const char*>(name), size};
  }
  int version() { return SSL_version(ssl_); }

  bool is_open = false;

private:
  raw_client raw_;
  SSL_CTX* context_;
  SSL* ssl_;
};

} // namespace alula::http
