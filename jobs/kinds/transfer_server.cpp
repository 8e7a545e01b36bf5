// Sends a server to another node (wings-protocol 2.16): the source's side.
//
// From the accept on the server is in transfer: nothing starts it and nothing
// changes its files. It is stopped, with a kill behind the wait, its files are
// counted, and then packed and sent in one go, without a byte on the disk; the
// checksum follows the archive, and the other node answers when it has all of
// it in place.
//
// A push cannot be gone on with. That it begins is on disk before a byte
// leaves, so one that alula died in, or that broke, has failed: it is tried
// again only when there was no connection at all. A failure or a cancel leaves
// the server as it was, running again if it ran; the Panel is told in the
// commit that ends the job. Whichever node tells it first is believed (trap
// 105), so nobody has to know what became of a push whose answer was lost.
//
// After a success only the other node tells the Panel, and the server stays in
// transfer here until the Panel deletes it (trap 101). That delete may come
// before the answer of the push: stock Wings tells the Panel first. When it
// never comes, server.release gives the transfer up.
#include "jobs/catalog.hpp"
#include "jobs/engine.hpp"
#include "jobs/far_places.hpp"
#include "jobs/kinds/counting.hpp"
#include "jobs/kinds/in_transfer.hpp"
#include "jobs/kinds/packing.hpp"
#include "jobs/kinds/reports.hpp"
#include "jobs/kinds/steps.hpp"
#include "jobs/kinds/stop_for_restore.hpp"
#include "jobs/kinds/transfer_lines.hpp"
#include "jobs/node_links.hpp"
#include "jobs/ports.hpp"

#include <algorithm>
#include <chrono>
#include <mutex>
#include <string>

