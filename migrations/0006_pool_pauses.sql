-- Version 6: pools of workers that were told to begin nothing.

-- One row as long as a pool is paused, over restarts too.
CREATE TABLE pool_pauses(
  pool TEXT PRIMARY KEY CHECK(length(pool) BETWEEN 1 AND 64),
  paused_at INTEGER NOT NULL,
  reason TEXT NOT NULL CHECK(length(reason) <= 1000)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER pool_pauses_stand BEFORE UPDATE ON pool_pauses
BEGIN SELECT RAISE(ABORT, 'a pause stands until it ends'); END;

-- The record of a job is not forgotten while the Panel has to be told of it.
CREATE INDEX outbox_open_by_job ON outbox(job)
  WHERE ended_at IS NULL AND job IS NOT NULL;
