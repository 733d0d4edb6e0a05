-- Letters: the queue out, and the record of it.
CREATE TABLE messages (
    seq         INTEGER PRIMARY KEY, -- order of planning, for lists
    id          TEXT    NOT NULL UNIQUE,
    customer    TEXT    NOT NULL,
    enrollment  TEXT    NOT NULL,
    step        TEXT    NOT NULL,
    pass        INTEGER NOT NULL,
    rule        TEXT    NOT NULL,
    map         TEXT    NOT NULL,
    stage       TEXT,
    letter      TEXT    NOT NULL,
    purpose     TEXT    NOT NULL,
    locale      TEXT    NOT NULL,
    address     TEXT,
    rulebook    TEXT    NOT NULL,
    planned_at  INTEGER NOT NULL,
    due_at      INTEGER NOT NULL,
    inputs      TEXT    NOT NULL,
    verdicts    TEXT    NOT NULL,
    state       TEXT    NOT NULL,
    reason      TEXT,
    changed_at  INTEGER NOT NULL,
    next_at     INTEGER,
    attempts    INTEGER NOT NULL,
    resend      INTEGER NOT NULL,
    lease_owner TEXT,
    lease_until INTEGER,
    subject     TEXT,
    message_id  TEXT,
    sent_at     INTEGER,
    relay       TEXT,
    code        INTEGER,
    enhanced    TEXT,
    reply       TEXT,
    UNIQUE (enrollment, step, pass)                -- one message a step, whatever crashes
) STRICT;

CREATE INDEX messages_queue ON messages (next_at, id) WHERE state = 'queued';
CREATE INDEX messages_leased ON messages (lease_until) WHERE lease_until IS NOT NULL;
CREATE INDEX messages_customer ON messages (customer, seq);
CREATE INDEX messages_rule ON messages (rule, seq);

-- The exact bytes, apart from the rows that are searched. Sealed by store/vault.
CREATE TABLE message_bytes (
    message TEXT PRIMARY KEY REFERENCES messages (id),
    bytes   BLOB NOT NULL
) STRICT;

CREATE TABLE message_log (
    id      INTEGER PRIMARY KEY, -- none is ever deleted, so none is used again
    message TEXT    NOT NULL REFERENCES messages (id),
    at      INTEGER NOT NULL,
    state   TEXT    NOT NULL,
    reason  TEXT,
    detail  TEXT    NOT NULL
) STRICT;

CREATE INDEX message_log_message ON message_log (message, id);

CREATE TRIGGER message_log_stays BEFORE UPDATE ON message_log
BEGIN SELECT RAISE(ABORT, 'message_log is append-only'); END;
CREATE TRIGGER message_log_keeps BEFORE DELETE ON message_log
BEGIN SELECT RAISE(ABORT, 'message_log is append-only'); END;
