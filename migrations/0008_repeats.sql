-- Version 8: a dead report may be told again. What is told does not change, so
-- that is a new report at the end of its subject's line; the dead one is of no
-- concern to anybody from then on.

-- The report that tells the same once more.
ALTER TABLE outbox ADD COLUMN repeated_as INTEGER
  CHECK(repeated_as IS NULL OR state = 'dead');

DROP INDEX outbox_dead;
CREATE INDEX outbox_dead ON outbox(report)
  WHERE state = 'dead' AND repeated_as IS NULL;
DROP INDEX outbox_unsettled;
CREATE INDEX outbox_unsettled ON outbox(report)
  WHERE state <> 'delivered' AND repeated_as IS NULL;

DROP TRIGGER outbox_ended_frozen;
CREATE TRIGGER outbox_ended_frozen BEFORE UPDATE OF state, tries, status, error,
  next_at, tried_at, ended_at ON outbox
WHEN OLD.ended_at IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'a report that has ended does not change'); END;

CREATE TRIGGER outbox_repeated_once BEFORE UPDATE OF repeated_as ON outbox
WHEN OLD.state <> 'dead' OR OLD.repeated_as IS NOT NULL
  OR NEW.repeated_as IS NULL OR NEW.repeated_as <= OLD.report
BEGIN SELECT RAISE(ABORT, 'only a dead report is repeated, and once'); END;
