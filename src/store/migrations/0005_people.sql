-- What people silenced, and until when; the rest is JSON.
CREATE TABLE silence (id TEXT PRIMARY KEY, began INTEGER NOT NULL, ends INTEGER NOT NULL, body TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX silence_ends ON silence (ends);

-- Minutes of planned work among `minutes`.
ALTER TABLE score ADD COLUMN planned_minutes REAL NOT NULL DEFAULT 0;
