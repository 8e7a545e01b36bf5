/// Reads what dockerd answers: its JSON, and the sentences in its errors, which
/// are the only place where it says why. No I/O.
#pragma once

#include "jobs/ports.hpp"
#include "remote/http_client.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace alula::remote {

/// Nothing when the text is not what GET /containers/{id}/json answers.
std::optional<jobs::container_info> read_container(std::string_view json);

/// The signal the image wants to be stopped with, from the same text: "SIGTERM"
/// when it names none.
std::string read_stop_signal(std::string_view json);

/// Whether its console is one stream, from the same text; else dockerd sends
/// frames.
bool read_tty(std::string_view json);

/// Nothing when the text is not what GET /containers/json answers.
std::optional<std::vector<jobs::container_info>>
read_containers(std::string_view json);

/// Whether one of the labels is "key=value", or has the key when `wanted` has
/// no value.
bool has_label(const jobs::container_info& container, std::string_view wanted);

/// RFC 3339 to Unix milliseconds; 0 for Go's zero time and for anything else.
jobs::time_ms read_time(std::string_view text);

/// The versions a dockerd speaks, from GET /version, as major·1000 + minor.
struct api_range {
  int oldest = 0;
  int newest = 0;
};
std::optional<api_range> read_api_range(std::string_view json);

/// The sentence of an error: its "message", or the text itself (the oldest API
/// versions send no JSON), on one line and not longer than 400 bytes.
std::string message_of(const http_answer& answer);

// What an answer means. dockerd 20.10 to 28 word these alike.

/// Only with dockerd's own words: a 404 of something else on the socket must
/// not pass for a container that is gone.
bool is_missing(const http_answer& answer);
bool is_image_missing(const http_answer& answer);
bool is_network_missing(const http_answer& answer);
bool is_network_there(const http_answer& answer);
/// A container has the name already.
bool is_name_taken(const http_answer& answer);
bool is_removal_in_progress(const http_answer& answer);
bool is_mount_busy(const http_answer& answer);
bool is_unkillable(const http_answer& answer);
bool is_paused(const http_answer& answer);
bool is_not_running(const http_answer& answer);
bool is_wrong_signal(const http_answer& answer);
/// dockerd, or containerd behind it, is going down or coming up.
bool is_out_of_service(const http_answer& answer);
bool is_wrong_version(const http_answer& answer);

/// The fault for an answer that is no success: docker_unavailable,
/// container_busy or docker_refused, with dockerd's sentence.
jobs::fault fault_of(const http_answer& answer, std::string_view call);

/// The same of a start. dockerd says 500 to what is wrong with the container
/// itself, a port that is taken or an entry point that is not there: waiting
/// mends none of it, so that is docker_refused.
jobs::fault fault_of_start(const http_answer& answer, std::string_view call);

} // namespace alula::remote
