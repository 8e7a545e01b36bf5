-- Version 13: since when a job waits, and which system an answer was about.

-- waiting_since is of its reason. What the step it is at was last held up by
-- outlives tries and other waits, so that a job that finds Docker away once
-- more has waited for it all the time. Jobs of before have neither.
ALTER TABLE jobs ADD COLUMN waiting_since INTEGER;
ALTER TABLE jobs ADD COLUMN held_by TEXT;
ALTER TABLE jobs ADD COLUMN held_since INTEGER;

-- No CHECK: a million old jobs would be read before the node is ready.
CREATE TRIGGER jobs_wait_for_something BEFORE UPDATE ON jobs
WHEN (NEW.held_since IS NULL) <> (NEW.held_by IS NULL) OR NEW.held_by = ''
  OR (NEW.waiting_since IS NOT NULL AND NEW.reason = '')
  OR (NEW.terminal = 1 AND NEW.held_by IS NOT NULL)
BEGIN SELECT RAISE(ABORT, 'a wait has a reason and a beginning'); END;

-- Which system a change was about; those of before are not found by it.
ALTER TABLE audit ADD COLUMN system TEXT;
CREATE INDEX audit_by_system ON audit(system, audit_row)
  WHERE system IS NOT NULL;
