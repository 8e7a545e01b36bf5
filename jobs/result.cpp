#include "jobs/result.hpp"

#include "jobs/full_disk.hpp"

#include <nlohmann/json.hpp>

#include <array>
#include <cerrno>
#include <cstring>
#include <iterator>

namespace alula::jobs {

namespace {

struct code_row {
  fault_code code;
  std::string_view slug;
  std::string_view title;
};

constexpr code_row codes[] = {
    {fault_code::malformed, "malformed", "The request cannot be read"},
    {fault_code::validation, "validation", "A field of the request is wrong"},
    {fault_code::unauthorized, "unauthorized",
     "Credentials are missing or wrong"},
    {fault_code::forbidden, "forbidden", "Not allowed with these credentials"},
    {fault_code::route_not_found, "route-not-found", "There is no such URL"},
    {fault_code::method_not_allowed, "method-not-allowed",
     "The URL does not take this method"},
    {fault_code::server_not_found, "server-not-found",
     "There is no such server on this node"},
    {fault_code::job_not_found, "job-not-found", "There is no such job"},
    {fault_code::trash_not_found, "trash-not-found",
     "Nothing of that job lies in the trash"},
    {fault_code::job_expired, "job-expired", "The job's record has expired"},
    {fault_code::token_used, "token-used", "The link was used before"},
    {fault_code::backup_lost, "backup-lost", "The backup's archive is gone"},
    {fault_code::precondition_failed, "precondition-failed",
     "The file is not the one that is meant"},
    {fault_code::range_not_satisfiable, "range-not-satisfiable",
     "No byte of the range is in the file"},
    {fault_code::backup_not_found, "backup-not-found",
     "There is no such backup of this server"},
    {fault_code::path_not_found, "path-not-found",
     "The backup has no such path"},
    {fault_code::token_not_found, "token-not-found", "No such token"},
    {fault_code::pool_not_found, "pool-not-found",
     "There is no such pool of workers"},
    {fault_code::server_exists, "server-exists",
     "A server of that uuid exists already"},
    {fault_code::server_locked, "server-locked",
     "The server is locked by another job"},
    {fault_code::server_suspended, "server-suspended",
     "The server is suspended"},
    {fault_code::backup_exists, "backup-exists",
     "A backup of that uuid exists already"},
    {fault_code::backup_in_use, "backup-in-use", "The backup is being read"},
    {fault_code::no_manifest, "no-manifest", "The backup has not been indexed"},
    {fault_code::not_undoable, "not-undoable",
     "Nothing is kept to undo the job with"},
    {fault_code::not_transferring, "not-transferring",
     "The server is not being transferred"},
    {fault_code::past_pivot, "past-point-of-no-return",
     "The job can no longer be cancelled"},
    {fault_code::already_finished, "already-finished", "The job has ended"},
    {fault_code::not_parked, "not-parked",
     "The job is not waiting for a retry"},
    {fault_code::job_not_ended, "job-not-ended", "The job has not ended"},
    {fault_code::job_needed, "job-needed", "The job's record is still needed"},
    {fault_code::idempotency_mismatch, "idempotency-mismatch",
     "The idempotency key was used for another request"},
    {fault_code::cursor_mismatch, "cursor-mismatch",
     "The cursor belongs to another query"},
    {fault_code::body_too_large, "body-too-large", "The body is too large"},
    {fault_code::headers_too_large, "headers-too-large",
     "The headers are too large"},
    {fault_code::uri_too_long, "uri-too-long", "The URL is too long"},
    {fault_code::rate_limited, "rate-limited", "Too many requests"},
    {fault_code::not_implemented, "not-implemented",
     "alula does not serve this route"},
    {fault_code::shutting_down, "shutting-down", "alula is stopping"},
    {fault_code::starting, "starting", "alula is recovering its jobs"},
    {fault_code::docker_unavailable, "docker-unavailable",
     "Docker does not answer"},
    {fault_code::docker_refused, "docker-refused",
     "Docker refused the request"},
    {fault_code::container_busy, "container-busy",
     "Docker is still busy with the container"},
    {fault_code::panel_unavailable, "panel-unavailable",
     "The Panel does not answer"},
    {fault_code::panel_refused, "panel-refused",
     "The Panel refused the request"},
    {fault_code::node_unavailable, "node-unavailable",
     "The other node is not reached"},
    {fault_code::node_refused, "node-refused",
     "The other node did not take the server"},
    {fault_code::store_unavailable, "store-unavailable",
     "The object store does not answer"},
    {fault_code::store_refused, "store-refused",
     "The object store refused the request"},
    {fault_code::store_object_missing, "store-object-missing",
     "The object store has no such object"},
    {fault_code::store_not_found, "store-not-found",
     "There is no store of that name"},
    {fault_code::system_not_found, "system-not-found",
     "There is no such system"},
    {fault_code::quota_exceeded, "quota-exceeded",
     "The organisation has as much as it may have"},
    {fault_code::upload_failed, "upload-failed",
     "The upload did not come through"},
    {fault_code::transfer_failed, "transfer-failed",
     "The server could not be transferred"},
    {fault_code::link_refused, "link-refused", "The link is not allowed"},
    {fault_code::timed_out, "timed-out", "A deadline passed"},
    {fault_code::insufficient_storage, "insufficient-storage",
     "There is not enough room on the disk"},
    {fault_code::no_room, "no-room", "It does not fit on the disk"},
    {fault_code::io_error, "io-error", "The disk or file system failed"},
    {fault_code::journal_unavailable, "journal-unavailable",
     "The job ledger cannot be written"},
    {fault_code::volume_obstructed, "volume-obstructed",
     "Something stands in the place of a server's files"},
    {fault_code::backup_damaged, "backup-damaged", "The backup is damaged"},
    {fault_code::archive_refused, "archive-refused",
     "The archive is not safe to restore"},
    {fault_code::install_failed, "install-failed",
     "The installation did not go well"},
    {fault_code::interrupted, "interrupted", "The work was asked to stop"},
    {fault_code::stuck, "stuck", "A step makes no progress"},
    {fault_code::crashed, "crashed", "alula died in this step too often"},
    {fault_code::cancelled, "cancelled", "The job was cancelled"},
    {fault_code::abandoned, "abandoned", "The job was given up"},
    {fault_code::internal, "internal", "An error inside alula"},
};

constexpr bool in_order() {
  for (std::size_t i = 0; i < std::size(codes); ++i)
    if (static_cast<std::size_t>(codes[i].code) != i)
      return false;
  return std::size(codes) == static_cast<std::size_t>(fault_code::internal) + 1;
}
static_assert(in_order(), "one row per code, in the order of the enum");

const code_row& row_of(fault_code code) {
  return codes[static_cast<std::size_t>(code)];
}

} // namespace

std::string_view slug(fault_code code) {
  return row_of(code).slug;
}

std::string_view title(fault_code code) {
  return row_of(code).title;
}

fault_code fault_code_from(std::string_view text) {
  for (const auto& row : codes)
    if (row.slug == text)
      return row.code;
  return fault_code::internal;
}

fault system_fault(int error_number, std::string_view call,
                   std::string_view path) {
  const bool full = error_number == ENOSPC || error_number == EDQUOT;
  std::array<char, 128> buffer{};
  const char* text = ::strerror_r(error_number, buffer.data(), buffer.size());
  std::string what{call};
  what += " failed: ";
  what += text;
  if (const auto disk =
          full ? words_of_full_disk(error_number, path) : std::string{};
      !disk.empty())
    what = disk + " (" + what + ")";
  return fault{.code = full ? fault_code::insufficient_storage
                            : fault_code::io_error,
               .what = std::move(what),
               .where = std::string{path}};
}

std::string to_json(const fault& f) {
  nlohmann::json out{{"code", slug(f.code)}, {"detail", f.what}};
  if (!f.where.empty())
    out["where"] = f.where;
  if (!f.in_the_way.empty())
    out["owner_job"] = f.in_the_way;
  return out.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

fault fault_from_json(std::string_view text) {
  const auto in = nlohmann::json::parse(text, nullptr, false);
  if (!in.is_object())
    return {.code = fault_code::internal, .what = std::string{text}};
  const auto field = [&](const char* name) {
    const auto found = in.find(name);
    return found != in.end() && found->is_string() ? found->get<std::string>()
                                                   : std::string{};
  };
  return {.code = fault_code_from(field("code")),
          .what = field("detail"),
          .where = field("where"),
          .in_the_way = field("owner_job")};
}

} // namespace alula::jobs
