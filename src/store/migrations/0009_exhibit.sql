-- What failed runs left to be looked at. `name` is the exhibit's file name, `why` the fault's code.
CREATE TABLE exhibit (
    id INTEGER PRIMARY KEY,
    probe TEXT NOT NULL,
    trace TEXT NOT NULL,
    step TEXT NOT NULL,
    why TEXT NOT NULL,
    at INTEGER NOT NULL,
    name TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    body BLOB NOT NULL,
    UNIQUE (trace, name)
);
CREATE INDEX exhibit_probe ON exhibit (probe, at);
CREATE INDEX exhibit_at ON exhibit (at, bytes);
