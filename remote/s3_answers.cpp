#include "remote/s3_answers.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <pugixml.hpp>

namespace alula::remote {

using jobs::fault;
using jobs::fault_code;

namespace {

/// Namespaces differ between stores; names do not.
bool load(pugi::xml_document& into, std::string_view xml) {
  return static_cast<bool>(into.load_buffer(
      xml.data(), xml.size(), pugi::parse_default, pugi::encoding_utf8));
}

std::string text_at(const pugi::xml_node& node, const char* name) {
  return node.child(name).text().get();
}

std::int64_t number_at(const pugi::xml_node& node, const char* name) {
  return std::strtoll(node.child(name).text().get(), nullptr, 10);
}

/// "2026-11-29T17:20:03.000Z"
jobs::time_ms time_at(const pugi::xml_node& node, const char* name) {
  std::tm utc{};
  if (!strptime(node.child(name).text().get(), "%Y-%m-%dT%H:%M:%S", &utc))
    return 0;
  return static_cast<jobs::time_ms>(timegm(&utc)) * 1'000;
}

bool is_true(const pugi::xml_node& node, const char* name) {
  return text_at(node, name) == "true";
}

} // namespace

std::string s3_error_code(std::string_view body) {
  pugi::xml_document xml;
  return load(xml, body) ? text_at(xml.child("Error"), "Code") : "";
}

std::string s3_error_text(std::string_view body) {
  pugi::xml_document xml;
  if (!load(xml, body))
    return {};
  const auto error = xml.child("Error");
  auto out = text_at(error, "Code");
  if (const auto message = text_at(error, "Message"); !message.empty())
    out += (out.empty() ? "" : ": ") + message;
  constexpr std::size_t most = 300;
  if (out.size() > most)
    out.resize(most);
  return out;
}

fault s3_fault(const http_answer& answer, const std::string& what) {
  const auto code = s3_error_code(answer.body);
  auto words = s3_error_text(answer.body);
  if (words.empty())
    words = "status " + std::to_string(answer.status);
  // 507: it is full, as with QuotaExceeded, which waiting does not change.
  const bool again = (answer.status >= 500 && answer.status != 507)
                     || answer.status == 429 || answer.status == 408
                     || code == "RequestTimeout" || code == "SlowDown";
  // radosgw says NoSuchKey of an upload, Swift NoSuchUpload.
  const bool missing = answer.status == 404 && code != "NoSuchBucket" && !again;
  return {.code = again     ? fault_code::store_unavailable
                  : missing ? fault_code::store_object_missing
                            : fault_code::store_refused,
          .what = "the object store answers " + words,
          .where = what};
}

fault s3_fault(const http_error& error, const std::string& what) {
  switch (error.kind) {
  case http_failure::stopped:
    return {fault_code::interrupted, "asked to stop", what};
  case http_failure::unread:
    return {fault_code::io_error, error.what, what};
  case http_failure::forbidden:
    return {fault_code::link_refused, error.what, what};
  default:
    return {fault_code::store_unavailable,
            "the object store cannot be reached: " + error.what, what};
  }
}

std::string plain_etag(std::string_view etag) {
  std::string out{etag};
  for (std::size_t at = 0; (at = out.find("&quot;")) != std::string::npos;)
    out.erase(at, 6);
  std::erase(out, '"');
  return out;
}

bool is_md5(const http_head& head) {
  const auto etag = plain_etag(head.find("etag"));
  const auto is_digit = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
  };
  return etag.size() == 32 && std::ranges::all_of(etag, is_digit)
         && !head.find("x-amz-server-side-encryption").starts_with("aws:")
         && head.find("x-amz-server-side-encryption-customer-algorithm")
                .empty();
}

std::optional<std::string> read_upload_id(std::string_view text) {
  pugi::xml_document xml;
  if (!load(xml, text))
    return std::nullopt;
  auto id = text_at(xml.child("InitiateMultipartUploadResult"), "UploadId");
  if (id.empty())
    return std::nullopt;
  return id;
}

std::optional<jobs::object_page> read_object_page(std::string_view text) {
  pugi::xml_document xml;
  const auto root =
      load(xml, text) ? xml.child("ListBucketResult") : pugi::xml_node{};
  if (!root)
    return std::nullopt;
  jobs::object_page page;
  for (const auto& node : root.children("Contents"))
    page.objects.push_back({text_at(node, "Key"), number_at(node, "Size"),
                            plain_etag(text_at(node, "ETag")),
                            time_at(node, "LastModified")});
  page.has_more = is_true(root, "IsTruncated");
  return page;
}

std::optional<part_page> read_part_page(std::string_view text) {
  pugi::xml_document xml;
  const auto root =
      load(xml, text) ? xml.child("ListPartsResult") : pugi::xml_node{};
  if (!root)
    return std::nullopt;
  part_page page;
  for (const auto& node : root.children("Part"))
    page.parts.push_back({static_cast<int>(number_at(node, "PartNumber")),
                          number_at(node, "Size"),
                          plain_etag(text_at(node, "ETag"))});
  if (is_true(root, "IsTruncated"))
    page.next_marker = text_at(root, "NextPartNumberMarker");
  return page;
}

std::optional<upload_page> read_upload_page(std::string_view text) {
  pugi::xml_document xml;
  const auto root = load(xml, text) ? xml.child("ListMultipartUploadsResult")
                                    : pugi::xml_node{};
  if (!root)
    return std::nullopt;
  upload_page page;
  for (const auto& node : root.children("Upload"))
    page.uploads.push_back({text_at(node, "Key"), text_at(node, "UploadId"),
                            time_at(node, "Initiated")});
  if (is_true(root, "IsTruncated")) {
    page.next_key = text_at(root, "NextKeyMarker");
    page.next_upload = text_at(root, "NextUploadIdMarker");
  }
  return page;
}

std::string complete_upload_xml(const std::vector<jobs::object_part>& parts) {
  std::string out = "<CompleteMultipartUpload>";
  for (const auto& part : parts)
    out += "<Part><PartNumber>" + std::to_string(part.number)
           + "</PartNumber><ETag>\"" + part.etag + "\"</ETag></Part>";
  return out + "</CompleteMultipartUpload>";
}

} // namespace alula::remote
