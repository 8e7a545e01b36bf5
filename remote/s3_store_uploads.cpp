// Objects that are sent in parts.
#include "remote/s3_answers.hpp"
#include "remote/s3_call.hpp"
#include "remote/s3_store.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace alula::remote {

using jobs::fault;
using jobs::fault_code;
using jobs::result;
using jobs::status;

result<std::string> s3_store::begin_upload(const std::string& key,
                                           std::stop_token stop) {
  const call what{.method = "POST",
                  .key = key,
                  .query = {{"uploads", ""}},
                  .headers = {{"content-type", "application/x-gzip"}}};
  const auto answer = ask(what, stop);
  if (!answer)
    return answer.error();
  auto id = read_upload_id(answer->body);
  if (!id)
    return not_understood(what);
  return *std::move(id);
}

result<jobs::object_part>
s3_store::put_part(const std::string& key, const std::string& upload_id,
                   int number, const jobs::byte_source& from,
                   const jobs::transfer_tell& tell, std::stop_token stop) {
  const call what{.method = "PUT",
                  .key = key,
                  .query = {{"partNumber", std::to_string(number)},
                            {"uploadId", upload_id}}};
  const auto answer = upload(what, from, tell, stop);
  if (!answer)
    return answer.error();
  jobs::object_part part{number, from.size(),
                         plain_etag(answer->head.find("etag"))};
  if (part.etag.empty())
    return not_understood(what);
  return part;
}

result<std::vector<jobs::object_part>>
s3_store::list_parts(const std::string& key, const std::string& upload_id,
                     std::stop_token stop) {
  std::vector<jobs::object_part> all;
  std::string marker;
  do {
    call what{.key = key, .query = {{"uploadId", upload_id}}};
    if (!marker.empty())
      what.query.emplace_back("part-number-marker", marker);
    const auto answer = ask(what, stop);
    if (!answer)
      return answer.error();
    auto page = read_part_page(answer->body);
    if (!page)
      return not_understood(what);
    for (auto& part : page->parts)
      all.push_back(std::move(part));
    marker = page->parts.empty() ? "" : page->next_marker;
  } while (!marker.empty());
  std::ranges::sort(all, {}, &jobs::object_part::number);
  return all;
}

status s3_store::finish_upload(const std::string& key,
                               const std::string& upload_id,
                               std::vector<jobs::object_part> parts,
                               std::stop_token stop) {
  // Some stores take them in any order and put them together so.
  std::ranges::sort(parts, {}, &jobs::object_part::number);
  const call what{.method = "POST",
                  .key = key,
                  .query = {{"uploadId", upload_id}},
                  .body = complete_upload_xml(parts)};
  auto request = request_of(what);
  // Putting it together may take minutes, and the store says nothing then.
  request.limit = std::max(settings_.limit, std::chrono::milliseconds{300'000});
  const auto answer = send(what, std::move(request), stop);
  // 200 is said before it is known how it ends.
  if (answer && !s3_error_code(answer->body).empty())
    return s3_fault({.status = 500, .body = answer->body}, place_of(what));
  if (answer)
    return {};
  auto why = answer.error();
  // radosgw says 500 of an upload that is gone.
  if (why.code == fault_code::store_unavailable) {
    const auto left = list_parts(key, upload_id, stop);
    if (!left && left.error().code == fault_code::store_object_missing)
      why = left.error();
  }
  if (why.code != fault_code::store_object_missing)
    return why;
  // An earlier call, whose answer was lost, may have done it.
  std::int64_t size = 0;
  for (const auto& part : parts)
    size += part.size;
  const auto there = head(key, stop);
  if (!there)
    return there.error();
  if (*there && (*there)->size == size)
    return {};
  return why;
}

status s3_store::abort_upload(const std::string& key,
                              const std::string& upload_id,
                              std::stop_token stop) {
  // A part that was under way may have come after the first abort.
  constexpr int most_tries = 5;
  for (int i = 0; i < most_tries; ++i) {
    const auto answer = ask(
        {.method = "DELETE", .key = key, .query = {{"uploadId", upload_id}}},
        stop);
    if (!answer && answer.error().code != fault_code::store_object_missing)
      return answer.error();
    const auto left = list_parts(key, upload_id, stop);
    if (!left && left.error().code == fault_code::store_object_missing)
      return {};
    if (!left)
      return left.error();
    if (left->empty())
      return {};
  }
  return fault{.code = fault_code::store_unavailable,
               .what = "the store still has parts of an aborted upload",
               .where = key + " in store " + settings_.name};
}

result<std::vector<jobs::open_upload>>
s3_store::list_uploads(const std::string& prefix, std::stop_token stop) {
  std::vector<jobs::open_upload> all;
  std::string key, upload_id;
  do {
    call what{
        .query = {{"uploads", ""}, {"prefix", settings_.prefix + prefix}}};
    if (!key.empty()) {
      what.query.emplace_back("key-marker", key);
      what.query.emplace_back("upload-id-marker", upload_id);
    }
    const auto answer = ask(what, stop);
    if (!answer)
      return answer.error();
    auto page = read_upload_page(answer->body);
    if (!page)
      return not_understood(what);
    for (auto& one : page->uploads) {
      one.key = without_prefix(std::move(one.key));
      all.push_back(std::move(one));
    }
    key = page->uploads.empty() ? "" : page->next_key;
    upload_id = page->next_upload;
  } while (!key.empty());
  return all;
}

} // namespace alula::remote
