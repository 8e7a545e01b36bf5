#include "app/panel_settings.hpp"

namespace alula::app {

bool has_panel(const config& c) {
  return !c.remote.empty() && !c.token_id.empty() && !c.token.empty();
}

remote::panel_access panel_access_of(const config& c) {
  return {c.remote, c.token_id, c.token};
}

remote::panel_client_settings panel_settings_of(const config& c) {
  remote::panel_client_settings out;
  out.access = panel_access_of(c);
  out.version = ALULA_VERSION;
  out.limit = c.remote_query.timeout;
  out.servers_per_page = c.remote_query.boot_servers_per_page;
  return out;
}

actors::courier_settings courier_settings_of(const config& c) {
  actors::courier_settings out;
  out.tells_statuses = c.panel.container_status;
  return out;
}

actors::status_settings status_settings_of(const config& c) {
  return {.enabled = has_panel(c) && c.panel.container_status};
}

} // namespace alula::app
