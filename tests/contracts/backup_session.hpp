/// A session with a ledger for contracts about backups: samples, and verbs.
#pragma once

#include "tests/contracts/ledger_session.hpp"

#include <string>
#include <vector>

namespace alula::contracts {

inline jobs::backup_id sample_backup(int number = 1) {
  const auto digits = std::to_string(1'000'000 + number).substr(1);
  return *jobs::backup_id::parse("0b5d3b1e-5c47-4f0a-9b1e-0d3a2c" + digits);
}

inline jobs::archive_facts sample_facts() {
  return {.size = 1'000,
          .sha1 = std::string(40, 'a'),
          .sha256 = std::string(64, 'b'),
          .content_bytes = 5'000,
          .files = 7};
}

/// A session with a server, and verbs about its backups.
class backup_session : public ledger_session {
public:
  explicit backup_session(ledger_world& world)
    : ledger_session(world), reader_(world.reader()),
      first(add_server(sample_server(1))) {}

  jobs::queries& reader() { return *reader_; }
  std::optional<jobs::backup_record> record(int number = 1) {
    return reader_->find_backup(sample_backup(number)).value();
  }
  std::optional<jobs::replaced_tree> tree(const jobs::job_record& job) {
    return reader_->find_replaced(job.id).value();
  }

  jobs::result<jobs::accepted> ask(const jobs::server_record& server,
                                   std::vector<jobs::change> changes,
                                   std::vector<jobs::lock_request> locks = {}) {
    auto what = draft(
        sample_kind("sample.backup", std::to_string(++lanes_) /* of its own */),
        server);
    what.changes = std::move(changes);
    what.locks = std::move(locks);
    return accept(std::move(what));
  }
  jobs::job_record must_ask(const jobs::server_record& server,
                            std::vector<jobs::change> changes,
                            std::vector<jobs::lock_request> locks = {}) {
    auto got = ask(server, std::move(changes), std::move(locks));
    if (!got)
      FAIL("ask: " << got.error().what);
    return got->job;
  }
  jobs::fault refusal(const jobs::server_record& server,
                      std::vector<jobs::change> changes) {
    const auto got = ask(server, std::move(changes));
    REQUIRE_FALSE(got);
    return got.error();
  }

  bool burn(const std::string& id, jobs::time_ms expires_at) {
    auto promise = std::make_shared<std::promise<jobs::result<bool>>>();
    auto answer = promise->get_future();
    ledger().burn_token(id, expires_at, [promise](jobs::result<bool> b) {
      promise->set_value(std::move(b));
    });
    REQUIRE(answer.wait_for(std::chrono::seconds{120})
            == std::future_status::ready);
    return answer.get().value();
  }

  jobs::job_record make(const jobs::server_record& server, int number = 1) {
    return run_to_end(
        must_ask(server, {jobs::register_backup{sample_backup(number)}}),
        {jobs::publish_backup{sample_backup(number), sample_facts()}});
  }
  /// Ends a restore of the server that keeps its old tree.
  jobs::job_record restore(const jobs::server_record& server,
                           jobs::time_ms keep_until) {
    const auto job = must_ask(server, {jobs::begin_restore{}});
    return run_to_end(
        job, {jobs::keep_replaced{job.id.to_string(), false, keep_until},
              jobs::end_restore{}});
  }
  /// Ends as failed, whatever it did.
  jobs::job_record fail(const jobs::job_record& job) {
    auto failed = must_happen(
        start(job),
        jobs::happened::step_failed{
            {.code = jobs::fault_code::docker_refused, .what = "no"},
            {jobs::error_class::permanent, {}}});
    while (!failed.is_done())
      failed = must_happen(start(failed), jobs::happened::undo_done{});
    return failed;
  }

private:
  std::unique_ptr<jobs::queries> reader_;
  int lanes_ = 0;

public:
  jobs::server_record first;
};

inline jobs::archive_file sample_file(int number, jobs::server_id server = {}) {
  jobs::archive_file file;
  file.backup = sample_backup(number);
  file.server = server;
  file.size = 1'234;
  file.modified_at = 42;
  return file;
}

/// What a manifest beside it says.
inline jobs::archive_facts found_facts() {
  auto facts = sample_facts();
  facts.size = sample_file(1).size;
  return facts;
}

} // namespace alula::contracts
