-- Version 16: an archive that somebody put into the directory may have been
-- seen while it was still being copied. As long as no checksum says what it has
-- to be, its size is what a look at it finds.
DROP TRIGGER backups_facts_frozen;
CREATE TRIGGER backups_facts_frozen BEFORE UPDATE OF size, sha1, sha256,
  content_bytes, files ON backups
WHEN OLD.state <> 'creating'
  AND ((NEW.size IS NOT OLD.size
        AND (OLD.sha1 IS NOT NULL OR OLD.sha256 IS NOT NULL))
  OR (OLD.sha1 IS NOT NULL AND NEW.sha1 IS NOT OLD.sha1)
  OR (OLD.sha256 IS NOT NULL AND NEW.sha256 IS NOT OLD.sha256))
BEGIN SELECT RAISE(ABORT, 'the facts of a backup do not change'); END;
