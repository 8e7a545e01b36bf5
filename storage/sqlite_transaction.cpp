#include "storage/sqlite.hpp"

namespace alula::storage {

namespace {

constexpr named_sql begin_write{"begin_write", "BEGIN IMMEDIATE"};
constexpr named_sql begin_read{"begin_read", "BEGIN"};
constexpr named_sql commit_all{"commit", "COMMIT"};
constexpr named_sql roll_back_all{"rollback", "ROLLBACK"};
constexpr named_sql open_savepoint{"savepoint", "SAVEPOINT one_call"};
constexpr named_sql undo_savepoint{"undo_savepoint", "ROLLBACK TO one_call"};
constexpr named_sql release_savepoint{"release_savepoint", "RELEASE one_call"};

} // namespace

jobs::result<transaction> transaction::begin(database& on) {
  auto begun = on.run(begin_write);
  if (!begun)
    return std::move(begun).error();
  return transaction{on};
}

transaction::~transaction() {
  if (on_ && on_->in_transaction())
    (void)on_->run(roll_back_all);
}

jobs::status transaction::commit() {
  auto done = on_->run(commit_all);
  if (!done)
    return std::move(done).error();
  on_ = nullptr;
  return {};
}

read_transaction::read_transaction(database& on) : on_(on) {
  (void)on_.run(begin_read);
}

read_transaction::~read_transaction() {
  if (on_.in_transaction())
    (void)on_.run(commit_all);
}

savepoint::savepoint(database& on) : on_(on), opened_() {
  auto opened = on_.run(open_savepoint);
  if (!opened)
    opened_ = std::move(opened).error();
}

savepoint::~savepoint() {
  // A full disk or a failing write has ended the whole transaction already.
  if (kept_ || !opened_ || !on_.in_transaction())
    return;
  (void)on_.run(undo_savepoint);
  (void)on_.run(release_savepoint);
}

jobs::status savepoint::keep() {
  if (!opened_)
    return opened_;
  auto released = on_.run(release_savepoint);
  if (!released)
    return std::move(released).error();
  kept_ = true;
  return {};
}

} // namespace alula::storage
