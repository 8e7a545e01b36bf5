-- Version 1: servers, jobs and what happened to them.
--
-- The tables refuse by themselves what must never be true, whatever the code
-- above them believes; tests/storage/schema_test.cpp tries every refusal.
-- Needs SQLite 3.37 (STRICT). All *_at columns are unix milliseconds from the
-- engine's clock, never from SQLite; NULL stands for "never".

CREATE TABLE schema_migrations(
  version INTEGER PRIMARY KEY CHECK(version > 0),
  name TEXT NOT NULL,
  applied_at INTEGER NOT NULL,
  checksum TEXT NOT NULL CHECK(length(checksum) = 64)
) STRICT;

-- One row per life of the process. Its number is the fencing token of every
-- job that runs: only the newest one may move a running job. One that has
-- ended_at ended on purpose, clean when it could say all it had to; one without
-- died, unless it is the one that runs.
CREATE TABLE boots(
  boot INTEGER PRIMARY KEY AUTOINCREMENT,
  started_at INTEGER NOT NULL,
  ended_at INTEGER,
  clean INTEGER NOT NULL DEFAULT 0 CHECK(clean IN (0, 1)),
  kernel_boot_id TEXT NOT NULL,
  version TEXT NOT NULL,
  CHECK(clean = 0 OR ended_at IS NOT NULL)
) STRICT;

-- What the directories of volumes and trash are marked with, so that a disk
-- that is not mounted is not taken for servers without files.
CREATE TABLE store(
  one INTEGER PRIMARY KEY CHECK(one = 1),
  id TEXT NOT NULL CHECK(length(id) = 36)
) STRICT;

CREATE TRIGGER store_stays_itself BEFORE UPDATE ON store
BEGIN SELECT RAISE(ABORT, 'a ledger keeps its id'); END;

CREATE TRIGGER store_is_not_forgotten BEFORE DELETE ON store
BEGIN SELECT RAISE(ABORT, 'a ledger keeps its id'); END;

-- -- servers ------------------------------------------------------------------

-- One row per incarnation; a row is never used again for another server.
-- created_by may name a job whose record is gone.
CREATE TABLE servers(
  server_row INTEGER PRIMARY KEY AUTOINCREMENT,
  uuid TEXT NOT NULL CHECK(length(uuid) = 36),
  state TEXT NOT NULL
    CHECK(state IN ('creating', 'active', 'restoring', 'deleting', 'deleted')),
  suspended INTEGER NOT NULL CHECK(suspended IN (0, 1)),
  was_suspended INTEGER NOT NULL DEFAULT 0 CHECK(was_suspended IN (0, 1)),
  transferring INTEGER NOT NULL DEFAULT 0 CHECK(transferring IN (0, 1)),
  owner_job INTEGER REFERENCES jobs(job_row) DEFERRABLE INITIALLY DEFERRED,
  created_by INTEGER,
  container_id TEXT CHECK(container_id <> ''),
  config TEXT NOT NULL CHECK(json_valid(config)),
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  deleted_at INTEGER,
  CHECK((state IN ('creating', 'restoring', 'deleting'))
        = (owner_job IS NOT NULL)),
  CHECK(state <> 'deleting' OR suspended = 1),
  CHECK((state = 'deleted') = (deleted_at IS NOT NULL))
) STRICT;
-- A uuid is free again the moment its incarnation is deleted.
CREATE UNIQUE INDEX servers_uuid_live ON servers(uuid)
  WHERE state <> 'deleted';
-- Child keys are indexed, or pruning a job would read every server.
CREATE INDEX servers_owner ON servers(owner_job) WHERE owner_job IS NOT NULL;
CREATE INDEX servers_gone ON servers(deleted_at) WHERE deleted_at IS NOT NULL;

CREATE TRIGGER servers_identity BEFORE UPDATE OF server_row, uuid ON servers
WHEN NEW.server_row <> OLD.server_row OR NEW.uuid <> OLD.uuid
BEGIN SELECT RAISE(ABORT, 'a server keeps its row and uuid'); END;

