-- More that the tables refuse by themselves, and two moves they have to allow.

-- A job that has done nothing yet is cancelled at once, wherever it waits.
INSERT INTO job_transitions(from_state, to_state) VALUES
  ('retry_wait', 'cancelled'), ('parked', 'cancelled');

-- -- jobs ---------------------------------------------------------------------

CREATE TRIGGER jobs_success_needs_a_plan BEFORE UPDATE OF state ON jobs
WHEN NEW.state = 'succeeded' AND OLD.state = 'running' AND NOT EXISTS
  (SELECT 1 FROM job_steps s WHERE s.job_row = NEW.job_row)
BEGIN SELECT RAISE(ABORT, 'a job without steps has done nothing'); END;

-- "failed" means that nothing of the job is left, too, unless it was given up.
CREATE TRIGGER jobs_failure_needs_undo BEFORE UPDATE OF state ON jobs
WHEN NEW.state = 'failed' AND OLD.state <> 'parked' AND EXISTS
  (SELECT 1 FROM job_steps s WHERE s.job_row = NEW.job_row
   AND s.state IN ('started', 'done', 'undoing'))
BEGIN SELECT RAISE(ABORT, 'a step is not undone'); END;

CREATE TRIGGER jobs_cancel_stands BEFORE UPDATE OF cancel_requested_at ON jobs
WHEN OLD.cancel_requested_at IS NOT NULL
  AND NEW.cancel_requested_at IS NOT OLD.cancel_requested_at
BEGIN SELECT RAISE(ABORT, 'an accepted cancel stands'); END;

CREATE TRIGGER jobs_cancelled_on_request BEFORE UPDATE OF state ON jobs
WHEN (NEW.state = 'cancelled' AND NEW.cancel_requested_at IS NULL)
  OR (NEW.state = 'succeeded' AND NEW.cancel_requested_at IS NOT NULL)
BEGIN SELECT RAISE(ABORT, 'a cancel decides how a job ends'); END;

-- -- steps --------------------------------------------------------------------

-- The accept writes the plan before it tells of the job.
CREATE TRIGGER steps_are_planned BEFORE INSERT ON job_steps
WHEN EXISTS (SELECT 1 FROM jobs j WHERE j.job_row = NEW.job_row
    AND (j.state <> 'queued' OR j.version <> 1))
  OR EXISTS (SELECT 1 FROM events e WHERE e.job_row = NEW.job_row)
BEGIN SELECT RAISE(ABORT, 'the plan of a job does not grow'); END;

-- They go with the record of their job, and not before it.
CREATE TRIGGER steps_stay BEFORE DELETE ON job_steps
WHEN EXISTS (SELECT 1 FROM jobs j WHERE j.job_row = OLD.job_row)
BEGIN SELECT RAISE(ABORT, 'the plan of a job does not shrink'); END;

CREATE TRIGGER steps_of_ended_jobs_frozen BEFORE UPDATE ON job_steps
WHEN EXISTS (SELECT 1 FROM jobs j WHERE j.job_row = OLD.job_row
  AND j.terminal = 1)
BEGIN SELECT RAISE(ABORT, 'the steps of an ended job do not change'); END;

CREATE TRIGGER steps_start_running BEFORE UPDATE OF state ON job_steps
WHEN NEW.state = 'started' AND OLD.state <> 'started' AND NOT EXISTS
  (SELECT 1 FROM jobs j WHERE j.job_row = NEW.job_row AND j.state = 'running')
BEGIN SELECT RAISE(ABORT, 'a step starts when its job runs'); END;

CREATE TRIGGER steps_past_the_pivot_stay BEFORE UPDATE OF state ON job_steps
WHEN NEW.state IN ('undoing', 'undone') AND OLD.state <> NEW.state
  AND ((OLD.class = 'pivot' AND OLD.state = 'done')
       OR EXISTS (SELECT 1 FROM jobs j WHERE j.job_row = NEW.job_row
                  AND j.past_pivot = 1))
BEGIN SELECT RAISE(ABORT, 'nothing is undone past the pivot'); END;

