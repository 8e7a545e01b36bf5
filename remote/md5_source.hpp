/// A source that knows the MD5 of what was read from it last, from its start
/// on: what a store calls the ETag of a part.
#pragma once

#include "jobs/object_store.hpp"

#include <openssl/evp.h>

#include <array>
#include <memory>
#include <mutex>
#include <string>

namespace alula::remote {

class md5_source final : public jobs::byte_source {
public:
  explicit md5_source(const jobs::byte_source& from) : from_(from) {}

  std::int64_t size() const override { return from_.size(); }

  jobs::status read(std::int64_t at, std::span<char> into) const override {
    auto got = from_.read(at, into);
    const std::scoped_lock lock{mutex_};
    if (got && at == 0) {
      EVP_DigestInit_ex(hash_.get(), EVP_md5(), nullptr);
      hashed_ = 0;
    }
    if (got && at == hashed_) {
      EVP_DigestUpdate(hash_.get(), into.data(), into.size());
      hashed_ += static_cast<std::int64_t>(into.size());
    }
    return got;
  }

  /// Empty unless everything was read in order.
  std::string digits() const {
    const std::scoped_lock lock{mutex_};
    if (size() == 0)
      EVP_DigestInit_ex(hash_.get(), EVP_md5(), nullptr);
    if (hashed_ != size())
      return {};
    std::array<unsigned char, 16> raw{};
    EVP_DigestFinal_ex(hash_.get(), raw.data(), nullptr);
    std::string out;
    static constexpr char hex[] = "0123456789abcdef";
    for (const auto byte : raw) {
      out += hex[byte >> 4];
      out += hex[byte & 15];
    }
    return out;
  }

private:
  struct release {
    void operator()(EVP_MD_CTX* one) const { EVP_MD_CTX_free(one); }
  };
  const jobs::byte_source& from_;
  mutable std::mutex mutex_;
  mutable std::unique_ptr<EVP_MD_CTX, release> hash_{EVP_MD_CTX_new()};
  mutable std::int64_t hashed_ = 0;
};

} // namespace alula::remote
