#include "jobs/catalog.hpp"

namespace alula::jobs {

const kind* catalog::find(std::string_view name) const {
  for (const auto* known : kinds_)
    if (known->name == name)
      return known;
  return nullptr;
}

const catalog& standard_catalog() {
  static const catalog all{
      {&create_server,         &delete_server,        &purge_trash,
       &undelete_server,       &receive_server,       &create_backup,
       &restore_backup,        &undo_restore,         &remove_replaced,
       &settle_restore,        &settle_undelete,      &delete_backup,
       &verify_backup,         &index_backup,         &scan_backups,
       &rotate_backups,        &server_power,         &server_install,
       &server_reinstall,      &server_sync,          &transfer_server,
       &release_server,        &copy_backup,          &drop_copy,
       &clean_store,           &scan_store,           &ask_panel_for_backups,
       &receive_system_backup, &delete_system_backup, &destroy_system,
       &sweep_system_backups}};
  return all;
}

} // namespace alula::jobs
