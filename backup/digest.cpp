#include "backup/digest.hpp"

#include <openssl/evp.h>

#include <array>

namespace alula::backup {

namespace {

using context = std::unique_ptr<EVP_MD_CTX, decltype(&::EVP_MD_CTX_free)>;

context start(const EVP_MD* kind) {
  context out{::EVP_MD_CTX_new(), ::EVP_MD_CTX_free};
  ::EVP_DigestInit_ex(out.get(), kind, nullptr);
  return out;
}

std::string finish_hex(EVP_MD_CTX* from) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> raw{};
  unsigned int size = 0;
  ::EVP_DigestFinal_ex(from, raw.data(), &size);
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (unsigned int i = 0; i < size; ++i) {
    text += digits[raw[i] >> 4];
    text += digits[raw[i] & 0x0F];
  }
  return text;
}

} // namespace

struct digest::state {
  context sha1 = start(::EVP_sha1());
  context sha256 = start(::EVP_sha256());
};

digest::digest() : state_(std::make_unique<state>()) {}
digest::~digest() = default;
digest::digest(digest&&) noexcept = default;
digest& digest::operator=(digest&&) noexcept = default;

void digest::update(byte_view data) {
  ::EVP_DigestUpdate(state_->sha1.get(), data.data(), data.size());
  ::EVP_DigestUpdate(state_->sha256.get(), data.data(), data.size());
}

checksums digest::finish() {
  return {finish_hex(state_->sha1.get()), finish_hex(state_->sha256.get())};
}

} // namespace alula::backup
