#include "http/upkeep_handlers.hpp"

#include "http/json_body.hpp"
#include "http/reply.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace alula::http {

namespace {

constexpr std::array<std::string_view, 4> level_words{"debug", "info",
                                                      "warning", "error"};

void send_level(const exchange_ptr& call, jobs::log_level level) {
  const std::string word{level_words[static_cast<std::size_t>(level)]};
  call->reply(json_answer(200, R"({"level":")" + word + "\"}"));
}

} // namespace

void show_metrics(const api_ptr& api, const exchange_ptr& call) {
  const auto& figures = api->settings.metrics;
  if (!figures)
    return reply_fault(call, {.code = jobs::fault_code::not_implemented,
                              .what = "this node keeps no figures"});
  const bool taken = api->later.run([call, figures] {
    call->reply({200,
                 {{"Content-Type", "text/plain; version=0.0.4; charset=utf-8"},
                  {"Cache-Control", "no-store"}},
                 figures()});
  });
  if (!taken)
    reply_fault(call, {.code = jobs::fault_code::rate_limited,
                       .what = "the figures are asked for too often"});
}

void show_log_level(const api_ptr& api, const exchange_ptr& call) {
  const auto& levels = api->settings.log_level;
  send_level(call, levels.now ? levels.now() : jobs::log_level::info);
}

void change_log_level(const api_ptr& api, const exchange_ptr& call) {
  const auto body = json_body::parse(call->req().body);
  if (!body)
    return reply_fault(call, body.error());
  const auto wanted =
      body->root().one_of("level", {"debug", "info", "warning", "error"});
  body->root().required_text("level", 16);
  if (const auto checked = body->check(); !checked)
    return reply_fault(call, checked.error());
  const auto at = std::ranges::find(level_words, std::string_view{*wanted});
  const auto level = static_cast<jobs::log_level>(at - level_words.begin());
  if (api->settings.log_level.change)
    api->settings.log_level.change(level);
  send_level(call, level);
}

} // namespace alula::http
