/// What kinds tell the Panel (wings-protocol 3.6 and 3.8). For the sources of
/// kinds only.
#pragma once

#include "jobs/changes.hpp"
#include "jobs/ids.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace alula::jobs::reports {

inline std::string_view word(bool value) {
  return value ? "true" : "false";
}

inline tell_panel about_backup(const backup_id& backup, std::string body) {
  return {.subject = "backup:" + backup.to_string(),
          .method = "POST",
          .path = "/backups/" + backup.to_string(),
          .body = std::move(body)};
}

inline tell_panel backup_is_ready(const backup_id& backup,
                                  std::string_view sha1, std::int64_t size) {
  return about_backup(backup, R"({"checksum":")" + std::string{sha1}
                                  + R"(","checksum_type":"sha1","size":)"
                                  + std::to_string(size)
                                  + R"(,"successful":true,"parts":null})");
}

/// An ETag as JSON: it comes from a store, which may say anything.
inline std::string as_json(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\')
      out += '\\';
    if (static_cast<unsigned char>(c) >= 0x20
        && static_cast<unsigned char>(c) < 0x7f)
      out += c;
  }
  return out + '"';
}

/// The Panel completes the upload with these; they are in order.
inline tell_panel backup_is_ready(const backup_id& backup,
                                  std::string_view sha1, std::int64_t size,
                                  const std::vector<object_part>& parts) {
  std::string list;
  for (const auto& part : parts)
    list += (list.empty() ? "" : ",") + (R"({"etag":)" + as_json(part.etag))
            + R"(,"part_number":)" + std::to_string(part.number) + "}";
  return about_backup(
      backup, R"({"checksum":")" + std::string{sha1}
                  + R"(","checksum_type":"sha1","size":)" + std::to_string(size)
                  + R"(,"successful":true,"parts":[)" + list + "]}");
}

inline tell_panel backup_has_failed(const backup_id& backup) {
  return about_backup(backup, R"({"checksum":"","checksum_type":"","size":0,)"
                              R"("successful":false,"parts":null})");
}

/// What changes the Panel's one status of a server: kept in order.
inline tell_panel about_server(const server_id& server, std::string path,
                               std::string body) {
  return {.subject = "server:" + server.to_string(),
          .method = "POST",
          .path = std::move(path),
          .body = std::move(body)};
}

inline tell_panel restore_has_ended(const server_id& server,
                                    const backup_id& backup, bool successful) {
  return about_server(server, "/backups/" + backup.to_string() + "/restore",
                      R"({"successful":)" + std::string{word(successful)}
                          + "}");
}

/// Of either node; who comes second is told 409, which is as good
/// (wings-protocol 3.7, trap 105).
inline tell_panel transfer_has_ended(const server_id& server, bool successful) {
  return about_server(server,
                      "/servers/" + server.to_string() + "/transfer/"
                          + (successful ? "success" : "failure"),
                      "null");
}

inline tell_panel install_has_ended(const server_id& server, bool successful,
                                    bool reinstall) {
  return about_server(server, "/servers/" + server.to_string() + "/install",
                      R"({"successful":)" + std::string{word(successful)}
                          + R"(,"reinstall":)" + std::string{word(reinstall)}
                          + "}");
}

} // namespace alula::jobs::reports
