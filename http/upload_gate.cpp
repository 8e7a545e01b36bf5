#include "http/upload_gate.hpp"

#include "http/text.hpp"
#include "jobs/ids.hpp"

#include <memory>
#include <string>
#include <utility>

namespace alula::http {

namespace {

/// An answer is one piece, and the last of its connection.
class last_line final : public line {
public:
  explicit last_line(std::shared_ptr<connection> on) : on_(std::move(on)) {}

  void send(std::string bytes, bool last, bool, sent_callback sent) override {
    if (!last)
      on_->end(); // no handler of such a route streams
    else
      on_->answer_last(std::move(bytes));
    if (sent)
      sent(last);
  }
  void send_file(std::string, std::shared_ptr<const file_slice>, bool,
                 sent_callback sent) override {
    on_->end();
    sent(false);
  }
  std::unique_ptr<frame_line> upgrade(std::string_view, frame_events) override {
    return nullptr;
  }

private:
  std::shared_ptr<connection> on_;
};

request request_of(streamed_head head, const connection& on) {
  request asked;
  asked.method = std::move(head.method);
  const auto parts = split_target(head.target);
  asked.path = parts.path;
  if (!parts.query.empty())
    asked.query = parse_query(parts.query);
  asked.headers = std::move(head.fields);
  asked.body_length = head.length;
  asked.request_id = jobs::make_random_uuid();
  asked.remote = on.remote;
  return asked;
}

} // namespace

void admit_upload(connection& on, streamed_head head, door& entry,
                  visitors& everyone, std::size_t most_pending) {
  auto asked = request_of(std::move(head), on);
  visit_facts facts;
  facts.request_id = asked.request_id;
  facts.path = asked.path;
  facts.cross_origin = entry.cross_origin();
  facts.extra_lines = facts.cross_origin->lines_for(asked.header("Origin"));
  facts.keep_alive = false;
  auto here = std::make_shared<visit>(
      everyone, on, std::make_unique<last_line>(on.shared_from_this()),
      std::move(facts));
  on.let(here);
  auto [to, seen] =
      make_exchange(std::move(asked), here->id(), false, everyone);
  entry.enter(*seen, to, everyone.pending > most_pending);
}

} // namespace alula::http
