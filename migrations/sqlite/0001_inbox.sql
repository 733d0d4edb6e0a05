-- What came in, as it came: the durable queue before the core.
CREATE TABLE inbox (
    id           INTEGER PRIMARY KEY AUTOINCREMENT, -- never reused: events name it
    connection   TEXT    NOT NULL,
    channel      TEXT    NOT NULL,
    content_type TEXT    NOT NULL,
    query        TEXT    NOT NULL,
    body         BLOB    NOT NULL,                  -- sealed by store/vault
    received_at  INTEGER NOT NULL,
    dedupe       TEXT,
    state        TEXT    NOT NULL,
    attempts     INTEGER NOT NULL,
    reason       TEXT,
    next_at      INTEGER,
    settled_at   INTEGER
) STRICT;

CREATE UNIQUE INDEX inbox_dedupe ON inbox (connection, dedupe) WHERE dedupe IS NOT NULL;
-- One small index a state: most rows are done, and those must not slow the search for the few that are not. SQLite looks
-- at the row again unless the index holds the state as well; the row's number is in every index.
CREATE INDEX inbox_pending ON inbox (state) WHERE state = 'pending';
CREATE INDEX inbox_pending_age ON inbox (received_at) WHERE state = 'pending';
CREATE INDEX inbox_waiting ON inbox (next_at, state) WHERE state = 'waiting';
CREATE INDEX inbox_dead ON inbox (state) WHERE state = 'dead';
CREATE INDEX inbox_done ON inbox (settled_at, state) WHERE state = 'done';
