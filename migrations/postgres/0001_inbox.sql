-- What came in, as it came: the durable queue before the core.
CREATE TABLE inbox (
    id           BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- never reused: events name it
    connection   TEXT   NOT NULL,
    channel      TEXT   NOT NULL,
    content_type TEXT   NOT NULL,
    query        TEXT   NOT NULL,
    body         BYTEA  NOT NULL,                                 -- sealed by store/vault
    received_at  BIGINT NOT NULL,
    dedupe       TEXT,
    state        TEXT   NOT NULL,
    attempts     BIGINT NOT NULL,
    reason       TEXT,
    next_at      BIGINT,
    settled_at   BIGINT
);

CREATE UNIQUE INDEX inbox_dedupe ON inbox (connection, dedupe) WHERE dedupe IS NOT NULL;
-- One small index a state: most rows are done, and those must not slow the search for the few that are not.
CREATE INDEX inbox_pending ON inbox (id) WHERE state = 'pending';
CREATE INDEX inbox_pending_age ON inbox (received_at) WHERE state = 'pending';
CREATE INDEX inbox_waiting ON inbox (next_at) WHERE state = 'waiting';
CREATE INDEX inbox_dead ON inbox (id) WHERE state = 'dead';
CREATE INDEX inbox_done ON inbox (settled_at) WHERE state = 'done';