CREATE TRIGGER servers_deleted_frozen BEFORE UPDATE ON servers
WHEN OLD.state = 'deleted'
BEGIN SELECT RAISE(ABORT, 'a deleted server does not change'); END;

CREATE TRIGGER servers_legal_transition BEFORE UPDATE OF state ON servers
WHEN OLD.state <> NEW.state AND (OLD.state, NEW.state) NOT IN (VALUES
  ('creating', 'active'), ('creating', 'deleting'), ('creating', 'deleted'),
  ('active', 'restoring'), ('active', 'deleting'),
  ('restoring', 'active'), ('restoring', 'deleting'),
  ('deleting', 'deleted'))
BEGIN SELECT RAISE(ABORT, 'illegal server transition'); END;

CREATE TRIGGER servers_no_delete_live BEFORE DELETE ON servers
WHEN OLD.state <> 'deleted'
BEGIN SELECT RAISE(ABORT, 'a live server keeps its row'); END;

-- -- jobs ---------------------------------------------------------------------

CREATE TABLE job_states(
  state TEXT PRIMARY KEY,
  terminal INTEGER NOT NULL CHECK(terminal IN (0, 1)),
  owner INTEGER NOT NULL CHECK(owner IN (0, 1))
) STRICT, WITHOUT ROWID;
INSERT INTO job_states(state, terminal, owner) VALUES
  ('queued', 0, 0), ('running', 0, 1), ('retry_wait', 0, 1),
  ('cancelling', 0, 1), ('parked', 0, 1),
  ('succeeded', 1, 0), ('failed', 1, 0), ('cancelled', 1, 0);

-- jobs::may_follow once more; a test compares the two.
CREATE TABLE job_transitions(
  from_state TEXT NOT NULL REFERENCES job_states(state),
  to_state TEXT NOT NULL REFERENCES job_states(state),
  PRIMARY KEY(from_state, to_state)
) STRICT, WITHOUT ROWID;
INSERT INTO job_transitions(from_state, to_state) VALUES
  ('queued', 'running'), ('queued', 'cancelling'), ('queued', 'cancelled'),
  ('queued', 'parked'),
  ('running', 'succeeded'), ('running', 'retry_wait'),
  ('running', 'cancelling'), ('running', 'failed'), ('running', 'parked'),
  ('running', 'queued'),
  ('retry_wait', 'running'), ('retry_wait', 'cancelling'),
  ('retry_wait', 'failed'), ('retry_wait', 'parked'),
  ('cancelling', 'cancelled'), ('cancelling', 'failed'),
  ('cancelling', 'parked'),
  ('parked', 'retry_wait'), ('parked', 'cancelling'), ('parked', 'failed');

