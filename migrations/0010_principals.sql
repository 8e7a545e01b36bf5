-- Version 10: who may come in by the door, and what was changed through it.

-- API tokens and the keys of appliances. `hash` is that of the secret, which is
-- nowhere. What one may do never changes: another one is made.
CREATE TABLE principals(
  id TEXT PRIMARY KEY CHECK(length(id) = 20 AND id NOT GLOB '*[^0-9a-f]*'),
  kind TEXT NOT NULL CHECK(kind IN ('token', 'appliance')),
  subject TEXT NOT NULL CHECK(length(subject) <= 255),
  name TEXT NOT NULL CHECK(length(name) <= 200),
  role TEXT NOT NULL CHECK(role IN ('viewer', 'operator', 'admin', 'custom')),
  scope TEXT NOT NULL CHECK(json_valid(scope)),
  hash TEXT NOT NULL UNIQUE
    CHECK(length(hash) = 64 AND hash NOT GLOB '*[^0-9a-f]*'),
  created_by TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER CHECK(expires_at > 0),
  revoked_at INTEGER CHECK(revoked_at > 0),
  used_at INTEGER CHECK(used_at > 0),
  CHECK((kind = 'token') = (role <> 'custom')),
  CHECK((kind = 'appliance') = (subject <> ''))
) STRICT, WITHOUT ROWID;

CREATE TRIGGER principals_stand BEFORE UPDATE OF id, kind, subject, name, role,
  scope, hash, created_by, created_at, expires_at ON principals
BEGIN SELECT RAISE(ABORT, 'what a token may do does not change'); END;

CREATE TRIGGER principals_revoked_for_good BEFORE UPDATE OF revoked_at
  ON principals
WHEN OLD.revoked_at IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'a revoked token stays revoked'); END;

-- One row per change that was asked for through the door and answered.
CREATE TABLE audit(
  audit_row INTEGER PRIMARY KEY AUTOINCREMENT,
  at INTEGER NOT NULL,
  principal TEXT NOT NULL CHECK(principal <> ''),
  name TEXT NOT NULL,
  method TEXT NOT NULL,
  path TEXT NOT NULL CHECK(length(path) <= 1000),
  server TEXT,
  job TEXT,
  status INTEGER NOT NULL CHECK(status BETWEEN 100 AND 599),
  request_id TEXT NOT NULL,
  remote TEXT NOT NULL
) STRICT;
CREATE INDEX audit_by_age ON audit(at);
CREATE INDEX audit_by_principal ON audit(principal, audit_row);
CREATE INDEX audit_by_server ON audit(server, audit_row)
  WHERE server IS NOT NULL;

CREATE TRIGGER audit_stands BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit is not rewritten'); END;
