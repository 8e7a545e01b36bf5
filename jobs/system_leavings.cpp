#include "jobs/system_leavings.hpp"

#include "jobs/system_objects.hpp"

#include <algorithm>

namespace alula::jobs {

bool was_given_up(queries& records, const system_backup_record& upload) {
  const auto job = records.find_job(upload.owner_job);
  if (!job || (*job && !(*job)->is_done()))
    return false;
  const auto now = records.find_system_backup(upload.id);
  return now && *now && (*now)->state == system_backup_state::uploading
         && (*now)->owner_job == upload.owner_job;
}

bool is_on_record(queries& records, std::string_view backup) {
  const auto found = records.find_system_backup(backup);
  return !found || found->has_value();
}

bool has_system_leavings(queries& records, system_objects& objects) {
  const auto uploads = records.list_system_uploads(most_system_uploads);
  if (!uploads || std::ranges::any_of(*uploads, [&](const auto& one) {
        return was_given_up(records, one);
      }))
    return true;
  bool has_strangers = false;
  // A sweep that is told to know them all only looks.
  const auto looked = objects.sweep([&](std::string_view id) {
    has_strangers = has_strangers || !is_on_record(records, id);
    return true;
  });
  return !looked || has_strangers;
}

} // namespace alula::jobs
