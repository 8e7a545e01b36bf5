/// What the Panel's answers say, as values. Whatever comes, nothing throws.
#pragma once

#include "jobs/panel.hpp"
#include "jobs/result.hpp"
#include "remote/http_client.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace alula::remote {

/// `detail` of the first element of {"errors":[…]}, without secrets and
/// cut to 300 bytes; empty when the body is none of the Panel's.
std::string panel_detail(std::string_view body);

/// Of an answer that is no success. `what` is the call, for the sentence.
jobs::fault panel_fault(const http_answer& answer, std::string_view what);
jobs::fault panel_fault(const http_error& error, std::string_view what);

/// What became of a report: wings-protocol 3.6 to 3.12.
jobs::delivery judge_delivery(std::string_view path, const http_answer& answer);

/// Whether the Panel has the backup whose upload was asked for; nothing when
/// the answer says neither, or is none of the Panel's (wings-protocol 3.8).
std::optional<bool> says_backup_is_known(const http_answer& answer);

// Of the body of a success; nothing when it is not what it should be.
std::optional<jobs::panel_page> read_panel_page(std::string_view body);
std::optional<jobs::panel_server> read_panel_server(std::string_view body);
std::optional<jobs::install_script> read_install_script(std::string_view body);
std::optional<jobs::upload_plan> read_upload_plan(std::string_view body);

} // namespace alula::remote