-- -- what jobs hold -----------------------------------------------------------
-- The row of a job that is being accepted comes after what it owns.

CREATE TRIGGER locks_of_live_jobs BEFORE INSERT ON locks
WHEN EXISTS (SELECT 1 FROM jobs j WHERE j.job_row = NEW.job_row
  AND j.terminal = 1)
BEGIN SELECT RAISE(ABORT, 'a job that has ended takes nothing'); END;

CREATE TRIGGER servers_owned_by_live_jobs BEFORE UPDATE OF owner_job ON servers
WHEN NEW.owner_job IS NOT OLD.owner_job AND EXISTS (SELECT 1 FROM jobs j
  WHERE j.job_row = NEW.owner_job AND j.terminal = 1)
BEGIN SELECT RAISE(ABORT, 'a job that has ended takes nothing'); END;

CREATE TRIGGER servers_made_by_live_jobs BEFORE INSERT ON servers
WHEN EXISTS (SELECT 1 FROM jobs j WHERE j.job_row = NEW.owner_job
  AND j.terminal = 1)
BEGIN SELECT RAISE(ABORT, 'a job that has ended takes nothing'); END;

CREATE TRIGGER trash_claimed_by_live_jobs BEFORE UPDATE OF claimed_by ON trash
WHEN EXISTS (SELECT 1 FROM jobs j WHERE j.job_row = NEW.claimed_by
  AND j.terminal = 1)
BEGIN SELECT RAISE(ABORT, 'a job that has ended takes nothing'); END;

CREATE TRIGGER backups_owned_by_live_jobs BEFORE UPDATE OF owner_job ON backups
WHEN NEW.owner_job IS NOT OLD.owner_job AND EXISTS (SELECT 1 FROM jobs j
  WHERE j.job_row = NEW.owner_job AND j.terminal = 1)
BEGIN SELECT RAISE(ABORT, 'a job that has ended takes nothing'); END;

CREATE TRIGGER replaced_claimed_by_live_jobs
BEFORE UPDATE OF claimed_by ON replaced
WHEN NEW.claimed_by IS NOT OLD.claimed_by AND EXISTS (SELECT 1 FROM jobs j
  WHERE j.job_row = NEW.claimed_by AND j.terminal = 1)
BEGIN SELECT RAISE(ABORT, 'a job that has ended takes nothing'); END;

-- -- servers and trash --------------------------------------------------------

CREATE TRIGGER servers_start_alive BEFORE INSERT ON servers
WHEN NEW.state = 'deleted'
BEGIN SELECT RAISE(ABORT, 'a server does not start deleted'); END;

CREATE TRIGGER trash_of_leaving_servers BEFORE INSERT ON trash
WHEN EXISTS (SELECT 1 FROM servers s WHERE s.server_row = NEW.server_row
  AND s.state NOT IN ('deleting', 'deleted'))
BEGIN SELECT RAISE(ABORT, 'the volume of a live server is no trash'); END;

CREATE TRIGGER trash_has_a_name BEFORE INSERT ON trash
WHEN NEW.name IN ('.', '..')
BEGIN SELECT RAISE(ABORT, 'that name leads elsewhere'); END;

CREATE TRIGGER replaced_has_a_name BEFORE INSERT ON replaced
WHEN NEW.name IN ('.', '..')
BEGIN SELECT RAISE(ABORT, 'that name leads elsewhere'); END;

-- -- events and boots ---------------------------------------------------------

-- So nothing is told of a job after its end.
CREATE TRIGGER events_tell_the_newest BEFORE INSERT ON events
WHEN EXISTS (SELECT 1 FROM jobs j WHERE j.job_row = NEW.job_row
  AND j.version <> NEW.job_version)
BEGIN SELECT RAISE(ABORT, 'an event tells of the newest version'); END;

-- It is the fence, also when it has ended.
CREATE TRIGGER boots_newest_stays BEFORE DELETE ON boots
WHEN OLD.boot = (SELECT max(boot) FROM boots)
BEGIN SELECT RAISE(ABORT, 'the newest boot stays'); END;
