/// The body of `POST /api/servers`: Wings' two fields, and beside them the
/// server's configuration in the Panel's shape (wings-protocol 3.4), so that a
/// node without a Panel can be told what a server is.
#pragma once

#include "jobs/ids.hpp"
#include "jobs/result.hpp"

#include <string>
#include <string_view>

namespace alula::http {

struct server_body {
  jobs::server_id uuid;
  /// The same request as canonical JSON, for the kind: known members under
  /// their exact names and without nulls, unknown members as they were sent.
  std::string canonical;
  bool of_panel = false; ///< without settings: the Panel is asked for them
  bool start_on_completion = false;
};

/// Faults: malformed (no JSON object); validation, with a pointer to every
/// field that is wrong, at most 50. All members of the configuration are
/// optional, but one that is there has the type and range Wings expects. With a
/// Panel the settings may be missing: it is asked for them.
jobs::result<server_body> read_server_body(std::string_view text,
                                           bool has_panel = false);

} // namespace alula::http
