-- Version 7: rotation policies of single servers.

-- JSON as jobs/rotation.hpp reads it; NULL: the node's counts.
ALTER TABLE servers ADD COLUMN rotation TEXT CHECK(rotation <> '');
