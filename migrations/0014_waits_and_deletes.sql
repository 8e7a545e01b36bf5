-- Version 14: what holds a step up by turns, and deletes that were given up.

-- held_since is of the step that comes no further from now on, for whatever
-- reasons; of the reason in held_by is this one. Jobs of before have one time
-- for both.
ALTER TABLE jobs ADD COLUMN held_by_since INTEGER;

DROP TRIGGER jobs_wait_for_something;
-- No CHECK: a million old jobs would be read before the node is ready.
CREATE TRIGGER jobs_wait_for_something BEFORE UPDATE ON jobs
WHEN (NEW.held_since IS NULL) <> (NEW.held_by IS NULL) OR NEW.held_by = ''
  OR (NEW.held_by_since IS NOT NULL AND NEW.held_by IS NULL)
  OR (NEW.waiting_since IS NOT NULL AND NEW.reason = '')
  OR (NEW.terminal = 1 AND NEW.held_by IS NOT NULL)
BEGIN SELECT RAISE(ABORT, 'a wait has a reason and a beginning'); END;

-- A backup comes back when its delete is given up; one that waits for its
-- delete has a job that does it.
DROP TRIGGER backups_legal_transition;
CREATE TRIGGER backups_legal_transition BEFORE UPDATE OF state ON backups
WHEN OLD.state <> NEW.state AND (OLD.state, NEW.state) NOT IN (VALUES
  ('creating', 'ready'), ('ready', 'deleting'), ('deleting', 'ready'))
BEGIN SELECT RAISE(ABORT, 'illegal backup transition'); END;

-- One of which nothing is left anywhere is lost; of files here a scan says so.
UPDATE backups SET state = 'ready',
  lost_at = CASE WHEN is_local = 0 AND NOT EXISTS
      (SELECT 1 FROM backup_places p WHERE p.backup = backups.uuid)
    THEN coalesce(lost_at, completed_at) ELSE lost_at END
  WHERE state = 'deleting' AND owner_job IS NULL;

CREATE TRIGGER backups_deleted_by_somebody BEFORE UPDATE OF state, owner_job
ON backups WHEN NEW.state = 'deleting' AND NEW.owner_job IS NULL
BEGIN SELECT RAISE(ABORT, 'a backup is deleted by a job'); END;
