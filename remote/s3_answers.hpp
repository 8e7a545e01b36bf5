/// What object stores answer, as values: the XML of S3 (docs.aws.amazon.com,
/// "Amazon S3 API Reference").
#pragma once

#include "jobs/object_store.hpp"
#include "jobs/result.hpp"
#include "remote/http_client.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace alula::remote {

/// "NoSuchKey", "" when the body is no error of S3.
std::string s3_error_code(std::string_view body);
/// The store's own words: code and message, cut short; empty: none.
std::string s3_error_text(std::string_view body);

/// What an answer other than 2xx means. `what`: "PUT key in store offsite".
jobs::fault s3_fault(const http_answer& answer, const std::string& what);
/// What it means that there was none.
jobs::fault s3_fault(const http_error& error, const std::string& what);

/// Without quotes, `&quot;` included.
std::string plain_etag(std::string_view etag);
/// Whether it says what the MD5 of the content is: 32 digits, and not of
/// something that the store has encrypted with a key.
bool is_md5(const http_head& head);

/// Nothing when they cannot be understood.
std::optional<std::string> read_upload_id(std::string_view xml);
std::optional<jobs::object_page> read_object_page(std::string_view xml);

struct part_page {
  std::vector<jobs::object_part> parts;
  std::string next_marker; ///< empty: no more
};
std::optional<part_page> read_part_page(std::string_view xml);

struct upload_page {
  std::vector<jobs::open_upload> uploads;
  std::string next_key, next_upload; ///< empty: no more
};
std::optional<upload_page> read_upload_page(std::string_view xml);

std::string complete_upload_xml(const std::vector<jobs::object_part>& parts);

} // namespace alula::remote
