/// RSA keys of an issuer, as it signs with them and as it publishes them.
#pragma once

#include "tests/http/token_maker.hpp"

#include <nlohmann/json.hpp>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <cstddef>
#include <memory>
#include <string>

namespace alula::http {

/// An RSA key pair and its entry in a key set.
struct rsa_pair {
  explicit rsa_pair(unsigned bits = 2'048)
    : key(EVP_RSA_gen(bits), [](EVP_PKEY* k) { EVP_PKEY_free(k); }) {}

  std::string part(const char* name) const {
    BIGNUM* number = nullptr;
    EVP_PKEY_get_bn_param(key.get(), name, &number);
    std::string bytes(static_cast<std::size_t>(BN_num_bytes(number)), '\0');
    BN_bn2bin(number, reinterpret_cast<unsigned char*>(bytes.data()));
    BN_free(number);
    return base64url(bytes);
  }
  nlohmann::json jwk(const std::string& id = "k1") const {
    return {{"kty", "RSA"},
            {"kid", id},
            {"use", "sig"},
            {"n", part(OSSL_PKEY_PARAM_RSA_N)},
            {"e", part(OSSL_PKEY_PARAM_RSA_E)}};
  }
  std::string sign(const std::string& content) const {
    std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> ctx{EVP_MD_CTX_new(),
                                                           EVP_MD_CTX_free};
    std::size_t size = 0;
    const auto* from = reinterpret_cast<const unsigned char*>(content.data());
    EVP_DigestSignInit(ctx.get(), nullptr, EVP_sha256(), nullptr, key.get());
    EVP_DigestSign(ctx.get(), nullptr, &size, from, content.size());
    std::string out(size, '\0');
    EVP_DigestSign(ctx.get(), reinterpret_cast<unsigned char*>(out.data()),
                   &size, from, content.size());
    out.resize(size);
    return out;
  }
  std::shared_ptr<EVP_PKEY> key;
};

} // namespace alula::http
