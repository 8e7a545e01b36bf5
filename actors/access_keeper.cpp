#include "actors/access_keeper.hpp"

#include "actors/answer_once.hpp"
#include "actors/stopping.hpp"
#include "jobs/log.hpp"

#include <algorithm>
#include <exception>
#include <utility>

namespace alula::actors {

namespace {

/// Audit rows that wait for a slow disk; more are logged instead.
constexpr std::size_t most_unwritten = 10'000;
constexpr std::size_t waiting_questions = 256;

jobs::fault unknown_token(const std::string& id) {
  return {.code = jobs::fault_code::token_not_found,
          .what = "there is no token " + id + " here"};
}

} // namespace

access_keeper::access_keeper(jobs::queries& queries, jobs::ledger& ledger,
                             const jobs::clock& clock)
  : queries_(queries), ledger_(ledger), clock_(clock),
    tokens_(std::make_shared<const std::vector<jobs::token_record>>()),
    readers_("alula-access", 1, waiting_questions) {}

access_keeper::~access_keeper() {
  stop();
}

jobs::status access_keeper::load() {
  auto all = queries_.list_tokens();
  if (!all)
    return std::move(all).error();
  auto fresh =
      std::make_shared<const std::vector<jobs::token_record>>(*std::move(all));
  const std::scoped_lock lock{mutex_};
  tokens_ = std::move(fresh);
  loaded_ = true;
  return {};
}

void access_keeper::stop() {
  readers_.stop();
  std::unique_lock lock{mutex_};
  stopped_ = true;
  changed_.wait(lock, [this] { return ledger_calls_ == 0; });
}

jobs::token_list access_keeper::tokens() const {
  const std::scoped_lock lock{mutex_};
  return tokens_;
}

void access_keeper::replace(const jobs::token_record& what) {
  const std::scoped_lock lock{mutex_};
  auto fresh = std::make_shared<std::vector<jobs::token_record>>(*tokens_);
  const auto known =
      std::ranges::find(*fresh, what.id, &jobs::token_record::id);
  if (known == fresh->end())
    fresh->push_back(what);
  else
    *known = what;
  tokens_ = std::move(fresh);
}

// -- the ledger ---------------------------------------------------------------

void access_keeper::amend(jobs::change what,
                          std::function<void(jobs::status)> done) {
  {
    std::unique_lock lock{mutex_};
    if (stopped_) {
      lock.unlock();
      done(stopping());
      return;
    }
    ++ledger_calls_;
  }
  std::vector<jobs::change> changes;
  changes.push_back(std::move(what));
  ledger_.amend(std::move(changes),
                [this, done = std::move(done)](const jobs::status& written) {
                  done(written);
                  const std::scoped_lock lock{mutex_};
                  --ledger_calls_;
                  changed_.notify_all();
                });
}

void access_keeper::keep(jobs::token_record what,
                         std::function<void(jobs::status)> done) {
  auto change = jobs::keep_token{what};
  amend(std::move(change), [this, what = std::move(what),
                            done = std::move(done)](const jobs::status& kept) {
    if (kept)
      replace(what);
    done(kept);
  });
}

void access_keeper::revoke(
    std::string id,
    std::function<void(jobs::result<jobs::token_record>)> done) {
  const auto now = tokens();
  const auto known = std::ranges::find(*now, id, &jobs::token_record::id);
  if (known == now->end()) {
    done(unknown_token(id));
    return;
  }
  auto revoked = *known;
  if (revoked.revoked_at != 0) {
    done(std::move(revoked));
    return;
  }
  revoked.revoked_at = clock_.now();
  amend(jobs::revoke_token{id, revoked.revoked_at},
        [this, revoked, done = std::move(done)](const jobs::status& written) {
          if (!written) {
            done(written.error());
            return;
          }
          replace(revoked);
          done(revoked);
        });
}

void access_keeper::note_use(std::string id, jobs::time_ms at) {
  amend(jobs::note_token_use{std::move(id), at}, [](const jobs::status&) {});
}

void access_keeper::record(jobs::audit_record what) {
  const auto complain = [](const jobs::audit_record& lost,
                           const std::string& why) {
    jobs::log(jobs::log_level::warning, "audit-lost",
              {{"principal", lost.principal},
               {"method", lost.method},
               {"path", lost.path},
               {"status", lost.status},
               {"request", lost.request_id},
               {"why", why}});
  };
  if (unwritten_.fetch_add(1) >= most_unwritten) {
    --unwritten_;
    complain(what, "too many wait for the disk");
    return;
  }
  auto change = jobs::keep_audit{what};
  amend(std::move(change),
        [this, complain, what = std::move(what)](const jobs::status& written) {
          --unwritten_;
          if (!written)
            complain(what, written.error().what);
        });
}

// -- reading ------------------------------------------------------------------

template<class T>
void access_keeper::read(std::function<void(jobs::result<T>)> done,
                         std::function<jobs::result<T>()> query) {
  const answer_once<T> once{std::move(done)};
  const bool taken = readers_.run([once, query = std::move(query)] {
    try {
      once(query());
    } catch (const std::exception& e) {
      once(jobs::fault{.what = std::string{"a query threw: "} + e.what()});
    }
  });
  if (!taken)
    once(jobs::fault{.code = jobs::fault_code::rate_limited,
                     .what = "too many questions about access wait"});
}

void access_keeper::list(
    std::function<void(jobs::result<std::vector<jobs::token_record>>)> done) {
  read<std::vector<jobs::token_record>>(
      std::move(done), [this] { return queries_.list_tokens(); });
}

void access_keeper::list_audit(
    jobs::audit_filter filter, std::int64_t before, std::size_t limit,
    std::function<void(jobs::result<jobs::audit_page>)> done) {
  read<jobs::audit_page>(std::move(done), [this, filter, before, limit] {
    return queries_.list_audit(filter, before, limit);
  });
}

} // namespace alula::actors
