-- Version 9: archives that lie on other machines, and the ways there.

-- is_local: the backup directory has an archive (unless lost_at says that it is
-- gone). is_scratch: that one goes when another place has it for sure.
ALTER TABLE backups ADD COLUMN is_local INTEGER NOT NULL DEFAULT 1
  CHECK(is_local IN (0, 1));
ALTER TABLE backups ADD COLUMN is_scratch INTEGER NOT NULL DEFAULT 0
  CHECK(is_scratch IN (0, 1));
CREATE INDEX backups_scratch ON backups(is_local, backup_row)
  WHERE is_scratch = 1;

-- 'panel' is the store that a Panel has the keys of; the others are of ours.
CREATE TABLE backup_places(
  backup TEXT NOT NULL REFERENCES backups(uuid) ON DELETE CASCADE,
  place TEXT NOT NULL CHECK(place NOT IN ('', 'local')),
  key TEXT NOT NULL,
  etag TEXT NOT NULL,
  size INTEGER NOT NULL CHECK(size >= 0),
  stored_at INTEGER NOT NULL,
  PRIMARY KEY(backup, place),
  CHECK(place = 'panel' OR key <> '')
) STRICT, WITHOUT ROWID;

CREATE TRIGGER places_of_ready_backups BEFORE INSERT ON backup_places
WHEN NOT EXISTS (SELECT 1 FROM backups b WHERE b.uuid = NEW.backup
  AND b.state = 'ready')
BEGIN SELECT RAISE(ABORT, 'only a ready backup lies anywhere'); END;

-- Nothing would know of the object any more.
CREATE TRIGGER backups_leave_no_objects BEFORE DELETE ON backups
WHEN EXISTS (SELECT 1 FROM backup_places p WHERE p.backup = OLD.uuid
  AND p.place <> 'panel')
BEGIN SELECT RAISE(ABORT, 'an object of the backup is still in a store'); END;

CREATE TRIGGER backups_lie_somewhere BEFORE UPDATE OF is_local ON backups
WHEN NEW.is_local = 0 AND OLD.is_local = 1 AND NEW.state = 'ready'
  AND OLD.state = 'ready'
  AND NOT EXISTS (SELECT 1 FROM backup_places p WHERE p.backup = NEW.uuid)
BEGIN SELECT RAISE(ABORT, 'the only archive of a backup stays'); END;

-- What a job needs to go on with an upload or a download. `links` are secret:
-- they go with the job. The row may come before that of its job, which is being
-- accepted.
CREATE TABLE transfers(
  job TEXT PRIMARY KEY CHECK(length(job) = 36),
  place TEXT NOT NULL CHECK(place <> ''),
  key TEXT NOT NULL,
  upload TEXT NOT NULL,
  links TEXT NOT NULL CHECK(json_valid(links)),
  part_size INTEGER NOT NULL CHECK(part_size >= 0),
  size INTEGER NOT NULL CHECK(size >= 0),
  etag TEXT NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE transfer_parts(
  job TEXT NOT NULL REFERENCES transfers(job) ON DELETE CASCADE,
  number INTEGER NOT NULL CHECK(number BETWEEN 1 AND 100000),
  size INTEGER NOT NULL CHECK(size >= 0),
  etag TEXT NOT NULL,
  PRIMARY KEY(job, number)
) STRICT, WITHOUT ROWID;

-- Uploads and objects that nobody needs and that are to be removed.
CREATE TABLE remains(
  remains_row INTEGER PRIMARY KEY AUTOINCREMENT,
  store TEXT NOT NULL CHECK(store <> ''),
  key TEXT NOT NULL CHECK(key <> ''),
  upload TEXT NOT NULL,
  left_at INTEGER NOT NULL,
  UNIQUE(store, key, upload)
) STRICT;
