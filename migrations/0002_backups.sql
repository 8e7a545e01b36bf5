-- Version 2: backups, what restores replaced, used-up tokens, schedules.

-- A backup belongs to the uuid of a server, not to one incarnation of it: it
-- outlives the server. server is NULL for an archive of another program until
-- somebody has asked for it. size and checksums are of the archive; found ones
-- may have no checksums.
CREATE TABLE backups(
  backup_row INTEGER PRIMARY KEY AUTOINCREMENT,
  uuid TEXT NOT NULL UNIQUE CHECK(length(uuid) = 36),
  server TEXT CHECK(length(server) = 36),
  state TEXT NOT NULL CHECK(state IN ('creating', 'ready', 'deleting')),
  owner_job INTEGER REFERENCES jobs(job_row) DEFERRABLE INITIALLY DEFERRED,
  size INTEGER CHECK(size >= 0),
  sha1 TEXT CHECK(length(sha1) = 40),
  sha256 TEXT CHECK(length(sha256) = 64),
  content_bytes INTEGER CHECK(content_bytes >= 0),
  files INTEGER CHECK(files >= 0),
  has_manifest INTEGER NOT NULL DEFAULT 0 CHECK(has_manifest IN (0, 1)),
  pinned INTEGER NOT NULL DEFAULT 0 CHECK(pinned IN (0, 1)),
  created_at INTEGER NOT NULL,
  completed_at INTEGER,
  verified_at INTEGER,
  damage TEXT CHECK(damage <> ''),
  lost_at INTEGER,
  CHECK(state <> 'creating' OR (owner_job IS NOT NULL AND server IS NOT NULL)),
  CHECK(state <> 'ready' OR (owner_job IS NULL AND size IS NOT NULL
                             AND completed_at IS NOT NULL)),
  CHECK(damage IS NULL OR verified_at IS NOT NULL)
) STRICT;
CREATE INDEX backups_by_server ON backups(server, backup_row);
CREATE INDEX backups_owner ON backups(owner_job) WHERE owner_job IS NOT NULL;

CREATE TRIGGER backups_start_creating_or_ready BEFORE INSERT ON backups
WHEN NEW.state = 'deleting'
BEGIN SELECT RAISE(ABORT, 'a backup does not start leaving'); END;

CREATE TRIGGER backups_identity BEFORE UPDATE OF backup_row, uuid, server
ON backups
WHEN NEW.backup_row <> OLD.backup_row OR NEW.uuid <> OLD.uuid
  OR (OLD.server IS NOT NULL AND NEW.server IS NOT OLD.server)
BEGIN SELECT RAISE(ABORT, 'a backup keeps its uuid and server'); END;

CREATE TRIGGER backups_legal_transition BEFORE UPDATE OF state ON backups
WHEN OLD.state <> NEW.state AND (OLD.state, NEW.state) NOT IN (VALUES
  ('creating', 'ready'), ('ready', 'deleting'))
BEGIN SELECT RAISE(ABORT, 'illegal backup transition'); END;

-- What was published is what stays published.
CREATE TRIGGER backups_facts_frozen BEFORE UPDATE OF size, sha1, sha256,
  content_bytes, files ON backups
WHEN OLD.state <> 'creating' AND (NEW.size IS NOT OLD.size
  OR (OLD.sha1 IS NOT NULL AND NEW.sha1 IS NOT OLD.sha1)
  OR (OLD.sha256 IS NOT NULL AND NEW.sha256 IS NOT OLD.sha256))
BEGIN SELECT RAISE(ABORT, 'the facts of a backup do not change'); END;

CREATE TRIGGER backups_leave_by_delete BEFORE DELETE ON backups
WHEN OLD.state = 'ready'
BEGIN SELECT RAISE(ABORT, 'a ready backup leaves by way of deleting'); END;

-- Nobody deletes what another job reads.
CREATE TRIGGER backups_not_while_read BEFORE UPDATE OF state ON backups
WHEN NEW.state = 'deleting' AND OLD.state = 'ready' AND EXISTS
  (SELECT 1 FROM locks l WHERE l.resource = 'backup:' || OLD.uuid
   AND l.job_row IS NOT NEW.owner_job)
BEGIN SELECT RAISE(ABORT, 'the backup is being read'); END;

CREATE TRIGGER jobs_end_without_backups BEFORE UPDATE OF state ON jobs
WHEN NEW.state IN ('succeeded', 'failed', 'cancelled') AND EXISTS
  (SELECT 1 FROM backups b WHERE b.owner_job = NEW.job_row)
BEGIN SELECT RAISE(ABORT, 'a job that has ended owns a backup'); END;

-- The tree that a restore took out of its place, below the trash directory.
-- Named after the restore, whose record may be pruned before it.
CREATE TABLE replaced(
  replaced_by TEXT PRIMARY KEY CHECK(length(replaced_by) = 36),
  server TEXT NOT NULL CHECK(length(server) = 36),
  server_row INTEGER NOT NULL,
  name TEXT NOT NULL UNIQUE CHECK(name <> '' AND name NOT GLOB '*/*'),
  merged INTEGER NOT NULL CHECK(merged IN (0, 1)),
  claimed_by INTEGER REFERENCES jobs(job_row) DEFERRABLE INITIALLY DEFERRED,
  replaced_at INTEGER NOT NULL,
  keep_until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX replaced_due ON replaced(keep_until);
CREATE INDEX replaced_by_claim ON replaced(claimed_by)
  WHERE claimed_by IS NOT NULL;
CREATE INDEX replaced_by_server ON replaced(server_row);

CREATE TRIGGER replaced_is_not_lost BEFORE DELETE ON replaced
WHEN OLD.claimed_by IS NULL
BEGIN SELECT RAISE(ABORT, 'a replaced tree leaves by a job'); END;

CREATE TRIGGER jobs_end_without_replaced BEFORE UPDATE OF state ON jobs
WHEN NEW.state IN ('succeeded', 'failed', 'cancelled') AND EXISTS
  (SELECT 1 FROM replaced r WHERE r.claimed_by = NEW.job_row)
BEGIN SELECT RAISE(ABORT, 'a job that has ended claims a replaced tree'); END;

-- Ids of one-time tokens that were used (wings-protocol 4.3).
CREATE TABLE burnt_tokens(
  id TEXT PRIMARY KEY CHECK(length(id) BETWEEN 1 AND 255),
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX burnt_tokens_expiry ON burnt_tokens(expires_at);

CREATE TABLE schedules(
  name TEXT PRIMARY KEY CHECK(name <> ''),
  next_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
