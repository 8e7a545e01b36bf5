// The keys about who may come in; all of them are ours.
#include "app/config_schema.hpp"

namespace alula::app {

namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

} // namespace

std::vector<known_key> access_keys() {
  return {
      {"api.audit_retention", duration_rule{minutes{1}, hours{24 * 3650},
                                            [](config& c) -> milliseconds& {
                                              return c.api.audit_retention;
                                            }}},
      {"api.jwt.issuer",
       text_rule{[](config& c) -> std::string& { return c.api.jwt.issuer; }}},
      {"api.jwt.audience",
       text_rule{[](config& c) -> std::string& { return c.api.jwt.audience; }}},
      {"api.jwt.secret",
       text_rule{[](config& c) -> std::string& { return c.api.jwt.secret; }}},
      {"api.jwt.jwks_file", text_rule{[](config& c) -> std::string& {
         return c.api.jwt.jwks_file;
       }}},
      {"api.jwt.jwks_url",
       url_rule{[](config& c) -> std::string& { return c.api.jwt.jwks_url; }}},
      {"api.jwt.leeway", duration_rule{seconds{0}, minutes{10},
                                       [](config& c) -> milliseconds& {
                                         return c.api.jwt.leeway;
                                       }}},
  };
}

} // namespace alula::app