-- retry_of may name a job whose record is gone.
CREATE TABLE jobs(
  job_row INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE CHECK(length(id) = 36),
  kind TEXT NOT NULL CHECK(length(kind) BETWEEN 3 AND 64),
  plan_version INTEGER NOT NULL CHECK(plan_version > 0),
  server_row INTEGER REFERENCES servers(server_row),
  server TEXT CHECK(length(server) = 36),
  lane TEXT NOT NULL,
  pool TEXT NOT NULL,
  priority INTEGER NOT NULL CHECK(priority BETWEEN 0 AND 3),
  state TEXT NOT NULL REFERENCES job_states(state),
  terminal INTEGER NOT NULL
    GENERATED ALWAYS AS (state IN ('succeeded', 'failed', 'cancelled')) STORED,
  version INTEGER NOT NULL,
  dedup_key TEXT CHECK(dedup_key <> ''),
  input TEXT NOT NULL CHECK(json_valid(input)),
  result TEXT CHECK(result IS NULL OR json_valid(result)),
  error TEXT CHECK(error IS NULL OR json_valid(error)),
  reason TEXT NOT NULL DEFAULT '',
  message TEXT NOT NULL DEFAULT '',
  attempt INTEGER NOT NULL DEFAULT 0 CHECK(attempt >= 0),
  max_attempts INTEGER NOT NULL CHECK(max_attempts > 0),
  crashes INTEGER NOT NULL DEFAULT 0 CHECK(crashes >= 0),
  past_pivot INTEGER NOT NULL DEFAULT 0 CHECK(past_pivot IN (0, 1)),
  cancel_requested_at INTEGER,
  boot INTEGER,
  retry_of TEXT CHECK(length(retry_of) = 36),
  run_at INTEGER NOT NULL,
  deadline_at INTEGER,
  created_at INTEGER NOT NULL,
  started_at INTEGER,
  finished_at INTEGER,
  expires_at INTEGER,
  answer_after INTEGER NOT NULL DEFAULT -1 CHECK(answer_after >= -1),
  CHECK(server_row IS NULL OR server IS NOT NULL),
  CHECK(CASE WHEN server_row IS NULL THEN lane = 'node'
        ELSE lane = 'server:' || server_row
             OR lane GLOB 'server:' || server_row || ':?*' END),
  CHECK((state IN ('running', 'cancelling')) = (boot IS NOT NULL)),
  CHECK((state IN ('succeeded', 'failed', 'cancelled'))
        = (finished_at IS NOT NULL)),
  CHECK(expires_at IS NULL OR finished_at IS NOT NULL),
  CHECK(state <> 'succeeded' OR error IS NULL),
  CHECK(state NOT IN ('failed', 'parked') OR error IS NOT NULL),
  CHECK(NOT (state = 'cancelled' AND past_pivot = 1))
) STRICT;
-- At most one job owns a server's lane, whatever the actors believe. Queries
-- that are to use a partial index must repeat its WHERE to the letter.
CREATE UNIQUE INDEX jobs_one_owner_per_lane ON jobs(lane)
  WHERE state IN ('running', 'retry_wait', 'cancelling', 'parked')
    AND server_row IS NOT NULL;
CREATE UNIQUE INDEX jobs_dedup ON jobs(dedup_key)
  WHERE dedup_key IS NOT NULL AND terminal = 0;
CREATE INDEX jobs_live ON jobs(job_row) WHERE terminal = 0;
CREATE INDEX jobs_troubled ON jobs(job_row)
  WHERE state IN ('failed', 'cancelled', 'parked');
CREATE INDEX jobs_by_server ON jobs(server, job_row) WHERE server IS NOT NULL;
CREATE INDEX jobs_by_incarnation ON jobs(server_row)
  WHERE server_row IS NOT NULL;
CREATE INDEX jobs_by_kind ON jobs(kind, job_row);
CREATE INDEX jobs_by_age ON jobs(created_at);
CREATE INDEX jobs_expiry ON jobs(expires_at) WHERE expires_at IS NOT NULL;

CREATE TRIGGER jobs_start_queued BEFORE INSERT ON jobs
WHEN NEW.state <> 'queued' OR NEW.version <> 1
BEGIN SELECT RAISE(ABORT, 'a job starts queued, with version 1'); END;

-- A retry (retry_of) may finish what a delete left behind, and what lies in
-- the trash is restored and purged without a server.
CREATE TRIGGER jobs_not_for_a_leaving_server BEFORE INSERT ON jobs
WHEN NEW.server_row IS NOT NULL
  AND NEW.lane NOT IN ('server:' || NEW.server_row || ':trash',
                       'server:' || NEW.server_row || ':purge')
  AND EXISTS (SELECT 1 FROM servers s WHERE s.server_row = NEW.server_row
    AND ((s.state = 'deleting' AND s.owner_job IS NOT NEW.job_row)
         OR (s.state = 'deleted' AND NEW.retry_of IS NULL)))
BEGIN SELECT RAISE(ABORT, 'the server is being deleted'); END;

CREATE TRIGGER jobs_legal_transition BEFORE UPDATE OF state ON jobs
WHEN OLD.state <> NEW.state AND NOT EXISTS (SELECT 1 FROM job_transitions
  WHERE from_state = OLD.state AND to_state = NEW.state)
BEGIN SELECT RAISE(ABORT, 'illegal job transition'); END;

CREATE TRIGGER jobs_version BEFORE UPDATE ON jobs
WHEN NEW.version <> OLD.version + 1
BEGIN SELECT RAISE(ABORT, 'the version steps by one'); END;

CREATE TRIGGER jobs_terminal_frozen BEFORE UPDATE ON jobs
WHEN OLD.terminal = 1
BEGIN SELECT RAISE(ABORT, 'a job that has ended does not change'); END;

