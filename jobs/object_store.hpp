/// Object stores of the node's own: buckets it has keys for. Ports: the adapter
/// is remote/s3_store.hpp, the fake tests/doubles/fake_object_store.hpp, and
/// tests/contracts/object_store_contract.hpp runs on the fake, on radosgw and
/// on Swift.
#pragma once

#include "jobs/ids.hpp"
#include "jobs/result.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace alula::jobs {

/// Bytes that can be sent again from any place, so that a second try sends what
/// the first one should have. Any thread, several at once.
class byte_source {
public:
  virtual ~byte_source() = default;
  virtual std::int64_t size() const = 0;
  /// Fills all of `into` from `at` on. Fault io_error, also when it ends early.
  virtual status read(std::int64_t at, std::span<char> into) const = 0;
};

/// Told how many bytes of a transfer are through; starts at 0 again with every
/// try. Must not block.
using transfer_tell = std::function<void(std::int64_t)>;

/// Takes the bytes of a download in order. Its fault ends the download.
using byte_sink = std::function<status(std::span<const char>)>;

struct object_info {
  std::string key;
  std::int64_t size = 0;
  std::string etag; ///< without quotes
  time_ms modified_at = 0;
};

struct object_page {
  std::vector<object_info> objects; ///< in byte order of their keys
  bool has_more = false;            ///< go on after the last key
};

struct object_part {
  int number = 0; ///< from 1
  std::int64_t size = 0;
  std::string etag; ///< without quotes
  friend bool operator==(const object_part&, const object_part&) = default;
};

struct open_upload {
  std::string key;
  std::string id;
  time_ms begun_at = 0;
};

/// Parts of one size but for the last: S3 wants 5 MiB at least, 5 GiB and
/// 10,000 parts at most.
std::int64_t part_size_for(std::int64_t size, std::int64_t wanted);

/// One bucket, and a prefix below it that is not part of the keys here. Blocks;
/// any thread, several at once. Tries once: retries are the caller's.
/// Faults: store_unavailable (no answer, 5xx, too many requests: ask again),
/// store_refused (a final no: keys, quota, no such bucket), interrupted. An
/// object or upload that is not there: store_object_missing.
class object_store {
public:
  virtual ~object_store() = default;

  virtual const std::string& name() const = 0;
  /// Wanted size of parts.
  virtual std::int64_t part_size() const = 0;

  /// Its ETag.
  virtual result<std::string> put(const std::string& key,
                                  const byte_source& from,
                                  std::stop_token stop) = 0;
  virtual result<std::optional<object_info>> head(const std::string& key,
                                                  std::stop_token stop) = 0;
  /// `length` bytes from `at` on; 0: to the end. With an `etag` only while the
  /// object still is that one; else store_object_missing.
  virtual result<object_info> get(const std::string& key, std::int64_t at,
                                  std::int64_t length, const std::string& etag,
                                  const byte_sink& into,
                                  std::stop_token stop) = 0;
  /// Missing is success.
  virtual status remove(const std::string& key, std::stop_token stop) = 0;
  /// Keys that begin with `prefix`, strictly after `after`.
  virtual result<object_page> list(const std::string& prefix,
                                   const std::string& after, std::size_t limit,
                                   std::stop_token stop) = 0;

  // -- in parts ---------------------------------------------------------------

  /// The id of a new upload. What is begun is finished or aborted by somebody:
  /// its parts cost money and are in no list of objects.
  virtual result<std::string> begin_upload(const std::string& key,
                                           std::stop_token stop) = 0;
  /// Replaces the part of that number. The part as it is stored; its ETag was
  /// compared with what was sent, where it is an MD5.
  virtual result<object_part> put_part(const std::string& key,
                                       const std::string& upload, int number,
                                       const byte_source& from,
                                       const transfer_tell& tell,
                                       std::stop_token stop) = 0;
  /// In order.
  virtual result<std::vector<object_part>> list_parts(const std::string& key,
                                                      const std::string& upload,
                                                      std::stop_token stop) = 0;
  /// The object is there when it returns, from one of two calls too. Fault
  /// store_object_missing when there is neither upload nor object.
  virtual status finish_upload(const std::string& key,
                               const std::string& upload,
                               std::vector<object_part> parts,
                               std::stop_token stop) = 0;
  /// Until the store lists no part of it any more; missing is success.
  virtual status abort_upload(const std::string& key, const std::string& upload,
                              std::stop_token stop) = 0;
  virtual result<std::vector<open_upload>>
  list_uploads(const std::string& prefix, std::stop_token stop) = 0;

  // -- for others -------------------------------------------------------------

  /// A URL that gets the object, without credentials, while it lasts. Does not
  /// ask the store.
  virtual std::string presign_get(const std::string& key,
                                  std::chrono::seconds lasts) = 0;
  /// The same for one part of an upload.
  virtual std::string presign_part(const std::string& key,
                                   const std::string& upload, int number,
                                   std::chrono::seconds lasts) = 0;
};

/// The stores of the configuration. Any thread.
class object_stores {
public:
  virtual ~object_stores() = default;
  /// Null when there is none of that name. Lives as long as this.
  virtual object_store* find(std::string_view name) = 0;
  virtual std::vector<std::string> names() const = 0;
};

} // namespace alula::jobs
