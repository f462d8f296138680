-- What journeys lost to each of their parts, in quarters of an hour: as fine as time zones differ. `stage` is 0 for a
-- consistency check.
CREATE TABLE loss (
    journey INTEGER NOT NULL,
    at INTEGER NOT NULL,
    stage INTEGER NOT NULL,
    part INTEGER NOT NULL,
    lost_minutes REAL NOT NULL,
    PRIMARY KEY (journey, at, stage, part)
) WITHOUT ROWID;

-- Up to when the circulars of a schedule have been put into the outbox.
CREATE TABLE circulated (schedule TEXT PRIMARY KEY, upto INTEGER NOT NULL) WITHOUT ROWID;