CREATE TRIGGER jobs_no_delete_live BEFORE DELETE ON jobs
WHEN OLD.terminal = 0
BEGIN SELECT RAISE(ABORT, 'a live job keeps its record'); END;

CREATE TRIGGER jobs_pivot_monotone BEFORE UPDATE OF past_pivot ON jobs
WHEN NEW.past_pivot < OLD.past_pivot
BEGIN SELECT RAISE(ABORT, 'the pivot cannot be taken back'); END;

CREATE TRIGGER jobs_identity BEFORE UPDATE OF job_row, id, kind, plan_version,
  server_row, server, lane, dedup_key, input, retry_of, created_at,
  answer_after ON jobs
BEGIN SELECT RAISE(ABORT, 'what was asked does not change'); END;

-- The fence. A job runs for the newest boot only, and what ran for an older
-- one is first adopted by the newest, or parked.
CREATE TRIGGER jobs_run_for_the_newest_boot BEFORE UPDATE ON jobs
WHEN NEW.boot IS NOT NULL AND NEW.boot <> (SELECT max(boot) FROM boots)
BEGIN SELECT RAISE(ABORT, 'that boot is over'); END;

CREATE TRIGGER jobs_adopted_first BEFORE UPDATE ON jobs
WHEN OLD.boot IS NOT NULL AND NEW.boot IS NULL AND NEW.state <> 'parked'
  AND OLD.boot <> (SELECT max(boot) FROM boots)
BEGIN SELECT RAISE(ABORT, 'the job runs for a boot that is over'); END;

CREATE TRIGGER jobs_end_without_servers BEFORE UPDATE OF state ON jobs
WHEN NEW.state IN ('succeeded', 'failed', 'cancelled') AND EXISTS
  (SELECT 1 FROM servers s WHERE s.owner_job = NEW.job_row
   AND (s.state <> 'deleting' OR NEW.state <> 'failed'))
BEGIN SELECT RAISE(ABORT, 'a job that has ended owns a server'); END;

-- -- steps --------------------------------------------------------------------

CREATE TABLE job_steps(
  job_row INTEGER NOT NULL REFERENCES jobs(job_row) ON DELETE CASCADE,
  seq INTEGER NOT NULL CHECK(seq >= 0),
  name TEXT NOT NULL CHECK(name <> ''),
  class TEXT NOT NULL CHECK(class IN ('compensatable', 'pivot', 'retriable')),
  state TEXT NOT NULL CHECK(state IN
    ('pending', 'started', 'done', 'skipped', 'undoing', 'undone')),
  attempt INTEGER NOT NULL DEFAULT 0 CHECK(attempt >= 0),
  crashes INTEGER NOT NULL DEFAULT 0 CHECK(crashes >= 0),
  reached INTEGER NOT NULL DEFAULT 0 CHECK(reached >= 0),
  output TEXT CHECK(output IS NULL OR json_valid(output)),
  error TEXT CHECK(error IS NULL OR json_valid(error)),
  started_at INTEGER,
  finished_at INTEGER,
  PRIMARY KEY(job_row, seq),
  UNIQUE(job_row, name),
  CHECK(state = 'skipped' OR (state = 'pending') = (started_at IS NULL)),
  CHECK((state IN ('done', 'undone', 'skipped')) = (finished_at IS NOT NULL))
) STRICT, WITHOUT ROWID;

CREATE TRIGGER steps_start_pending BEFORE INSERT ON job_steps
WHEN NEW.state <> 'pending'
BEGIN SELECT RAISE(ABORT, 'a step starts pending'); END;

CREATE TRIGGER steps_identity BEFORE UPDATE OF job_row, seq, name, class
ON job_steps
BEGIN SELECT RAISE(ABORT, 'the plan of a job does not change'); END;

-- A step that leaves nothing behind is undone at once, without 'undoing'.
CREATE TRIGGER steps_legal_transition BEFORE UPDATE OF state ON job_steps
WHEN OLD.state <> NEW.state AND (OLD.state, NEW.state) NOT IN (VALUES
  ('pending', 'started'), ('pending', 'skipped'),
  ('started', 'done'), ('started', 'skipped'), ('started', 'undoing'),
  ('done', 'undoing'), ('undoing', 'undone'), ('started', 'undone'),
  ('done', 'undone'))
