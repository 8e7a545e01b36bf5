// The ledger from beside the node. Both only read it, so that the node, which
// alone writes, may go on (design: one writing connection).
#include "app/cli/commands.hpp"
#include "app/cli/terminal.hpp"
#include "app/places.hpp"
#include "storage/sqlite.hpp"

#include <CLI/CLI.hpp>

#include <chrono>

namespace alula::app::cli {

namespace {

namespace fs = std::filesystem;
using storage::database;

fs::path ledger_of(const asked_node& asked) {
  const auto file = find_config(asked);
  if (!file.empty()) {
    const auto report = load_config(file);
    if (!report.is_usable())
      throw leave{no_config, file.string()
                                 + " cannot be used; `alula "
                                   "check-config` says why"};
    return ledger_directory(report.value) / "ledger.db";
  }
  const auto data = data_of(asked);
  return data / "alula" / "ledger.db";
}

database open_ledger(const fs::path& file) {
  std::error_code error;
  if (!fs::exists(file, error))
    throw leave{not_found, "there is no ledger at " + file.string()
                               + "; --config or --data say where it is"};
  auto db = database::open(file, database::access::read);
  if (!db)
    throw leave{failed, db.error().what};
  return *std::move(db);
}

void check(const fs::path& file) {
  auto db = open_ledger(file);
  const auto sound = db.full_check(std::chrono::hours{24});
  if (!sound)
    throw leave{failed, file.string() + " is damaged: " + sound.error().what
                            + "\nKeep a copy of it with its -wal and -shm, and "
                              "put the last `alula db backup` in its place."};
}

int check_ledger(const asked_node& asked) {
  const auto file = ledger_of(asked);
  check(file);
  if (asked.as_json)
    print_json({{"file", file.string()}, {"sound", true}});
  else
    print(file.string() + " is sound\n");
  return done;
}

int back_up_ledger(const asked_node& asked, const fs::path& target) {
  const auto file = ledger_of(asked);
  std::error_code error;
  if (fs::exists(target, error))
    throw leave{usage, target.string() + " is there already"};
  auto db = open_ledger(file);
  if (const auto copied = db.copy_to(fs::absolute(target)); !copied)
    throw leave{failed, copied.error().what};
  check(target);
  // Looking into it has made them, and a reader may not take them away again.
  if (fs::file_size(target.string() + "-wal", error) == 0)
    for (const auto* tail : {"-wal", "-shm"})
      fs::remove(target.string() + tail, error);
  const auto size = static_cast<std::int64_t>(fs::file_size(target, error));
  if (asked.as_json)
    print_json({{"file", target.string()}, {"bytes", size}});
  else
    print(target.string() + ", " + bytes_text(size)
          + ", checked. To use it, stop the node, put it in the place of "
          + file.string() + " and remove the -wal and -shm beside that.\n");
  return done;
}

} // namespace

void add_database_commands(CLI::App& app, const reading& line) {
  auto* db = app.add_subcommand("db", "the ledger, from beside the node");
  line.add_node_options(*db);
  db->require_subcommand(1);
  const auto target = std::make_shared<fs::path>();
  auto* backup = db->add_subcommand("backup", "a copy, while the node runs");
  backup->add_option("FILE", *target, "where to")->required();
  backup->callback(
      [=] { line.runs([=] { return back_up_ledger(*line.node, *target); }); });
  db->add_subcommand("check", "look for damage, all of it")->callback([=] {
    line.runs([=] { return check_ledger(*line.node); });
  });
}

} // namespace alula::app::cli
