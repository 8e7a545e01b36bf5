-- Version 3: what the Panel is to be told, and servers it does not know.

-- One row per call-back, written in the commit of the outcome it reports. Of
-- each subject only the oldest that has not ended is tried: it is `waiting`,
-- those that came later are `behind` it, and the end of one calls up the next.
-- The record of the job may be gone before its report is.
CREATE TABLE outbox(
  report INTEGER PRIMARY KEY AUTOINCREMENT,
  subject TEXT NOT NULL CHECK(length(subject) BETWEEN 1 AND 100),
  job TEXT CHECK(length(job) = 36),
  server TEXT CHECK(length(server) = 36),
  method TEXT NOT NULL CHECK(method IN ('POST', 'PUT', 'PATCH', 'DELETE')),
  path TEXT NOT NULL CHECK(path GLOB '/?*' AND length(path) <= 500),
  body TEXT NOT NULL CHECK(json_valid(body) AND length(body) <= 1048576),
  state TEXT NOT NULL
    CHECK(state IN ('behind', 'waiting', 'delivered', 'dead')),
  tries INTEGER NOT NULL DEFAULT 0 CHECK(tries >= 0),
  status INTEGER CHECK(status BETWEEN 100 AND 999),
  error TEXT CHECK(error <> ''),
  created_at INTEGER NOT NULL,
  next_at INTEGER NOT NULL,
  tried_at INTEGER,
  ended_at INTEGER,
  CHECK((state IN ('delivered', 'dead')) = (ended_at IS NOT NULL)),
  CHECK((tries > 0) = (tried_at IS NOT NULL)),
  CHECK(state IN ('behind', 'waiting') OR tries > 0),
  CHECK(state <> 'behind' OR tries = 0),
  CHECK(state <> 'dead' OR error IS NOT NULL)
) STRICT;
-- Order: two of one subject are never under way.
CREATE UNIQUE INDEX outbox_one_waiting ON outbox(subject)
  WHERE state = 'waiting';
CREATE INDEX outbox_due ON outbox(next_at) WHERE state = 'waiting';
CREATE INDEX outbox_behind ON outbox(subject, report) WHERE state = 'behind';
CREATE INDEX outbox_open ON outbox(report) WHERE ended_at IS NULL;
CREATE INDEX outbox_unsettled ON outbox(report) WHERE state <> 'delivered';
CREATE INDEX outbox_dead ON outbox(report) WHERE state = 'dead';
CREATE INDEX outbox_ended ON outbox(ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX outbox_by_subject ON outbox(subject, report);

CREATE TRIGGER outbox_starts_in_line BEFORE INSERT ON outbox
WHEN NEW.state NOT IN ('behind', 'waiting')
BEGIN SELECT RAISE(ABORT, 'a report starts in line'); END;

-- Nobody would ever call it up.
CREATE TRIGGER outbox_behind_somebody BEFORE INSERT ON outbox
WHEN NEW.state = 'behind' AND NOT EXISTS (SELECT 1 FROM outbox o
  WHERE o.subject = NEW.subject AND o.state = 'waiting')
BEGIN SELECT RAISE(ABORT, 'nobody is in front of the report'); END;

CREATE TRIGGER outbox_identity BEFORE UPDATE OF report, subject, job, server,
  method, path, body, created_at ON outbox
BEGIN SELECT RAISE(ABORT, 'what is told does not change'); END;

CREATE TRIGGER outbox_ended_frozen BEFORE UPDATE ON outbox
WHEN OLD.ended_at IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'a report that has ended does not change'); END;

CREATE TRIGGER outbox_legal_transition BEFORE UPDATE OF state ON outbox
WHEN OLD.state <> NEW.state AND OLD.ended_at IS NULL
  AND (OLD.state, NEW.state) NOT IN (VALUES
    ('behind', 'waiting'), ('waiting', 'delivered'), ('waiting', 'dead'))
BEGIN SELECT RAISE(ABORT, 'illegal report transition'); END;

CREATE TRIGGER outbox_in_order BEFORE UPDATE OF state ON outbox
WHEN OLD.state = 'behind' AND NEW.state = 'waiting' AND EXISTS
  (SELECT 1 FROM outbox o WHERE o.subject = NEW.subject
   AND o.state = 'behind' AND o.report < NEW.report)
BEGIN SELECT RAISE(ABORT, 'report out of order'); END;

CREATE TRIGGER outbox_is_not_lost BEFORE DELETE ON outbox
WHEN OLD.ended_at IS NULL
BEGIN SELECT RAISE(ABORT, 'a report leaves when it has ended'); END;

CREATE TRIGGER outbox_next_please AFTER UPDATE OF state ON outbox
WHEN OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL
BEGIN
  UPDATE outbox SET state = 'waiting'
  WHERE report = (SELECT min(o.report) FROM outbox o
    WHERE o.subject = NEW.subject AND o.state = 'behind');
END;

-- When the Panel has taken note that the backup is ready; outlives the report.
ALTER TABLE backups ADD COLUMN told_at INTEGER;

-- Since when the Panel says that it has no such server; NULL: it has, or was
-- not asked. Nothing is deleted because of it.
ALTER TABLE servers ADD COLUMN quarantined_at INTEGER;