BEGIN SELECT RAISE(ABORT, 'illegal step transition'); END;

CREATE TRIGGER steps_in_order BEFORE UPDATE OF state ON job_steps
WHEN NEW.state = 'started' AND EXISTS (SELECT 1 FROM job_steps p
  WHERE p.job_row = NEW.job_row AND p.seq < NEW.seq
    AND p.state NOT IN ('done', 'skipped'))
BEGIN SELECT RAISE(ABORT, 'step out of order'); END;

CREATE TRIGGER jobs_success_needs_steps BEFORE UPDATE OF state ON jobs
WHEN NEW.state = 'succeeded' AND EXISTS (SELECT 1 FROM job_steps s
  WHERE s.job_row = NEW.job_row AND s.state NOT IN ('done', 'skipped'))
BEGIN SELECT RAISE(ABORT, 'unfinished step'); END;

-- "cancelled" means that nothing of the job is left.
CREATE TRIGGER jobs_cancel_needs_undo BEFORE UPDATE OF state ON jobs
WHEN NEW.state = 'cancelled' AND EXISTS (SELECT 1 FROM job_steps s
  WHERE s.job_row = NEW.job_row AND s.state IN ('started', 'done', 'undoing'))
BEGIN SELECT RAISE(ABORT, 'a step is not undone'); END;

