-- What people noted on the time axis. `ends` is `began` for a moment; `removed` ones are kept and not shown.
CREATE TABLE annotation (
    id TEXT PRIMARY KEY,
    journey TEXT,
    incident TEXT,
    began INTEGER NOT NULL,
    ends INTEGER NOT NULL,
    removed INTEGER,
    body TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX annotation_began ON annotation (began, id);
CREATE INDEX annotation_incident ON annotation (incident, began, id) WHERE incident IS NOT NULL;

-- What incidents cost which journey, points: to find those of a journey's year without reading all of them.
CREATE TABLE impact (
    journey TEXT NOT NULL,
    opened INTEGER NOT NULL,
    incident TEXT NOT NULL,
    closed INTEGER,
    loss REAL NOT NULL,
    PRIMARY KEY (journey, opened, incident)
) WITHOUT ROWID;
CREATE INDEX impact_incident ON impact (incident);
INSERT OR REPLACE INTO impact (journey, opened, incident, closed, loss)
SELECT json_extract(hurt.value, '$.journey'), i.opened, i.id, i.closed, json_extract(hurt.value, '$.loss')
FROM incident i, json_each(i.body, '$.impacts') hurt;
