-- Version 12: who has paused a pool, as people know them; those of before are
-- unknown.
ALTER TABLE pool_pauses ADD COLUMN paused_by TEXT NOT NULL DEFAULT ''
  CHECK(length(paused_by) <= 200);
