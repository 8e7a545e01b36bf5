#include "jobs/kinds/first_container.hpp"

#include "jobs/kinds/fields.hpp"
#include "jobs/kinds/living.hpp"
#include "jobs/kinds/steps.hpp"
#include "jobs/ledger.hpp"
#include "jobs/ports.hpp"
#include "jobs/server_container.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

namespace alula::jobs {

namespace {

using fields::json;

constexpr std::string_view image_step_name = "server_image";
constexpr std::string_view container_step_name = "server_container";

/// Why it is not made ahead; nothing when it may be.
std::optional<std::string> in_the_way(const server_record& server) {
  if (server.state != server_state::active)
    return "the server is " + std::string{to_string(server.state)};
  if (server.wanted_up)
    return "the server is to be started, which makes it";
  return std::nullopt;
}

/// Times the process died in this step. A third one would park the job, and a
/// create that is parked keeps its server from being installed.
int crashes_in(const step_context& ctx, std::string_view step_name) {
  const auto* step = ctx.job.find_step(step_name);
  return step ? step->crashes : 0;
}

/// The oldest job that waits in the lane of this one; nothing when none does,
/// or that cannot be told.
std::optional<job_record> next_in_line(const step_context& ctx) {
  constexpr std::size_t most = 100; // live ones of one server
  const auto live = ctx.node.records.list_jobs(
      {.server = ctx.job.server, .done = false}, 0, most);
  if (!live)
    return std::nullopt;
  const auto& newest_first = live->items;
  const auto found = std::find_if(
      newest_first.rbegin(), newest_first.rend(), [&](const job_record& other) {
        return other.lane == ctx.job.lane && other.id != ctx.job.id;
      });
  if (found == newest_first.rend())
    return std::nullopt;
  return *found;
}

/// Why a pull is not to be waited for now; empty when it may be.
std::string why_not_wait(const step_context& ctx) {
  const auto server = server_of(ctx);
  if (!server)
    return server.error().what;
  if (auto why = in_the_way(server->record))
    return *std::move(why);
  if (const auto next = next_in_line(ctx))
    return "its image was not waited for: " + next->kind + " "
           + next->id.to_string() + " stood in line";
  return {};
}

/// Ends a pull for whoever stands in line behind. Looked for once a second, by
/// the ledger's index of live jobs.
class line_watch {
public:
  explicit line_watch(const step_context& ctx)
    : ctx_(ctx), link_(ctx.stop, [this] { early_.request_stop(); }) {}

  std::stop_token token() const { return early_.get_token(); }
  /// Why it was ended; empty: it was not.
  const std::string& why() const { return why_; }

  void look() {
    const auto now = std::chrono::steady_clock::now();
    if (now < next_ || !why_.empty())
      return;
    next_ = now + std::chrono::seconds{1};
    why_ = why_not_wait(ctx_);
    if (!why_.empty())
      early_.request_stop();
  }

private:
  const step_context& ctx_;
  std::string why_;
  std::stop_source early_;
  std::chrono::steady_clock::time_point next_{};
  const std::stop_callback<std::function<void()>> link_;
};

step_done without_image(const std::string& why) {
  return {.output = fields::as_text(json{{"why", why}})};
}

status pull_soon(step_context& ctx, const std::string& image) {
  const auto given_way = [](const std::string& why) {
    return fault{.code = fault_code::interrupted, .what = why};
  };
  if (const auto why = why_not_wait(ctx); !why.empty())
    return given_way(why);
  line_watch line{ctx};
  std::int64_t words = 0;
  auto pulled = life_of(ctx).factory.pull(
      image, login_for(image, life_of(ctx).settings.rules),
      [&](std::string_view word) {
        ctx.report({.done = ++words, .message = std::string{word}});
        line.look();
      },
      container_factory::pull_for::a_newer_image, line.token());
  if (!pulled && !line.why().empty())
    return given_way(line.why());
  return pulled;
}

step_outcome fetch_image_ahead(step_context& ctx) {
  if (!ctx.node.life)
    return step_done{};
  if (crashes_in(ctx, image_step_name) > 0)
    return without_image("alula died while it got the image");
  const auto server = server_of(ctx);
  if (!server)
    return without_image(server.error().what);
  const auto image = image_of(server->config.image);
  if (image.name.empty() || !image.may_pull || in_the_way(server->record))
    return step_done{};
  const auto there = ctx.node.containers.inspect(ctx.job.server.view());
  if (!there)
    return without_image(there.error().what);
  if (*there)
    return step_done{};
  const auto here = life_of(ctx).factory.has_image(image.name);
  if (!here)
    return without_image(here.error().what);
  if (*here)
    return step_done{};
  const auto pulled = pull_soon(ctx, image.name);
  if (pulled)
    return step_done{};
  if (ctx.stop.stop_requested())
    return pulled.error();
  return without_image(pulled.error().what);
}

/// What the job has said before stays in its result.
std::string result_with(const job_record& job, std::string_view what,
                        const std::string& why = {}) {
  auto result = json::parse(job.result, nullptr, false);
  if (!result.is_object())
    result = json::object();
  result["container"] = what;
  if (!why.empty())
    result["container_why"] = why;
  return fields::as_text(result);
}

step_done left(const step_context& ctx, const std::string& why) {
  return {.job_result = result_with(ctx.job, "left", why)};
}

step_done has_container(const step_context& ctx, std::string_view what,
                        const std::string& id) {
  return {.output = json{{"container_id", id}}.dump(),
          .changes = {set_container{id}},
          .job_result = result_with(ctx.job, what)};
}

std::string why_no_image(const job_record& job) {
  const auto* step = job.find_step(image_step_name);
  const auto output = step ? json::parse(step->output, nullptr, false) : json();
  return output.is_object() && output.contains("why")
             ? output.at("why").get<std::string>()
             : "its image is not on this node";
}

step_outcome make_ahead(step_context& ctx) {
  if (!ctx.node.life)
    return step_done{};
  const auto crashes = crashes_in(ctx, container_step_name);
  const std::string after_crash = "alula died while it made it";
  if (crashes > 1) // looking was too much as well
    return left(ctx, after_crash);
  const auto server = server_of(ctx);
  if (!server)
    return left(ctx, server.error().what);
  // Also one that this step has made before it was broken off.
  const auto there = ctx.node.containers.inspect(ctx.job.server.view());
  if (!there)
    return left(ctx, there.error().what);
  if (*there)
    return has_container(ctx, "found", (*there)->id);
  if (crashes > 0)
    return left(ctx, after_crash);
  if (const auto why = in_the_way(server->record))
    return left(ctx, *why);
  const auto image = image_of(server->config.image).name;
  if (image.empty())
    return left(ctx, "no image is configured for the server");
  const auto here = life_of(ctx).factory.has_image(image);
  if (!here)
    return left(ctx, here.error().what);
  if (!*here)
    return left(ctx, why_no_image(ctx.job));
  const auto id = create_container(ctx, *server);
  if (!id)
    return left(ctx, id.error().what);
  return has_container(ctx, "made", *id);
}

} // namespace

step first_image_step() {
  return retriable(image_step_name, fetch_image_ahead, "pull");
}

step first_container_step(std::string_view pool) {
  return retriable(container_step_name, make_ahead, pool);
}

} // namespace alula::jobs
