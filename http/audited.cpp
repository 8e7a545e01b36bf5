#include "http/audited.hpp"

#include "http/text.hpp"

#include <atomic>
#include <utility>

namespace alula::http {

namespace {

constexpr std::string_view job_path = "/api/jobs/";

std::string job_in(const response& answer) {
  for (const auto& [name, value] : answer.headers)
    if ((equal_ignoring_case(name, "Location")
         || equal_ignoring_case(name, "Operation-Location"))
        && value.starts_with(job_path))
      return value.substr(job_path.size());
  return {};
}

/// The one in the path; an appliance's requests are about its own. None for
/// what is longer than any system's id: the row keeps of a request no more than
/// the path, which is cut.
std::string system_of(const request& asked) {
  constexpr std::size_t longest = 255;
  const auto named = asked.param("system");
  if (named.size() > longest)
    return {};
  const auto& who = asked.who;
  if (named.empty() && who && who->kind == jobs::principal_kind::appliance
      && !who->scope.systems.empty())
    return who->scope.systems.front();
  return std::string{named};
}

class audited_exchange final : public exchange {
public:
  audited_exchange(api_ptr api, exchange_ptr to, audit_author by)
    : api_(std::move(api)), to_(std::move(to)), by_(std::move(by)) {}

  const request& req() const override { return to_->req(); }

  void reply(response answer) override {
    write_down(answer);
    to_->reply(std::move(answer));
  }
  void reply_file(response head, file_slice file) override {
    write_down(head);
    to_->reply_file(std::move(head), std::move(file));
  }
  void reply_pulled(response head, std::int64_t length,
                    std::shared_ptr<body_source> from) override {
    write_down(head);
    to_->reply_pulled(std::move(head), length, std::move(from));
  }
  bool take_body(std::shared_ptr<jobs::body_pipe> into) override {
    return to_->take_body(std::move(into));
  }
  void is_about(const jobs::access_object& what) override { about_ = what; }
  std::shared_ptr<stream> start_stream(response head) override {
    write_down(head);
    return to_->start_stream(std::move(head));
  }
  std::shared_ptr<websocket> upgrade(websocket_events events) override {
    return to_->upgrade(std::move(events));
  }

private:
  using kinds = jobs::access_object::kinds;

  void write_down(const response& answer) {
    constexpr int not_served = 501;
    if (answer.status == not_served || written_.exchange(true))
      return;
    const auto& asked = to_->req();
    api_->access->record({.at = api_->clock.now(),
                          .principal = by_.principal,
                          .name = by_.name,
                          .method = asked.method,
                          .path = asked.path,
                          .server = server_of(),
                          .job = job_in(answer),
                          .status = answer.status,
                          .request_id = asked.request_id,
                          .remote = asked.remote,
                          .system = named_system(asked)});
  }
  std::string server_of() const {
    return by_.server.empty() && about_.kind == kinds::server ? about_.id
                                                              : by_.server;
  }
  std::string named_system(const request& asked) const {
    return about_.kind == kinds::system ? about_.id : system_of(asked);
  }

  const api_ptr api_;
  const exchange_ptr to_;
  const audit_author by_;
  jobs::access_object about_ = {};
  std::atomic<bool> written_{false};
};

} // namespace

exchange_ptr audited(const api_ptr& api, const exchange_ptr& call,
                     audit_author by) {
  if (!api->access)
    return call;
  return std::make_shared<audited_exchange>(api, call, std::move(by));
}

handler audited(const api_ptr& api, handler run) {
  return [api, run = std::move(run)](const exchange_ptr& call) {
    const auto& asked = call->req();
    if (!asked.who)
      return run(call);
    run(audited(
        api, call,
        {asked.who->id, asked.who->name, std::string{asked.param("server")}}));
  };
}

} // namespace alula::http
