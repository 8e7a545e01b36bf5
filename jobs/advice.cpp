#include "jobs/advice.hpp"

#include "jobs/job_in_front.hpp"
#include "jobs/pool_pause.hpp"

#include <algorithm>
#include <array>

namespace alula::jobs {

namespace {

struct line {
  std::string_view reason;
  std::string_view advice;
  bool needs_somebody = false; ///< it does not pass by itself
};

/// What a job may wait for: the faults that may pass (jobs/retry.cpp), and the
/// reasons that are none, which kinds and the server actor give.
constexpr std::array waits{
    line{"DockerUnavailable",
         "Start Docker, or mend what keeps it from answering "
         "(`systemctl status docker`); the job goes on by itself.",
         true},
    line{"ContainerBusy",
         "Docker is still removing or stopping the container. If that does "
         "not end, restart Docker; the job goes on by itself."},
    line{"PanelUnavailable",
         "See that the Panel answers at the `remote` of the configuration "
         "(`alula doctor` asks it); the job goes on by itself.",
         true},
    line{
        "StoreUnavailable",
        "See that the object store answers (`alula doctor` asks it), and what "
        "it says in the message; the job goes on by itself, at the part it was "
        "at.",
        true},
    line{"NodeUnavailable",
         "See that the other node runs and can be reached from this one; the "
         "transfer is given up after two minutes."},
    line{
        "InsufficientStorage",
        "Free space on the disk that the message names, or inodes where it has "
        "none of those (`alula backups usage` says what backups take); the "
        "job goes on by itself.",
        true},
    line{"JournalUnavailable",
         "The ledger's disk cannot be written: mend that first; the job goes "
         "on by itself.",
         true},
    line{"IoError",
         "Look at the disk (`dmesg`, SMART, mount options); the job tries "
         "again by itself a few times, and is then parked or undone.",
         true},
    line{"TimedOut",
         "Find out why it took so long (disk, Docker, network); the job tries "
         "again by itself a few times, and is then parked or undone."},
    line{"Stuck",
         "A disk, a network file system or Docker hangs. Mend that; restart "
         "alula if the step still holds a worker.",
         true},
    line{"ServerLocked",
         "Nothing: it goes on when the job in front of it has ended. `alula "
         "jobs --live` shows that one; wait for it, or cancel it."},
    line{"BackupInUse",
         "Nothing: it goes on when the download, or the job that reads the "
         "backup, has ended."},
    line{"RateLimited",
         "Nothing: whoever was asked takes no more at the moment; the job asks "
         "again by itself, later and later."},
    line{"Interrupted", "Nothing: it goes on by itself, where it was."},
    line{"ShuttingDown", "Nothing: it goes on when alula is back."},
    line{"Starting", "Nothing: it goes on when alula has started."},
    line{"Retried", "Nothing: it is about to be tried again."},
    line{"WaitingForOtherJobs",
         "Nothing: it goes on when those jobs have ended. `alula jobs show` "
         "says of each what it is at, when they do not."},
    line{"WaitingInLine",
         "Nothing: it goes on when the job in front of it has ended. `alula "
         "jobs --live` shows that one; wait for it, or cancel it."},
    line{"WaitingForWorker",
         "Nothing: all workers of its pool are busy (`alula pools`). A larger "
         "number in `jobs.pools` starts more at once."},
    line{"PoolPaused",
         "Resume the pool when what it was paused for is over: `alula pools` "
         "shows which are paused, `alula pools resume` lets one go on."},
    line{"Retained",
         "Nothing: the files are kept until the undelete window is over. "
         "Bring the server back from the trash if it is wanted."},
    line{"RollingBack", "Nothing: what was done is being undone."},
};

std::string_view advice_about_wait(std::string_view reason) {
  if (reason.empty())
    return {};
  const auto at = std::ranges::find(waits, reason, &line::reason);
  return at == waits.end()
             ? "Nothing, unless the message names something to mend; the job "
               "tries again by itself."
             : at->advice;
}

/// With the very command, where the job knows for which pool it waits.
std::string advice_about_pause(std::string_view message) {
  const std::string pool{paused_pool_in(message)};
  return pool.empty()
             ? std::string{advice_about_wait("PoolPaused")}
             : "Resume the pool when what it was paused for is over: `alula "
               "pools resume "
                   + pool + "` (POST /api/pools/" + pool + "/resume).";
}

/// One that is parked ends by nobody but an operator.
std::string advice_about_line(std::string_view message) {
  const auto first = job_in_front_in(message);
  if (!first)
    return std::string{advice_about_wait("WaitingInLine")};
  const auto id = first->id.to_string();
  if (first->is_parked)
    return "The job in front of it needs somebody: `alula jobs show " + id
           + "` says why. `alula jobs retry " + id + "` or `alula jobs abandon "
           + id + " --reason WHY` lets this one go on.";
  return "Nothing: it goes on when the job in front of it has ended. `alula "
         "jobs show "
         + id
         + "` says what that one is at and prints what can be done about it.";
}

std::string advice_while_it_waits(const job_record& job) {
  if (job.reason == "PoolPaused")
    return advice_about_pause(job.message);
  if (job.reason == "WaitingInLine")
    return advice_about_line(job.message);
  return std::string{advice_about_wait(job.reason)};
}

/// The step the job is at: the first that is not behind it.
const step_record* step_at(const job_record& job) {
  const auto at = std::ranges::find_if(job.steps, [](const step_record& s) {
    return s.state == step_state::started || s.state == step_state::undoing;
  });
  if (at != job.steps.end())
    return &*at;
  const auto tried = std::ranges::find_if(job.steps, [](const step_record& s) {
    return s.state == step_state::pending;
  });
  return tried == job.steps.end() ? nullptr : &*tried;
}

/// Since when the job is where it stands, whatever it waits for meanwhile.
time_ms stands_since(const job_record& job) {
  const auto* step = step_at(job);
  if (step && step->started_at != 0)
    return step->started_at;
  // Not begun: it stands there since what came before it was done.
  auto since = job.created_at;
  for (const auto& before : job.steps)
    since = std::max(since, before.finished_at);
  return since;
}

} // namespace

std::string_view advice_about(fault_code code) {
  switch (code) {
  case fault_code::docker_unavailable:
    return "Start Docker, or mend what keeps it from answering (`systemctl "
           "status docker`), then retry.";
  case fault_code::docker_refused:
    return "Docker said no for good: mend what the error names (image, limits, "
           "mounts, network), then retry.";
  case fault_code::container_busy:
    return "Restart Docker when it does not let go of the container, then "
           "retry.";
  case fault_code::panel_unavailable:
    return "See that the Panel answers at the `remote` of the configuration "
           "(`alula doctor` asks it), then retry.";
  case fault_code::panel_refused:
    return "Look at `remote`, `token_id` and `token` of the configuration, and "
           "at what the Panel objected to.";
  case fault_code::store_unavailable:
    return "See that the object store answers, then retry.";
  case fault_code::store_refused:
    return "Look at the keys, the quota and the bucket of the store, or at the "
           "links of the Panel, then retry.";
  case fault_code::store_object_missing:
    return "The object is not in the store any more: look into the bucket.";
  case fault_code::store_not_found:
    return "Put the store back into `stores` of the configuration, restart "
           "alula, then retry.";
  case fault_code::link_refused:
    return "Allow the address in `system.backups.download_hosts`, or take "
           "another link.";
  case fault_code::node_unavailable:
    return "See that the other node runs and can be reached from this one at "
           "the address the Panel has for it, then ask the Panel to transfer "
           "the server again.";
  case fault_code::node_refused:
    return "Read what the other node says, and its log; mend that, then ask "
           "the Panel to transfer the server again.";
  case fault_code::server_suspended:
    return "Unsuspend the server in the Panel.";
  case fault_code::server_locked:
  case fault_code::backup_in_use:
    return "Look at the job that is in the way, then retry.";
  case fault_code::not_implemented:
    return "This release of alula does not know such jobs: install the one "
           "that made it, then retry, or abandon the job.";
  case fault_code::interrupted:
  case fault_code::starting:
  case fault_code::shutting_down:
  case fault_code::rate_limited:
    return "Retry.";
  case fault_code::timed_out:
    return "Find out why it took so long (disk, Docker, network), then retry.";
  case fault_code::insufficient_storage:
  case fault_code::no_room:
    return "Free space on the disk, or remove old backups (`alula backups "
           "usage` says what they take), then retry.";
  case fault_code::io_error:
    return "Look at the disk (`dmesg`, SMART, mount options), then retry.";
  case fault_code::journal_unavailable:
    return "The ledger's disk cannot be written: mend that first.";
  case fault_code::volume_obstructed:
    return "Take away the mount or link that the error names, then retry.";
  case fault_code::backup_damaged:
  case fault_code::archive_refused:
    return "This archive cannot be used: take another backup.";
  case fault_code::backup_lost:
    return "Put the archive back into the backup directory, or delete the "
           "backup.";
  case fault_code::install_failed:
    return "Read the log of the installation, mend the egg or its variables, "
           "then install again.";
  case fault_code::stuck:
    return "A disk or a program hangs. Mend that, then retry; restart alula if "
           "the step still holds a worker.";
  case fault_code::crashed:
    return "alula died in this step again and again: look at the log and the "
           "memory of the machine (`journalctl -u alula`, `dmesg`), then "
           "retry, "
           "or abandon the job.";
  case fault_code::internal:
    return "A bug of alula: report it with `alula diagnostics`, then retry or "
           "abandon the job.";
  case fault_code::upload_failed:
    return "Nothing of it was kept. See that both ends and what is between "
           "them stay up (a proxy's time limit?), then send it again; a "
           "server by asking the Panel to transfer it again.";
  case fault_code::transfer_failed:
    return "The server is where it was: mend what the error names, then ask "
           "the Panel to transfer it again.";
  case fault_code::not_transferring:
    return "Look at the server in the Panel and at its jobs (`alula jobs`): "
           "its transfer has ended otherwise.";
  case fault_code::quota_exceeded:
    return "Delete backups of the organization (`alula systems` says who has "
           "how much), or raise `systems.size_per_organization`; then have "
           "the backup sent again.";
  case fault_code::system_not_found:
    return "The system was destroyed: register it again if it is to send "
           "backups.";
  case fault_code::malformed:
  case fault_code::validation:
    return "What was asked for, or what the Panel says of the server, cannot "
           "be used: mend what the error names, then ask for it anew.";
  case fault_code::server_not_found:
    return "The server is gone, here or in the Panel: look there. If that was "
           "meant, there is nothing to do.";
  case fault_code::server_exists:
    return "The uuid is taken here: delete that server first, or use another "
           "uuid.";
  case fault_code::backup_exists:
    return "The uuid is taken by another backup, or by a file in the backup "
           "directory: use another.";
  case fault_code::backup_not_found:
    return "The backup is gone: take another (`alula backups list`).";
  case fault_code::path_not_found:
    return "Look what is in the backup (`alula backups files`), then ask for "
           "a path it has.";
  case fault_code::no_manifest:
    return "Have the backup read first (`alula backups index`), then ask "
           "again.";
  case fault_code::not_undoable:
  case fault_code::trash_not_found:
    return "What it would have brought back is gone: restore a backup.";
  case fault_code::job_not_found:
  case fault_code::job_expired:
    return "The record of the job it was about is gone: look at the server's "
           "files and at `alula trash`.";
  default:
    return {};
  }
}

std::string advice_about(const job_record& job) {
  const bool needs_somebody =
      job.state == job_state::parked || job.state == job_state::failed;
  if (job.is_done() && !needs_somebody)
    return {};
  if (!needs_somebody)
    return advice_while_it_waits(job);
  // What parked it stands in its error, or in that of the step it is at.
  const auto* step = step_at(job);
  const auto& why = job.error || !step ? job.error : step->error;
  const auto known = why ? advice_about(why->code) : std::string_view{};
  const bool is_parked = job.state == job_state::parked;
  return std::string{
      known.empty() && is_parked
          ? "Mend what the error says, then retry the job, or abandon it."
          : known};
}

bool waits_for_somebody(std::string_view reason, std::string_view message) {
  if (reason == "WaitingInLine") {
    const auto first = job_in_front_in(message);
    return first && first->is_parked;
  }
  const auto at = std::ranges::find(waits, reason, &line::reason);
  return at != waits.end() && at->needs_somebody;
}

time_ms waiting_since(const job_record& job) {
  const bool is_waiting =
      !job.is_done()
      && (job.state == job_state::queued || job.state == job_state::retry_wait
          || job.state == job_state::parked || !job.reason.empty());
  if (!is_waiting)
    return 0;
  if (job.waiting_since != 0)
    return job.waiting_since;
  // It has told no reason yet, or has waited since before they were dated.
  return stands_since(job);
}

} // namespace alula::jobs
