/// What alula doctor looks at in the ledger, with or without a running node.
#include "app/cli/findings.hpp"
#include "app/cli/terminal.hpp"
#include "app/places.hpp"
#include "storage/ballast.hpp"
#include "storage/ledger_settings.hpp"
#include "storage/sqlite.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <system_error>

namespace alula::app::cli {

namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

void look_at_database(const config& c, findings& out) {
  constexpr auto put_back =
      "Stop the node, keep a copy of ledger.db, ledger.db-wal and "
      "ledger.db-shm, and put the last `alula db backup` in their place.";
  const auto file = ledger_directory(c) / "ledger.db";
  std::error_code error;
  if (!fs::exists(file, error))
    return out.note("database", file.string() + " is not there",
                    "The first start makes it. If the node has run before, a "
                    "disk is not mounted.");
  auto db = storage::database::open(file, storage::database::access::read);
  if (!db)
    return out.bad("database", db.error().what,
                   "Look at its owner and mode; never remove ledger.db-wal. "
                   "When it is damaged: "
                       + std::string{put_back});
  const auto sound = db->quick_check(seconds{30});
  const auto size = static_cast<std::int64_t>(fs::file_size(file, error));
  const auto log = fs::file_size(file.string() + "-wal", error);
  if (!sound)
    out.bad("database", "the ledger is damaged: " + sound.error().what,
            put_back);
  else if (!*sound)
    out.note("database", "the ledger is too large for a quick look",
             "`alula db check` takes its time.");
  else
    out.good("database", "the ledger is sound, " + bytes_text(size));
  constexpr std::uint64_t large = std::uint64_t{256} << 20;
  if (!error && log > large)
    out.note("database", "its write-ahead log has " + bytes_text(log),
             "Something reads the ledger for long (a copy, a shell of "
             "sqlite3): end that.");
}

/// What keeps a full disk from ending the node.
void look_at_reserve(const config& c, findings& out) {
  const auto file = ledger_directory(c) / "ledger.db";
  std::error_code error;
  const storage::ballast reserve{file,
                                 storage::ledger_settings{}.ballast_bytes};
  const auto free = reserve.free_room();
  if (!fs::exists(file, error) || reserve.is_there() || !free)
    return;
  const bool has_room = *free >= reserve.room_needed();
  out.note("database",
           "the ledger has no reserve of " + bytes_text(reserve.bytes())
               + " to go on with when its disk is full: " + bytes_text(*free)
               + " are free, and it is taken when "
               + bytes_text(reserve.room_needed()) + " are",
           has_room ? "A node that runs takes it within minutes, another one "
                      "when it is started; else look for `ledger-ballast-` in "
                      "its log."
                    : "Make room, or set system.ledger_directory to a larger "
                      "disk: until then a full disk ends alula.");
}

} // namespace

void look_at_ledger(const config& c, findings& out) {
  look_at_database(c, out);
  look_at_reserve(c, out);
}

} // namespace alula::app::cli
