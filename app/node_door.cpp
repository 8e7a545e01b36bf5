// What the door of a node is made of: who may come in, which routes there are,
// and what their handlers ask of the other parts.
#include "app/door_settings.hpp"
#include "app/job_settings.hpp"
#include "app/log_sink.hpp"
#include "app/node_parts.hpp"
#include "app/panel_settings.hpp"

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace alula::app {

http::server_settings node::parts::door_settings() {
  auto out = door_settings_of(settings);
  out.gate = [this](const http::request&) -> std::optional<jobs::fault> {
    if (engine.is_ready() && access.is_loaded())
      return std::nullopt;
    return jobs::fault{.code = jobs::fault_code::starting,
                       .what = engine.is_ready()
                                   ? "alula has not read its tokens yet"
                                   : engine.not_ready_reason()};
  };
  out.principals = {
      .bearer =
          [this](std::string_view token) {
            auto who = book.by_token(token);
            return who ? who : issued.find(token);
          },
      .basic =
          [this](std::string_view user, std::string_view password) {
            return book.by_password(user, password);
          }};
  return out;
}

std::vector<http::route> node::parts::routes() {
  return http::make_routes({engine,
                            desk,
                            clock,
                            events,
                            later,
                            facts,
                            http::make_socket_handler(hub, engine),
                            http::make_deny_handler(hub, engine),
                            api_settings(),
                            &courier,
                            {&life.board, &life.installs, &askers},
                            http::make_deauthorize_handler(hub),
                            &courier,
                            &access,
                            system_services(),
                            &incoming});
}

http::api_settings node::parts::api_settings() {
  return {
      .sync_wait = settings.api.sync_wait,
      .cursor_secret = settings.token,
      .delete_backups_with_server =
          settings.system.backups.with_server == "delete",
      .restore_undo = std::chrono::hours{settings.system.restore_undo_hours},
      .rotation = rotation_of(settings),
      .overhead = life.settings.rules.overhead,
      .signing_key = [this] { return *signing_token.load(); },
      .has_panel = has_panel(settings),
      .check_link = [this](const std::string& url) { return links.check(url); },
      .check_node = [this](const std::string& url) { return nodes.check(url); },
      .stores = stores.names(),
      .presign = [this](const std::string& store,
                        const std::string& key) -> std::string {
        auto* found = stores.find(store);
        constexpr std::chrono::minutes lasts{15};
        return found ? found->presign_get(key, lasts) : std::string{};
      },
      .status_page = settings.api.status_page,
      .metrics = [this] { return figures.text(); },
      .log_level = {log_level_now, set_log_level},
      .update = update};
}

http::system_services node::parts::system_services() {
  return {.records = &queries,
          .parts = &systems,
          .rate = &uploads,
          .link_secret = [this] { return *signing_token.load(); },
          .public_url = settings.systems.public_url,
          .has_tls = settings.api.ssl.enabled,
          .put =
              [this](jobs::put_system what,
                     std::function<void(jobs::status)> done) {
                ledger.amend({std::move(what)}, std::move(done));
              }};
}

metrics::door_figures node::parts::look_at_door() {
  const auto now = door.count();
  return {now.connections, now.pending, now.streams, now.websockets,
          now.transfers};
}

} // namespace alula::app
