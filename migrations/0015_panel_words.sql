-- Version 15: what the Panel says of the backups in its store.

-- When it was last asked for this one, and since when it says that it has none
-- such; 0: never, and it does not.
ALTER TABLE backup_places ADD COLUMN asked_at INTEGER NOT NULL DEFAULT 0
  CHECK(asked_at = 0 OR (asked_at > 0 AND place = 'panel'));
ALTER TABLE backup_places ADD COLUMN missed_at INTEGER NOT NULL DEFAULT 0
  CHECK(missed_at = 0 OR (missed_at > 0 AND place = 'panel'));
