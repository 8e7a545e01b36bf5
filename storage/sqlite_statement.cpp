#include "storage/sqlite_connection.hpp"

namespace alula::storage {

void statement::finalizer::operator()(sqlite3_stmt* raw) const {
  sqlite3_finalize(raw);
}

statement::statement(sqlite3_stmt* raw, std::string_view name)
  : raw_(raw), name_(name) {}

void statement::bind(int index, std::int64_t value) {
  note(sqlite3_bind_int64(raw_.get(), index, value));
}

void statement::bind(int index, double value) {
  note(sqlite3_bind_double(raw_.get(), index, value));
}

void statement::bind(int index, std::string_view value) {
  // A null pointer would bind NULL.
  note(sqlite3_bind_text64(raw_.get(), index, value.empty() ? "" : value.data(),
                           value.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
}

void statement::bind(int index, const or_null& value) {
  if (value.is_text && !value.text.empty())
    bind(index, value.text);
  else if (!value.is_text && value.number != 0)
    bind(index, value.number);
  else
    note(sqlite3_bind_null(raw_.get(), index));
}

void statement::note(int bind_code) {
  if (bind_code_ == SQLITE_OK)
    bind_code_ = bind_code;
}

jobs::result<bool> statement::step() {
  if (bind_code_ != SQLITE_OK)
    return sqlite_fault(sqlite3_db_handle(raw_.get()), bind_code_, name_);
  const int code = sqlite3_step(raw_.get());
  if (code == SQLITE_ROW)
    return true;
  if (code == SQLITE_DONE)
    return false;
  return sqlite_fault(sqlite3_db_handle(raw_.get()), code, name_);
}

void statement::reset() {
  bind_code_ = SQLITE_OK;
  sqlite3_reset(raw_.get());
}

std::int64_t statement::integer(int column) const {
  return sqlite3_column_int64(raw_.get(), column);
}

double statement::real(int column) const {
  return sqlite3_column_double(raw_.get(), column);
}

std::string statement::text(int column) const {
  const auto* bytes = sqlite3_column_text(raw_.get(), column);
  if (!bytes)
    return {};
  const auto size = sqlite3_column_bytes(raw_.get(), column);
  return {reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size)};
}

bool statement::is_null(int column) const {
  return sqlite3_column_type(raw_.get(), column) == SQLITE_NULL;
}

bool rows::next() {
  if (failed_ || !asked_)
    return false;
  auto stepped = asked_->step();
  if (stepped)
    return *stepped;
  failed_ = std::move(stepped).error();
  return false;
}

jobs::status rows::outcome() const {
  return failed_ ? jobs::status{*failed_} : jobs::status{};
}

} // namespace alula::storage
