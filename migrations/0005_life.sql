-- Version 5: what has to survive a restart of the life of a server.

-- Whether the server is wanted up: the last wish of somebody who may have one,
-- which a boot restores. What is true at the moment only Docker knows.
ALTER TABLE servers ADD COLUMN wanted_up INTEGER NOT NULL DEFAULT 0
  CHECK(wanted_up IN (0, 1));

-- Of the install script of its egg. A server of which nobody asked for one has
-- none. installed_at is of the last one that went well.
ALTER TABLE servers ADD COLUMN install TEXT NOT NULL DEFAULT 'none'
  CHECK(install IN ('none', 'wanted', 'running', 'done', 'failed'));
ALTER TABLE servers ADD COLUMN installed_at INTEGER;

-- Of the last time it went offline by itself; NULL: never.
ALTER TABLE servers ADD COLUMN crashed_at INTEGER;
ALTER TABLE servers ADD COLUMN crash_exit_code INTEGER NOT NULL DEFAULT 0;
ALTER TABLE servers ADD COLUMN crash_out_of_memory INTEGER NOT NULL DEFAULT 0
  CHECK(crash_out_of_memory IN (0, 1));
