/// The hand-written list of all job kinds: one line per kind. Written by hand
/// because a static library drops objects that nobody names.
#pragma once

#include "jobs/kind.hpp"

namespace alula::jobs {

extern const kind create_server;
extern const kind delete_server;
extern const kind purge_trash;
extern const kind undelete_server;
extern const kind create_backup;
extern const kind restore_backup;
extern const kind undo_restore;
extern const kind remove_replaced;
extern const kind settle_restore;
extern const kind settle_undelete;
extern const kind delete_backup;
extern const kind verify_backup;
extern const kind index_backup;
extern const kind scan_backups;
extern const kind scan_store;
extern const kind rotate_backups;
extern const kind server_power;
extern const kind server_install;
extern const kind server_reinstall;
extern const kind server_sync;
extern const kind transfer_server;
extern const kind release_server;
extern const kind copy_backup;
extern const kind drop_copy;
extern const kind clean_store;
extern const kind ask_panel_for_backups;
extern const kind receive_server;
extern const kind receive_system_backup;
extern const kind delete_system_backup;
extern const kind destroy_system;
extern const kind sweep_system_backups;

const catalog& standard_catalog();

} // namespace alula::jobs