namespace alula::jobs {

namespace {

using fields::json;
using std::chrono::steady_clock;

/// How long a node that cannot be connected to is tried again; the token is
/// good for 15 minutes (wings-protocol 4.1).
constexpr time_ms connect_patience = 120'000;
constexpr std::chrono::seconds connect_again{10};
/// As Wings has it.
constexpr std::chrono::seconds between_lines{5};
/// The place of such a transfer in the ledger, and the word that a push of it
/// has begun.
constexpr std::string_view other_node = "node";
constexpr std::string_view begun = "begun";

fault unreadable(std::string what) {
  return {.code = fault_code::malformed, .what = std::move(what)};
}

/// The authority of a URL; empty when it is none a node can have.
std::string host_of(const std::string& url) {
  const auto at = url.starts_with("https://")  ? 8U
                  : url.starts_with("http://") ? 7U
                                               : 0U;
  const bool is_plain = std::ranges::all_of(url, [](char c) {
    return static_cast<unsigned char>(c) > 0x20 && c != 0x7f && c != '@';
  });
  return at == 0 || !is_plain
             ? std::string{}
             : url.substr(at, url.find_first_of("/?#", at) - at);
}

/// Nothing in it may end the header it becomes.
bool is_header_value(const std::string& token) {
  return std::ranges::all_of(token, [](char c) { return c >= ' ' && c < 0x7f; })
         && token.find_first_not_of(' ') != std::string::npos;
}

result<job_draft> read(const submission& request) {
  const auto body = fields::object(request.body);
  if (!body)
    return body.error();
  const auto url = fields::text(*body, "url", 2'048);
  if (!url)
    return url.error();
  const auto host = host_of(*url);
  if (host.empty())
    return unreadable("a transfer needs a url, of http or https");
  const auto token = fields::text(*body, "token", 8'192);
  if (!token)
    return token.error();
  if (!is_header_value(*token))
    return unreadable("a transfer needs a token, as the Panel makes them");
  if (!request.target)
    return no_such_server(request);
  if (auto may = refuse_in_transfer(request); !may)
    return std::move(may).error();
  const auto row = std::to_string(request.target->row);
  job_draft draft;
  draft.input = fields::as_text(
      json{{"target", host}, {"stop_signal", stop_signal(*request.target)}});
  draft.dedup_key = "server.transfer:" + row;
  // Not in the input: the token is a secret.
  draft.changes.emplace_back(keep_transfer{
      {.place = std::string{other_node}, .links = {*url, *token}}});
  draft.changes.emplace_back(set_transferring{.transferring = true});
  draft.locks.push_back({"server:" + row, false});
  return draft;
}

/// The other node has the server, or the Panel acts as if it had: nothing here
/// may be taken back.
bool is_taken(const job_record& job) {
  const auto* push = job.find_step("push");
  return push && !push->output.empty();
}

bool is_being_deleted(const step_context& ctx) {
  const auto found = ctx.node.records.find_server(ctx.job.server);
  return found && *found && (*found)->state == server_state::deleting;
}

void tell_clients(const step_context& ctx, std::string_view text,
                  std::chrono::milliseconds since = {}) {
  ctx.node.audience.announce(
      ctx.job.server, "transfer logs",
      {transfer_line("Source", text, ctx.now + since.count())});
}

void tell_status(const step_context& ctx, const std::string& status) {
  ctx.node.audience.announce(ctx.job.server, "transfer status", {status});
}

/// By the undo that comes first, of a job that somebody has cancelled.
void tell_cancelling(const step_context& ctx, std::string_view step) {
  const auto& steps = ctx.job.steps;
  const auto at = std::ranges::find(steps, step, &step_record::name);
  const bool is_first = std::none_of(
      at == steps.end() ? at : at + 1, steps.end(),
      // Nothing takes back what `measure` has counted.
      [](const auto& s) {
        return s.state == step_state::undone && s.name != "measure";
      });
  if (ctx.job.cancel_requested_at != 0 && is_first && !is_being_deleted(ctx))
    tell_status(ctx, "cancelling");
}

// -- steps --------------------------------------------------------------------

step_outcome begin(step_context& ctx) {
  tell_clients(ctx, "Preparing to stream server data to destination...");
  tell_status(ctx, "processing");
  return step_done{};
}

/// The last undo of all.
step_outcome announce_failure(step_context& ctx) {
  if (is_taken(ctx.job) || is_being_deleted(ctx))
    return step_done{};
  tell_cancelling(ctx, "begin");
  if (ctx.job.error)
    tell_clients(ctx, "Failed to transfer the server: " + ctx.job.error->what);
  tell_status(ctx, "failure");
  return step_done{};
}

/// A server that a boot would have started runs as well, as far as anybody is
/// concerned.
step_outcome look(step_context& ctx) {
  const auto runs = is_running(ctx);
  if (!runs)
    return runs.error();
  const auto found = ctx.node.records.find_server(ctx.job.server);
  if (!found)
    return found.error();
  const bool wanted = *found && (*found)->wanted_up;
  return step_done{.output = json{{"ran", *runs || wanted}}.dump()};
}

step_outcome unlock(step_context& ctx) {
  if (is_taken(ctx.job))
    return step_done{};
  tell_cancelling(ctx, "look");
  return step_done{.changes = {set_transferring{.transferring = false}}};
}

step_outcome start_again(step_context& ctx) {
  if (is_taken(ctx.job) || is_being_deleted(ctx))
    return step_done{};
  tell_cancelling(ctx, "stop");
  return start_server_again(ctx);
}

step_outcome measure(step_context& ctx) {
  archive_order order;
  order.server = ctx.job.server;
  order.job = ctx.job.id;
  order.is_whole = true;
  const auto tree = count_files(ctx, order);
  if (!tree)
    return tree.error();
  return step_done{
      .output = json{{"files", tree->files}, {"bytes", tree->bytes}}.dump()};
}

/// What is told while the files are on their way; from any thread.
class upload_watch {
public:
  explicit upload_watch(step_context& ctx) : ctx_(ctx) {
    const auto measured = fields::told_by(ctx.job, "measure");
    whole_.files = measured.at("files").get<std::int64_t>();
    whole_.bytes = measured.at("bytes").get<std::int64_t>();
  }

  void sees(const archive_progress_made& now) {
    ctx_.report(progress_of(now, whole_, std::to_string(now.files) + " files"));
    const auto at = steady_clock::now();
    {
      const std::scoped_lock lock{mutex_};
      if (at < next_line_)
        return;
      next_line_ = at + between_lines;
    }
    tell_clients(
        ctx_, upload_bar(now.bytes, std::max(whole_.bytes, now.bytes)),
        std::chrono::duration_cast<std::chrono::milliseconds>(at - began_));
  }

  /// Everything is sent.
  void waits() {
    all_sent_ = true;
    ctx_.report({.message = "waits for the other node to put it in place"});
  }
  bool is_all_sent() const { return all_sent_; }

private:
  step_context& ctx_;
  tree_size whole_;
  const steady_clock::time_point began_ = steady_clock::now();
  std::mutex mutex_;
  steady_clock::time_point next_line_ = began_;
  bool all_sent_ = false; ///< of the step's own thread
};

/// A push that has begun is not begun again, so what might pass does not.
fault final_fault(fault why) {
  if (why.code != fault_code::interrupted
      && classify(why.code) != error_class::permanent)
    why.code = fault_code::upload_failed;
  return why;
}

step_outcome not_sent(step_context& ctx, transfer_record plan, fault why,
                      bool all_sent) {
  // The Panel was told before we were answered: it is the other node's.
  if (why.code == fault_code::interrupted && all_sent && is_being_deleted(ctx))
    return step_done{.output = json{{"deleted", true}}.dump()};
  if (why.code != fault_code::node_unavailable)
    return final_fault(std::move(why));
  plan.upload.clear();
  if (auto kept = ctx.node.far->journal.keep(ctx.job.id, plan); !kept)
    return final_fault(std::move(kept).error());
  if (ctx.now - begun_at(ctx, "push") >= connect_patience)
    return why;
  return step_waits{"NodeUnavailable", why.what, connect_again};
}

step_outcome push(step_context& ctx) {
  if (!ctx.node.far || !ctx.node.far->nodes)
    return fault{.code = fault_code::not_implemented,
                 .what = "this node sends no servers to others"};
  const auto known = ctx.node.records.find_transfer(ctx.job.id);
  if (!known)
    return known.error();
  if (!*known || (*known)->links.size() != 2)
    return fault{.code = fault_code::internal,
                 .what = "nobody knows any more where the server goes"};
  auto plan = **known;
  if (plan.upload == begun)
    return fault{.code = fault_code::upload_failed,
                 .what = "alula was stopped while the server was on its way; "
                         "the transfer has to be asked for again"};
  auto volume = ctx.node.volumes.open(ctx.job.server);
  if (!volume)
    return std::move(volume).error();
  plan.upload = begun;
  if (auto kept = ctx.node.far->journal.keep(ctx.job.id, plan); !kept)
    return std::move(kept).error();
  tell_clients(ctx, "Streaming archive to destination...");
  upload_watch watch{ctx};
  archive_made made;
  const auto make = [&](const archive_sink& into) -> result<archive_made> {
    auto packed = ctx.node.archives.pack(
        *volume, ctx.job.id, into, ctx.stop,
        [&](const archive_progress_made& now) { watch.sees(now); });
    if (packed)
      made = *packed;
    return packed;
  };
  if (auto sent = ctx.node.far->nodes->push(
          {plan.links[0], plan.links[1]}, make, [&] { watch.waits(); },
          ctx.stop);
      !sent)
    return not_sent(ctx, std::move(plan), std::move(sent).error(),
                    watch.is_all_sent());
  return step_done{.output = fields::as_text(
                       json{{"size", made.facts.size},
                            {"sha256", made.facts.sha256},
                            {"content_bytes", made.facts.content_bytes},
                            {"files", made.facts.files},
                            {"noted", made.noted},
                            {"notes", told_notes(made.notes)}})};
}

step_outcome take_back(step_context& ctx) {
  if (!is_taken(ctx.job))
    tell_cancelling(ctx, "push");
  return step_done{};
}

/// From here on the server is the other node's.
step_outcome hand_over(step_context& ctx) {
  tell_clients(ctx, "The destination has the server; waiting for the Panel to "
                    "switch to it.");
  auto result = fields::told_by(ctx.job, "push");
  result["target"] = json::parse(ctx.job.input).at("target");
  return step_done{.job_result = fields::as_text(result)};
}

std::vector<change> when_over(const job_record& ended) {
  if (is_taken(ended))
    return {};
  return {set_transferring{.transferring = false},
          reports::transfer_has_ended(ended.server, false)};
}

} // namespace

const kind transfer_server{
    .name = "server.transfer",
    .max_attempts = 5,
    // As long as the token is good: who has not begun by then never will.
    .deadline = std::chrono::minutes{15},
    .read = read,
    .steps =
        {
            compensatable("begin", begin, announce_failure),
            compensatable("look", look, unlock),
            compensatable("stop", stop_server, start_again),
            compensatable("measure", measure, nullptr, "transfer"),
            // A network that stalls is noticed by the push itself.
            with_stall_limit(compensatable("push", push, take_back, "transfer"),
                             std::chrono::minutes{15}),
            pivot("hand_over", hand_over),
        },
    .when_over = when_over};

} // namespace alula::jobs
