-- Version 11: systems (appliances) and the backups that they send.

CREATE TABLE systems(
  id TEXT PRIMARY KEY CHECK(length(id) BETWEEN 1 AND 255),
  organization TEXT NOT NULL,
  name TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  suspended_at INTEGER, -- NULL: it may send backups
  destroyed_at INTEGER  -- NULL: it is there; else a job removes its backups
) STRICT, WITHOUT ROWID;
CREATE INDEX systems_organization ON systems(organization);

-- A row is there before the first byte of a backup is, and until the last one
-- has gone. `owner` is the job that makes or removes it.
CREATE TABLE system_backups(
  id TEXT PRIMARY KEY CHECK(length(id) BETWEEN 36 AND 44),
  system TEXT NOT NULL REFERENCES systems(id),
  state TEXT NOT NULL CHECK(state IN ('uploading', 'stored', 'deleting')),
  filename TEXT NOT NULL,
  mimetype TEXT NOT NULL,
  size INTEGER NOT NULL CHECK(size >= 0),
  sha256 TEXT NOT NULL,
  uploader TEXT NOT NULL,
  uploaded_at INTEGER NOT NULL,
  owner TEXT NOT NULL,
  CHECK((state = 'stored') = (owner = '')),
  CHECK(state = 'uploading' OR length(sha256) = 64)
) STRICT, WITHOUT ROWID;
CREATE INDEX system_backups_system ON system_backups(system, id);
CREATE INDEX system_backups_owner ON system_backups(owner) WHERE owner <> '';

CREATE TRIGGER system_backups_begin BEFORE INSERT ON system_backups
WHEN NEW.state <> 'uploading'
BEGIN SELECT RAISE(ABORT, 'a backup of a system begins as an upload'); END;

-- A removal that was given up leaves it stored: it can be removed again.
CREATE TRIGGER system_backups_order BEFORE UPDATE OF state ON system_backups
WHEN NOT (OLD.state = NEW.state
  OR (OLD.state = 'uploading' AND NEW.state = 'stored')
  OR (OLD.state = 'stored' AND NEW.state = 'deleting')
  OR (OLD.state = 'deleting' AND NEW.state = 'stored'))
BEGIN SELECT RAISE(ABORT, 'a backup of a system cannot become that'); END;

-- What is stored has a file; only a job that has removed that may forget it.
CREATE TRIGGER system_backups_end BEFORE DELETE ON system_backups
WHEN OLD.state = 'stored'
BEGIN SELECT RAISE(ABORT, 'a stored backup of a system stays on record'); END;
