-- Times are milliseconds since 1970 unless said otherwise.

CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;

-- Fault codes, journeys and other names that rows carry as a number.
CREATE TABLE word (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);

CREATE TABLE series (
    id INTEGER PRIMARY KEY,
    probe TEXT NOT NULL,
    persona TEXT NOT NULL,
    vantage TEXT NOT NULL,
    UNIQUE (probe, persona, vantage)
);

-- One row a commit: the briefs of many series as they came. Soon sorted into blocks.
CREATE TABLE batch (id INTEGER PRIMARY KEY, data BLOB NOT NULL);

-- One row a series and hour. id = series << 24 | hours since 1970.
CREATE TABLE block (id INTEGER PRIMARY KEY, data BLOB NOT NULL);

-- Whole readings, of runs worth looking at. id = series << 42 | when it was due.
CREATE TABLE detail (id INTEGER PRIMARY KEY, good INTEGER NOT NULL, body BLOB NOT NULL);
CREATE INDEX detail_good ON detail (id) WHERE good;

-- span: 2 an hour, 3 a day.
CREATE TABLE rollup (
    series INTEGER NOT NULL,
    span INTEGER NOT NULL,
    at INTEGER NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (series, span, at)
) WITHOUT ROWID;

-- span: 1 a minute, 2 an hour, 3 a day. Means are over `minutes`, those of score and felt over the `scored` ones.
CREATE TABLE score (
    journey INTEGER NOT NULL,
    span INTEGER NOT NULL,
    at INTEGER NOT NULL,
    score REAL,
    felt REAL,
    observed REAL NOT NULL,
    lost_minutes REAL NOT NULL,
    unobserved_minutes REAL NOT NULL,
    minutes INTEGER NOT NULL,
    scored INTEGER NOT NULL,
    PRIMARY KEY (journey, span, at)
) WITHOUT ROWID;

CREATE TABLE incident (id TEXT PRIMARY KEY, opened INTEGER NOT NULL, closed INTEGER, body TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX incident_opened ON incident (opened);
CREATE INDEX incident_open ON incident (opened) WHERE closed IS NULL;

CREATE TABLE outbox (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    incident TEXT NOT NULL,
    receiver TEXT NOT NULL,
    kind TEXT NOT NULL,
    version INTEGER NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    created INTEGER NOT NULL,
    queued INTEGER NOT NULL,
    next_attempt INTEGER NOT NULL,
    settled INTEGER,
    error TEXT,
    labels TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX outbox_pending ON outbox (receiver, incident, number) WHERE state = 'pending';
CREATE INDEX outbox_incident ON outbox (incident, receiver, number);
CREATE INDEX outbox_standing ON outbox (receiver, state, incident, number);

CREATE TABLE memory (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE push (probe TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
