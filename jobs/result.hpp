/// Failures are values: a code that programs may rely on, a sentence for
/// people, and the place it happened at. `result` is spelled like C++23's
/// std::expected, so that it can become an alias of it one day.
#pragma once

#include <cassert>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace alula::jobs {

/// Every way a request or a step can fail. The slug of each is part of the
/// API (docs/errors.md) and never changes. HTTP statuses are chosen in
/// http/reply.cpp alone, retries in jobs/retry.cpp alone.
enum class fault_code {
  // the request
  malformed,             ///< not JSON, not HTTP, not a UUID
  validation,            ///< well formed, but a field is wrong: see `fields`
  unauthorized,          ///< no or wrong credentials
  forbidden,             ///< right credentials, not for this
  route_not_found,       ///< no such URL
  method_not_allowed,    ///< the URL exists, not with this method
  server_not_found,      ///< no server of that uuid here
  job_not_found,         ///< no job of that id here
  trash_not_found,       ///< nothing of that job lies in the trash
  job_expired,           ///< the job's record was pruned
  token_used,            ///< a one-time link was used before
  backup_lost,           ///< the backup is on record, its archive is gone
  precondition_failed,   ///< it is not the file that the client means
  range_not_satisfiable, ///< no byte of the range is in the file
  backup_not_found,      ///< no backup of that uuid for this server
  path_not_found,        ///< no such path in the backup
  token_not_found,       ///< no API token of that id
  pool_not_found,        ///< no pool of workers of that name
  server_exists,         ///< the uuid is taken by a different server
  server_locked,         ///< another job holds the server: see `in_the_way`
  server_suspended,      ///< a suspended server is not started
  backup_exists,         ///< the uuid is taken by another backup
  backup_in_use,         ///< somebody reads the backup: ask again
  no_manifest,           ///< the archive has not been indexed
  not_undoable,          ///< nothing is kept to undo the job with
  not_transferring,      ///< no transfer of the server is under way here
  past_pivot,            ///< too late to cancel
  already_finished,      ///< the job has ended
  not_parked,            ///< only a parked or failed job can be retried
  job_not_ended,         ///< only an ended job's record can be forgotten
  job_needed,            ///< something still needs the record of the job
  idempotency_mismatch,  ///< the key was used for another request
  cursor_mismatch,       ///< the cursor belongs to another query
  body_too_large,        ///< over the body limit
  headers_too_large,     ///< over the header limits
  uri_too_long,          ///< over the URL limit
  rate_limited,          ///< too many requests
  not_implemented,       ///< a route of Wings alula does not serve
  shutting_down,         ///< alula stops; ask again later
  starting,              ///< alula has not recovered its jobs yet
  // the world
  docker_unavailable,   ///< dockerd does not answer
  docker_refused,       ///< dockerd answered with a final no
  container_busy,       ///< removal in progress, mount busy: ask again
  panel_unavailable,    ///< the Panel does not answer, or not now
  panel_refused,        ///< the Panel answered with a final no
  node_unavailable,     ///< another node was not reached: it got nothing
  node_refused,         ///< another node did not take a server
  store_unavailable,    ///< an object store does not answer, or not now
  store_refused,        ///< an object store answered with a final no
  store_object_missing, ///< it has no such object, or no such upload
  store_not_found,      ///< the configuration names no such store
  system_not_found,     ///< no system of that id here
  quota_exceeded,       ///< an organisation has as much as it may have
  upload_failed,        ///< a body that did not come through to its end
  transfer_failed,      ///< a server that could not be taken in or sent
  link_refused,         ///< a URL that may not be asked
  timed_out,            ///< a deadline passed
  insufficient_storage, ///< ENOSPC, EDQUOT
  no_room,              ///< what the job needs does not fit: waiting is vain
  io_error,             ///< EIO and every other failing system call
  journal_unavailable,  ///< the ledger cannot write
  volume_obstructed,    ///< a mount or a link where a volume should be
  backup_damaged,       ///< the archive is not what was written
  archive_refused,      ///< the archive is hostile or over a limit
  install_failed,       ///< the install script, or what it ran in
  // the engine
  interrupted, ///< asked to stop: shutdown or cancel
  stuck,       ///< a step made no progress for its whole limit
  crashed,     ///< the process died in this step too often
  cancelled,   ///< ended by request
  abandoned,   ///< given up by an operator
  internal,    ///< a bug of ours
};

/// The stable name of a code as the API shows it, e.g. "server-locked".
std::string_view slug(fault_code code);

/// A short title that does not depend on the occurrence (RFC 9457, 3.1.3).
std::string_view title(fault_code code);

/// The code with that slug; `internal` when a newer release wrote it.
fault_code fault_code_from(std::string_view slug);

/// One wrong field of a request; `pointer` is an RFC 6901 JSON pointer.
struct field_error {
  std::string pointer;
  std::string detail;
  friend bool operator==(const field_error&, const field_error&) = default;
};

struct fault {
  fault_code code = fault_code::internal;
  std::string what;       ///< a sentence for people
  std::string where = {}; ///< the file, call or step, may be empty
  std::vector<field_error> fields = {}; ///< only for `validation`
  std::string in_the_way = {};          ///< id of the job that is in the way
  friend bool operator==(const fault&, const fault&) = default;
};

/// An io fault for a failed system call: maps ENOSPC and EDQUOT to
/// insufficient_storage, everything else to io_error.
fault system_fault(int error_number, std::string_view call,
                   std::string_view path);

/// {"code","detail","where"} as stored in the ledger, and back.
std::string to_json(const fault& f);
fault fault_from_json(std::string_view text);

/// A value or a fault. What is taken out of a temporary is taken by value: a
/// reference into it would dangle in `for (const auto& x : f().value())`.
template<class T>
class [[nodiscard]] result {
public:
  using value_type = T;
  result(T value) : held_(std::in_place_index<0>, std::move(value)) {}
  result(fault f) : held_(std::in_place_index<1>, std::move(f)) {}

  bool has_value() const { return held_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  T& value() & { return std::get<0>(held_); }
  const T& value() const& { return std::get<0>(held_); }
  T value() && { return std::get<0>(std::move(held_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T operator*() && { return std::get<0>(std::move(held_)); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  const fault& error() const& { return std::get<1>(held_); }
  fault error() && { return std::get<1>(std::move(held_)); }

private:
  std::variant<T, fault> held_;
};

/// Success or a fault.
template<>
class [[nodiscard]] result<void> {
public:
  result() = default;
  result(fault f) : fault_(std::move(f)) {}
  bool has_value() const { return !fault_; }
  explicit operator bool() const { return has_value(); }
  const fault& error() const& {
    assert(fault_);
    return *fault_;
  }
  fault error() && {
    assert(fault_);
    return std::move(*fault_);
  }

private:
  std::optional<fault> fault_;
};

using status = result<void>;

} // namespace alula::jobs
