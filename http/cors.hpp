/// What browsers are told about who may call (wings-protocol 1.4): the same
/// headers on every answer, whether or not there is an Origin.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace alula::http {

struct cors_settings {
  std::string panel_url;                    ///< `remote`; may be empty
  std::vector<std::string> allowed_origins; ///< in the order they are tried
  bool allow_private_network = false;
};

class cors {
public:
  explicit cors(const cors_settings& settings);

  /// The header lines for a request with this Origin, each ended by CRLF.
  std::string_view lines_for(std::optional<std::string_view> origin) const;

private:
  struct entry {
    std::string origin; ///< "*" fits every origin
    std::string lines;
  };
  std::string panel_;
  std::string panel_lines_;
  std::vector<entry> others_;
};

} // namespace alula::http
