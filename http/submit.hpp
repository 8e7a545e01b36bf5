/// The one way a route starts a job. It knows what the routes share: the
/// idempotency key, what the client prefers, how long to wait, and which
/// answer a job has earned so far.
#pragma once

#include "http/api.hpp"
#include "http/exchange.hpp"
#include "jobs/engine.hpp"

#include <chrono>
#include <functional>

namespace alula::http {

/// What a route answers to a client that prefers nothing (design 4).
enum class answer_style {
  /// Wings' blocking routes: waits `sync_wait` for the mark of the kind; 204
  /// when it is reached, 202 when not yet, 500 when the job gave up before it.
  at_the_mark,
  /// Wings' background routes: 202 without a body, at once.
  at_once,
  /// Our own routes: 202 with the job, at once.
  with_job,
};

/// Submits `what` and answers `call`, from a thread of the engine. Every
/// answer about a job, a 500 included, carries its Location.
///
/// `Prefer: respond-async` does not wait and shows the job; `wait=N` waits up
/// to N (at most 10) seconds, for the mark on routes that answer at it and for
/// the end on all others; `return=representation` shows the job, 200 instead
/// of 204; `return=minimal` does not show it. What was honoured stands in
/// Preference-Applied.
///
/// A request with an `Idempotency-Key` is told apart by principal, method,
/// path and body; the answer to a repetition, by key or by nature, carries
/// `Idempotency-Replayed: true`.
void submit(const api_ptr& api, const exchange_ptr& call, jobs::submission what,
            answer_style style);

/// The same, but a refused accept is told to `refused` instead of the client,
/// and the wait is `most` at most: a part of it may have passed already.
void submit_or(const api_ptr& api, const exchange_ptr& call,
               jobs::submission what, answer_style style,
               std::function<void(const jobs::fault&)> refused,
               std::chrono::milliseconds most = std::chrono::hours{1});

/// A kind knows that a server is in transfer, restored or on its way out, and
/// not by which job: a refusal names it, on all routes and over websockets.
jobs::fault with_owner(const jobs::engine& engine,
                       const jobs::server_id& server, jobs::fault why);

/// How long such a request may be waited with.
std::chrono::milliseconds wait_of(const api_ptr& api, const request& req,
                                  answer_style style);

/// Answers `call` about a job that has been accepted already.
void answer_about(const api_ptr& api, const exchange_ptr& call,
                  const jobs::ticket& ticket, answer_style style,
                  std::chrono::milliseconds most = std::chrono::hours{1});

/// Nothing without the header. Fault: malformed, when it is empty, longer than
/// 255 bytes, or not visible ASCII. Quotes around it are taken off
/// (draft-ietf-httpapi-idempotency-key-header: a structured string).
jobs::result<std::optional<jobs::idempotency>>
read_idempotency(const request& req);

} // namespace alula::http