CREATE TABLE job_progress(
  job_row INTEGER PRIMARY KEY REFERENCES jobs(job_row) ON DELETE CASCADE,
  done INTEGER NOT NULL CHECK(done >= 0),
  total INTEGER CHECK(total > 0),
  unit TEXT NOT NULL,
  message TEXT NOT NULL,
  rate REAL NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;

-- -- events -------------------------------------------------------------------

-- seq is the total order and the cursor of every stream; one writer, so no
-- number becomes visible after a higher one.
CREATE TABLE events(
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  job_row INTEGER REFERENCES jobs(job_row) ON DELETE CASCADE,
  type TEXT NOT NULL CHECK(type <> ''),
  job_version INTEGER NOT NULL,
  at INTEGER NOT NULL,
  data TEXT NOT NULL CHECK(json_valid(data))
) STRICT;
CREATE INDEX events_by_job ON events(job_row, seq);

CREATE TRIGGER events_are_facts BEFORE UPDATE ON events
BEGIN SELECT RAISE(ABORT, 'an event does not change'); END;

-- -- keys, trash, locks -------------------------------------------------------

-- job_row is NULL when the record of the job was forgotten.
CREATE TABLE idempotency(
  principal TEXT NOT NULL,
  key TEXT NOT NULL CHECK(key <> ''),
  fingerprint TEXT NOT NULL,
  job_row INTEGER REFERENCES jobs(job_row) ON DELETE SET NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  PRIMARY KEY(principal, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_expiry ON idempotency(expires_at);
CREATE INDEX idempotency_by_job ON idempotency(job_row);

-- A volume in the trash. It belongs to the job that deleted the server until
-- an undelete claims it; a restored one waits for that job to take note.
CREATE TABLE trash(
  deleted_by INTEGER PRIMARY KEY REFERENCES jobs(job_row),
  server_row INTEGER NOT NULL REFERENCES servers(server_row),
  name TEXT NOT NULL UNIQUE CHECK(name <> '' AND name NOT GLOB '*/*'),
  state TEXT NOT NULL
    CHECK(state IN ('held', 'purging', 'restoring', 'restored')),
  claimed_by INTEGER REFERENCES jobs(job_row) DEFERRABLE INITIALLY DEFERRED,
  detached_at INTEGER NOT NULL,
  purge_after INTEGER NOT NULL,
  CHECK((state = 'restoring') = (claimed_by IS NOT NULL))
) STRICT;
CREATE INDEX trash_by_server ON trash(server_row);
CREATE INDEX trash_by_claim ON trash(claimed_by) WHERE claimed_by IS NOT NULL;

CREATE TRIGGER trash_starts_held BEFORE INSERT ON trash
WHEN NEW.state <> 'held'
BEGIN SELECT RAISE(ABORT, 'trash starts held'); END;

CREATE TRIGGER trash_legal_transition BEFORE UPDATE OF state ON trash
WHEN (OLD.state, NEW.state) NOT IN (VALUES
  ('held', 'purging'), ('held', 'restoring'),
  ('restoring', 'held'), ('restoring', 'restored'))
BEGIN SELECT RAISE(ABORT, 'illegal trash transition'); END;

-- An undelete keeps the uuid from its accept on: its volume comes back before
-- its server does.
CREATE TRIGGER trash_claims_a_free_uuid BEFORE UPDATE OF state ON trash
WHEN NEW.state = 'restoring' AND EXISTS (SELECT 1 FROM servers mine
  WHERE mine.server_row = NEW.server_row
    AND (EXISTS (SELECT 1 FROM servers s
           WHERE s.uuid = mine.uuid AND s.state <> 'deleted')
         OR EXISTS (SELECT 1 FROM trash t
           JOIN servers s ON s.server_row = t.server_row
           WHERE t.claimed_by IS NOT NULL AND t.deleted_by <> NEW.deleted_by
             AND s.uuid = mine.uuid)))
BEGIN SELECT RAISE(ABORT, 'the uuid is taken'); END;

CREATE TRIGGER servers_uuid_reserved BEFORE INSERT ON servers
WHEN EXISTS (SELECT 1 FROM trash t
  JOIN servers s ON s.server_row = t.server_row
  WHERE t.claimed_by IS NOT NULL AND s.uuid = NEW.uuid)
BEGIN SELECT RAISE(ABORT, 'the uuid is being restored'); END;

CREATE TRIGGER trash_is_not_lost BEFORE DELETE ON trash
WHEN OLD.state NOT IN ('purging', 'restored')
BEGIN SELECT RAISE(ABORT, 'trash leaves by purge or restore'); END;

CREATE TRIGGER jobs_end_without_claims BEFORE UPDATE OF state ON jobs
WHEN NEW.state IN ('succeeded', 'failed', 'cancelled') AND EXISTS
  (SELECT 1 FROM trash t WHERE t.claimed_by = NEW.job_row)
BEGIN SELECT RAISE(ABORT, 'a job that has ended claims trash'); END;

-- Taken all at once when a job is claimed, so there is no deadlock.
CREATE TABLE locks(
  resource TEXT NOT NULL CHECK(resource <> ''),
  job_row INTEGER NOT NULL REFERENCES jobs(job_row),
  mode TEXT NOT NULL CHECK(mode IN ('S', 'X')),
  acquired_at INTEGER NOT NULL,
  PRIMARY KEY(resource, job_row)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX locks_one_exclusive ON locks(resource) WHERE mode = 'X';
CREATE INDEX locks_by_job ON locks(job_row);

CREATE TRIGGER locks_compatible BEFORE INSERT ON locks
WHEN EXISTS (SELECT 1 FROM locks l WHERE l.resource = NEW.resource
  AND l.job_row <> NEW.job_row AND (l.mode = 'X' OR NEW.mode = 'X'))
BEGIN SELECT RAISE(ABORT, 'lock conflict'); END;

CREATE TRIGGER locks_stay_put BEFORE UPDATE ON locks
WHEN NEW.resource <> OLD.resource OR NEW.job_row <> OLD.job_row
  OR EXISTS (SELECT 1 FROM locks l WHERE l.resource = NEW.resource
    AND l.job_row <> NEW.job_row AND (l.mode = 'X' OR NEW.mode = 'X'))
BEGIN SELECT RAISE(ABORT, 'lock conflict'); END;

CREATE TRIGGER jobs_end_without_locks BEFORE UPDATE OF state ON jobs
WHEN NEW.state IN ('succeeded', 'failed', 'cancelled') AND EXISTS
  (SELECT 1 FROM locks WHERE job_row = NEW.job_row)
BEGIN SELECT RAISE(ABORT, 'a job that has ended holds a lock'); END;
