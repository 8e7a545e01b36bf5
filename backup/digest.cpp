#include "backup/digest.hpp"

#include <openssl/evp.h>

#include <array>

namespace alula::backup {

namespace {

using context = std::unique_ptr<EVP_MD_CTX, decltype(&::EVP_MD_CTX_free)>;

/// Null unless it is wanted.
context start(const EVP_MD* kind, bool is_wanted) {
  context out{is_wanted ? ::EVP_MD_CTX_new() : nullptr, ::EVP_MD_CTX_free};
  if (out)
    ::EVP_DigestInit_ex(out.get(), kind, nullptr);
  return out;
}

std::string finish_hex(EVP_MD_CTX* from) {
  if (from == nullptr)
    return {};
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
  context sha1;
  context sha256;
};

digest::digest(sums which)
  : state_(std::make_unique<state>(state{
      start(::EVP_sha1(), which == sums::sha1 || which == sums::both),
      start(::EVP_sha256(), which == sums::sha256 || which == sums::both)})) {}
digest::~digest() = default;
digest::digest(digest&&) noexcept = default;
digest& digest::operator=(digest&&) noexcept = default;

void digest::update(byte_view data) {
  for (auto* each : {state_->sha1.get(), state_->sha256.get()})
    if (each != nullptr)
      ::EVP_DigestUpdate(each, data.data(), data.size());
}

checksums digest::finish() {
  return {finish_hex(state_->sha1.get()), finish_hex(state_->sha256.get())};
}

} // namespace alula::backup
