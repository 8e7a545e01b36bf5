#include "jobs/changes.hpp"

#include <utility>

namespace alula::jobs {

template<typename Alternative>
requires(!std::is_base_of_v<any_change, Alternative>) change::change(
    Alternative what)
  : any_change(std::move(what)) {}

template change::change(register_server);
template change::change(activate_server);
template change::change(discard_server);
template change::change(begin_delete);
template change::change(forget_server);
template change::change(set_container);
template change::change(put_in_trash);
template change::change(begin_purge);
template change::change(end_purge);
template change::change(adopt_trash);
template change::change(claim_trash);
template change::change(release_trash);
template change::change(restore_server);
template change::change(register_backup);
template change::change(publish_backup);
template change::change(discard_backup);
template change::change(record_found_backup);
template change::change(record_lost_backup);
template change::change(claim_backup);
template change::change(begin_backup_delete);
template change::change(forget_backup);
template change::change(record_verification);
template change::change(record_manifest);
template change::change(pin_backup);
template change::change(begin_restore);
template change::change(end_restore);
template change::change(keep_replaced);
template change::change(claim_replaced);
template change::change(release_replaced);
template change::change(forget_replaced);
template change::change(record_place);
template change::change(record_found_copy);
template change::change(forget_place);
template change::change(note_panel_word);
template change::change(set_local);
template change::change(keep_transfer);
template change::change(keep_transfer_part);
template change::change(leave_remains);
template change::change(forget_remains);
template change::change(tell_panel);
template change::change(record_delivery);
template change::change(set_server_config);
template change::change(quarantine_server);
template change::change(want_power);
template change::change(set_transferring);
template change::change(note_crash);
template change::change(want_install);
template change::change(begin_install);
template change::change(end_install);
template change::change(set_rotation);
template change::change(set_schedule);
template change::change(pause_pool);
template change::change(resume_pool);
template change::change(put_system);
template change::change(begin_system_upload);
template change::change(store_system_backup);
template change::change(forget_system_upload);
template change::change(begin_system_backup_delete);
template change::change(forget_system_backup);
template change::change(begin_system_destroy);
template change::change(forget_system);
template change::change(keep_token);
template change::change(revoke_token);
template change::change(note_token_use);
template change::change(keep_audit);

change::change() = default;
change::change(const change& other) = default;
change::change(change&& other) noexcept = default;
change& change::operator=(const change& other) = default;
change& change::operator=(change&& other) noexcept = default;
change::~change() = default;

} // namespace alula::jobs
