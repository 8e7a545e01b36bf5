/// An accept between the actor that asked for it and the ledger's answer.
#pragma once

#include "actors/answer_once.hpp"
#include "actors/job_board.hpp"
#include "actors/protocol.hpp"

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace alula::actors {

/// Counted for as long as nobody has dealt with the answer. When nobody does,
/// because the message was lost with an actor that threw, it does so itself:
/// the caller is told what the ledger said, and the registry has whoever comes
/// next take up the job. Any thread, one at a time.
class pending_accept {
public:
  /// The board outlives it, unless the ledger has not answered.
  pending_accept(std::shared_ptr<std::atomic<int>> count, address_ptr registry,
                 const job_board& board, std::string key, ticket_answer done)
    : count_(std::move(count)), registry_(std::move(registry)), board_(board),
      key_(std::move(key)), done_(std::move(done)) {
    ++*count_;
  }
  ~pending_accept();
  pending_accept(const pending_accept&) = delete;
  pending_accept& operator=(const pending_accept&) = delete;

  /// On the ledger's thread.
  void answered(jobs::result<jobs::accepted> what) { what_ = std::move(what); }
  const jobs::result<jobs::accepted>& what() const { return *what_; }
  const ticket_answer& done() const { return done_; }

  /// Another actor is going to deal with it.
  void count_in(std::shared_ptr<std::atomic<int>> count);
  /// Somebody deals with it: from here on it does not count.
  void taken();

private:
  void give_up() const;

  std::shared_ptr<std::atomic<int>> count_;
  const address_ptr registry_;
  const job_board& board_;
  const std::string key_;
  const ticket_answer done_;
  std::optional<jobs::result<jobs::accepted>> what_;
  bool taken_ = false;
};

} // namespace alula::actors
