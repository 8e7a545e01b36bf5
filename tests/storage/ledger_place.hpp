/// A directory that is gone after the test, with a ledger in it.
#pragma once

#include "storage/sqlite.hpp"
#include "storage/sqlite_ledger.hpp"
#include "storage/sqlite_queries.hpp"
#include "tests/contracts/ledger_session.hpp"

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>

namespace alula::storage {

class temporary_place {
public:
  temporary_place() {
    // In memory where there is such a place: hundreds of small ledgers would
    // wait for the disk, and nothing here cuts the power.
    auto name = (std::filesystem::is_directory("/dev/shm")
                     ? std::filesystem::path{"/dev/shm"}
                     : std::filesystem::temp_directory_path())
                / "alula-XXXXXX";
    auto text = name.string();
    if (!::mkdtemp(text.data()))
      throw std::runtime_error{"mkdtemp"};
    path_ = text;
  }
  ~temporary_place() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  temporary_place(const temporary_place&) = delete;
  temporary_place& operator=(const temporary_place&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(std::string_view name) const {
    return path_ / name;
  }

private:
  std::filesystem::path path_;
};

/// Settings that keep tests fast and leave a failed ledger alive.
inline ledger_settings
test_settings(const std::filesystem::path& file,
              std::function<void(const jobs::fault&)> fatal = {}) {
  ledger_settings settings{.file = file, .version = "test"};
  settings.ballast_bytes = 0;
  settings.fatal = fatal ? std::move(fatal) : [](const jobs::fault& why) {
    // Catch's macros belong to the main thread.
    throw std::runtime_error{"the ledger failed: " + why.what};
  };
  return settings;
}

struct sqlite_world final : contracts::ledger_world {
  std::unique_ptr<jobs::ledger> open() override {
    return std::make_unique<sqlite_ledger>(settings, clock);
  }
  std::unique_ptr<jobs::queries> reader() override {
    return std::make_unique<sqlite_queries>(file, clock);
  }
  void set_panel(bool has_panel) override { settings.tells_panel = has_panel; }
  temporary_place place;
  std::filesystem::path file = place / "alula.db";
  ledger_settings settings = test_settings(file);
};

inline std::unique_ptr<contracts::ledger_world> make_sqlite_world() {
  return std::make_unique<sqlite_world>();
}

/// Beside a ledger: what is in the file right now.
inline std::int64_t count_in(const std::filesystem::path& file,
                             std::string_view sql) {
  auto db = database::open(file, database::access::read);
  if (!db)
    throw std::runtime_error{db.error().what};
  const std::string text{sql};
  return db->integer({"count", text}).value();
}

} // namespace alula::storage
